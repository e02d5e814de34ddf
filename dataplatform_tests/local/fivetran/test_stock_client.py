"""dagster-fivetran as it is published, with nothing changed but the address."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from dagster import AssetExecutionContext, AssetKey, materialize
from dagster_fivetran import FivetranWorkspace, fivetran_assets
from dagster_fivetran import resources as stock

from dataplatform_tests.local.fivetran.conftest import KEY, SECRET, Service

pytestmark = pytest.mark.slow


@pytest.fixture
def connection(
    service: Service,
    source: psycopg.Connection[Any],
    production: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    monkeypatch.setattr(stock, "FIVETRAN_API_BASE", f"http://127.0.0.1:{service.port}")
    source.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a')"
    )
    return production()


def test_client(service: Service, connection: str) -> None:
    client = stock.FivetranClient(KEY, SECRET, 0, 0.1, 1.0, disable_schedule_on_trigger=True)
    assert service.group in [group["id"] for group in client.get_groups()["items"]]
    assert client.get_destination_details(service.group)["service"] == "duckdb"
    listed = client.list_connectors_for_group(service.group)
    assert [item["id"] for item in listed] == [connection]
    output = client.sync_and_poll(connection, poll_interval=0.1, poll_timeout=60)
    assert output is not None
    assert output.connector_details["succeeded_at"] is not None
    columns = client.get_columns_config_for_table(connection, "public", "orders")["columns"]
    assert columns["id"]["is_primary_key"] is True
    again = client.resync_and_poll(
        connection, poll_interval=0.1, poll_timeout=60, resync_parameters={"public": ["orders"]}
    )
    assert again is not None
    newest = service.call("GET", f"/local/connections/{connection}/syncs")["items"]
    assert [sync["status"] for sync in newest] == ["SUCCESSFUL", "SUCCESSFUL"]


def test_asset_decorator_materialises(service: Service, connection: str) -> None:
    workspace = FivetranWorkspace(account_id="local", api_key=KEY, api_secret=SECRET)

    @fivetran_assets(connector_id=connection, workspace=workspace, name="raw")
    def raw(context: AssetExecutionContext, fivetran: FivetranWorkspace) -> Any:
        yield from fivetran.sync_and_poll(context=context)

    result = materialize([raw], resources={"fivetran": workspace})
    assert result.success
    assert [m.asset_key for m in result.asset_materializations_for_node("raw")] == [
        AssetKey(["raw_public", "orders"])
    ]
    assert service.rows("SELECT id, note FROM raw_public.orders") == [(1, "a")]
