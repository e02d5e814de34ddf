"""An update that never came is judged, though no run of the table could notice it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    RunRequest,
    build_sensor_context,
)

from dataplatform.keys import Relation
from dataplatform.monitors.model import Snapshot
from dataplatform.quality.missed_defs import due_requests, missed_sensors
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse.opening import open_warehouse
from dataplatform_tests.quality.conftest import Shop

TABLE = AssetKey(["raw_shop", "customers"])
CUSTOMERS = Relation("raw_shop", "customers")
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def shop(tmp_path: Path, customers_contract: Callable[..., Path]) -> Any:
    """A shop whose customers came each day for twenty days, the last time five days ago."""
    found = Shop(tmp_path, customers_contract)
    found.instance.report_runless_asset_event(AssetMaterialization(TABLE))
    with open_warehouse(found.project.environment, found.project).session("a test") as session:
        store = MonitorStore(session, "duckdb")
        store.prepare()
        for back in range(25, 4, -1):
            store.write(CUSTOMERS, Snapshot(NOW - back * DAY, {(None, "rows"): 9.0}), build=back)
    yield found
    found.instance.dispose()


def _due(shop: Any, at: datetime.datetime, instance: DagsterInstance | None = None) -> Any:
    warehouse = open_warehouse(shop.project.environment, shop.project)
    return due_requests(shop.project, warehouse, instance or shop.instance, at)


def test_a_missed_update_is_judged_once_and_once_more_when_it_is_very_late(shop: Any) -> None:
    last = NOW - 5 * DAY
    assert _due(shop, last + 25 * HOUR) == []
    (late,) = _due(shop, last + 125 * HOUR)
    assert late.asset_check_keys == [AssetCheckKey(TABLE, "usual_freshness")]
    assert late.asset_selection == []
    assert late.run_key == f"missed raw_shop.customers {last.isoformat()} very_unusual"
    (again,) = _due(shop, last + 130 * HOUR)
    assert again.run_key == late.run_key
    # With the next update there is nothing to say.
    with open_warehouse(shop.project.environment, shop.project).session("a test") as session:
        MonitorStore(session, "duckdb").write(
            CUSTOMERS, Snapshot(last + 126 * HOUR, {(None, "rows"): 9.0}), build=4
        )
    assert _due(shop, last + 130 * HOUR) == []


def test_where_nothing_was_ever_built_no_warehouse_is_opened(shop: Any) -> None:
    with DagsterInstance.ephemeral() as nothing:
        assert _due(shop, NOW, nothing) == []


def test_the_sensor_asks_for_that_check_alone(shop: Any) -> None:
    (sensor,) = missed_sensors(shop.project)
    asked = sensor(build_sensor_context(instance=shop.instance))
    assert isinstance(asked, list)
    assert [type(one) for one in asked] == [RunRequest]
    assert asked[0].asset_check_keys == [AssetCheckKey(TABLE, "usual_freshness")]
    assert sensor.minimum_interval_seconds == 900
