"""dagster-fivetran's own interface, and webhooks, on our workspace and the real local service."""

# Dagster reads the annotations of steps, so they are not postponed here.
import time
from collections.abc import Iterator

import psycopg
import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    build_sensor_context,
    materialize,
)
from dagster_fivetran import FivetranWorkspace, fivetran_assets, load_fivetran_asset_specs

from dataplatform.declarations.project import Project
from dataplatform.ingestion.apply import apply_connections, plan_connections
from dataplatform.ingestion.defs import build_definitions
from dataplatform.ingestion.webhooks.spool import spool_of
from dataplatform.resources.defs import build_resources
from dataplatform.resources.project import declared_project
from dataplatform_tests.ingestion import conftest
from dataplatform_tests.resources import local_servers

pytestmark = pytest.mark.slow

DATABASE = ("host", "port", "user", "password", "database")
SHOP = (
    conftest.SHOP.replace(
        'config: {host: db, port: 5432, user: u, password: "${DB_PASSWORD}", database: d}',
        "config:\n" + "".join(f'  {name}: "${{local:postgres.{name}}}"\n' for name in DATABASE),
    )
    + "schedule_type: manual\n"
)
ORDERS = "raw_shop_public/orders"


@pytest.fixture(scope="module")
def served() -> Iterator[Project]:
    servers = ["postgres", "fivetran", "webhooks"]
    environment = local_servers._ENVIRONMENT.replace(
        "  group: shop\n",
        '  group: shop\n  webhook: {url: "${local:webhooks.url}/fivetran",'
        ' secret: "${local:webhooks.secret}"}\n',
    )
    # No object store runs: its settings are never asked for.
    files = {
        "environments/local.yml": environment
        + "".join(f"  {name}: {{port: auto}}\n" for name in servers),
        "connections/shop.yml": SHOP,
    }
    with local_servers.served_project(servers, files) as project:
        sql(project, "CREATE TABLE orders (order_id bigint PRIMARY KEY, amount numeric(12, 2))")
        sql(project, 'CREATE TABLE "OrderItems" (order_id bigint)')
        sql(project, "INSERT INTO orders SELECT i, i FROM generate_series(1, 50) AS i")
        apply_connections(project)
        declared_project.cache_clear()
        yield project


def sql(project: Project, statement: str) -> None:
    found = {name: project.environment.resolve(f"${{local:postgres.{name}}}") for name in DATABASE}
    found["dbname"] = found.pop("database")
    with psycopg.connect(autocommit=True, **found) as connection:
        connection.execute(statement)


def test_applying_registers_the_webhook_once(served: Project) -> None:
    assert plan_connections(served) == []


def test_dagster_fivetrans_own_decorator_and_loader_work(served: Project) -> None:
    workspace = build_resources(served)["fivetran"]
    assert isinstance(workspace, FivetranWorkspace)
    live = workspace.live_id("shop")
    # The account tells of tables once it has looked at the source.
    specs = load_fivetran_asset_specs(workspace)
    assert ORDERS in {spec.key.to_user_string() for spec in specs}

    @fivetran_assets(connector_id=live, name="shop_by_hand", workspace=workspace)
    def shop(context: AssetExecutionContext, fivetran: FivetranWorkspace) -> Iterator[object]:
        yield from fivetran.sync_and_poll(context=context).fetch_column_metadata()

    with DagsterInstance.ephemeral() as instance:
        result = materialize([shop], instance=instance, resources={"fivetran": workspace})
        assert result.success
        event = instance.get_latest_materialization_event(AssetKey(ORDERS.split("/")))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster-fivetran/connector_id"].value == live
    types = {one.name: one.type for one in metadata["dagster/column_schema"].value.columns}
    assert types["amount"] == "DECIMAL(12,2)" and types["order_id"] == "BIGINT"


def test_a_sync_elsewhere_is_told_through_its_webhook(served: Project) -> None:
    resources = build_resources(served)
    definitions = Definitions.merge(build_definitions(served), Definitions(resources=resources))
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("fivetran_syncs")
    spool = spool_of(served.state)
    with DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> tuple[list[str], str | None]:
            context = build_sensor_context(
                instance=instance, cursor=cursor, repository_def=repository, resources=resources
            )
            found = sensor.evaluate_tick(context)
            told = [one for one in found.asset_events if isinstance(one, AssetMaterialization)]
            return [one.asset_key.to_user_string() for one in told], found.cursor

        _, cursor = tick(None)
        sql(served, "INSERT INTO orders VALUES (1000, 1)")
        resources["fivetran"].get_client().start_sync("shop")
        deadline = time.monotonic() + 60
        told: list[str] = []
        while not told and time.monotonic() < deadline:
            if spool.waiting():
                told, cursor = tick(cursor)
            time.sleep(0.05)
        assert ORDERS in told
        assert tick(cursor)[0] == []
        assert spool.waiting() == []
