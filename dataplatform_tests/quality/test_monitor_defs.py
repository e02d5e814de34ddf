"""Monitors in the graph: what a run says of a table while it learns, when it knows, and after."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from dagster import AssetCheckKey, AssetKey

from dataplatform.keys import Relation
from dataplatform.monitors.model import Answer, Settings, Snapshot
from dataplatform.quality.measuring import measure
from dataplatform.quality.monitoring import columns_of
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.opening import open_warehouse

TABLE = AssetKey(["raw_shop", "customers"])
CUSTOMERS = Relation("raw_shop", "customers")
DAY = datetime.timedelta(days=1)


def _rows(count: int, age: int = 30) -> str:
    return ", ".join(f"({n}, 'p{n}@b.c', {age + n % 20})" for n in range(1, count + 1))


def _store(shop: Any) -> Any:
    return open_warehouse(shop.project.environment, shop.project).session("a test")


def _past(shop: Any, days: int = 20) -> None:
    """Repeat the one measurement there is on each of the days before."""
    with _store(shop) as session:
        store = MonitorStore(session, "duckdb")
        now = datetime.datetime.now(datetime.UTC)
        (last,) = store.history([CUSTOMERS], now - DAY)[CUSTOMERS].snapshots
        for back in range(days, 0, -1):
            store.write(CUSTOMERS, Snapshot(last.at - back * DAY, last.values, {}, last.columns))


def _monitors(result: Any) -> dict[str, Any]:
    return {
        one.check_name: one
        for one in result.get_asset_check_evaluations()
        if one.check_name.startswith("usual_") and one.asset_key == TABLE
    }


def test_while_it_learns_a_monitor_says_nothing(shop_run: Any) -> None:
    result = shop_run.run(_rows(200))
    assert result.success
    assert _monitors(result) == {}
    with _store(shop_run) as session:
        found = MonitorStore(session, "duckdb").history(
            [CUSTOMERS], datetime.datetime.now(datetime.UTC) - DAY
        )[CUSTOMERS]
    assert found.snapshots[0].values[None, "rows"] == 200


def test_an_unusual_table_is_told_and_gates(shop_run: Any) -> None:
    shop_run.run(_rows(200))
    _past(shop_run)
    usual = _monitors(shop_run.run(_rows(201)))
    assert {name: one.passed for name, one in usual.items()} == {
        "usual_volume": True,
        "usual_freshness": True,
        "usual_values": True,
        "usual_schema": True,
    }
    few = _monitors(shop_run.run(_rows(40, age=3000)))
    assert not few["usual_volume"].passed and few["usual_volume"].severity.value == "ERROR"
    assert "fell to 40; expected" in few["usual_volume"].description
    assert not few["usual_values"].passed and "age" in few["usual_values"].description
    assert few["usual_schema"].passed
    key = AssetCheckKey(TABLE, "usual_volume")
    spec = shop_run.definitions.resolve_asset_graph().get_check_spec(key)
    assert spec.metadata["dataplatform/gate"] and spec.metadata["dataplatform/monitor"]


def test_what_was_measured_once_is_not_measured_again(shop_run: Any) -> None:
    shop_run.run(_rows(200))
    _past(shop_run)
    shop_run.run(_rows(40))
    again = _monitors(shop_run.run("", alone="usual_volume"))
    assert list(again) == ["usual_volume"] and not again["usual_volume"].passed
    with _store(shop_run) as session:
        rows = session.execute(
            "select count(*) from dataplatform.table_metrics where metric = 'columns'"
        )
    assert rows[0][0] == 22


def test_a_new_column_and_a_lost_one_are_told(shop_run: Any) -> None:
    shop_run.run(_rows(200))
    _past(shop_run)
    with _store(shop_run) as session:
        session.execute("alter table raw_shop.customers rename column age to years")
    wider = _rows(200).replace(")", ", 'x')")
    schema = _monitors(shop_run.run(wider, more=", note"))["usual_schema"]
    assert not schema.passed and "The column note (VARCHAR) is new" in schema.description


def test_a_muted_monitor_is_silent(shop_run: Any) -> None:
    shop_run.run(_rows(200))
    _past(shop_run)
    now = datetime.datetime.now(datetime.UTC)
    with _store(shop_run) as session:
        mute = Answer("mute", "volume", None, now - DAY, now + DAY, None, "ann", "a migration")
        MonitorStore(session, "duckdb").answer(CUSTOMERS, mute)
    volume = _monitors(shop_run.run(_rows(40)))["usual_volume"]
    assert volume.passed and "muted until" in volume.description


def test_an_empty_table_is_a_finding_and_no_crash(shop_run: Any) -> None:
    shop_run.run(_rows(200))
    _past(shop_run)
    result = shop_run.run("(1, 'a', 1)) as t(customer_id, email, age) where false --")
    assert not _monitors(result)["usual_volume"].passed


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the rows of the raw table, by any session."""
    asked: list[str] = []
    execute = DuckDBSession.execute

    def noted(self: Any, sql: str, parameters: Any = ()) -> Any:
        if 'from "raw_shop"."customers"' in " ".join(sql.split()):
            asked.append(sql)
        return execute(self, sql, parameters)

    monkeypatch.setattr(DuckDBSession, "execute", noted)
    return asked


def test_a_table_with_rules_is_scanned_once_for_rules_and_figures(
    shop_run: Any, scans: list[str]
) -> None:
    shop_run.run(_rows(200))
    assert len(scans) == 1
    assert "approx_quantile" in scans[0] and "age > 200" in scans[0]
    with _store(shop_run) as session:
        now = datetime.datetime.now(datetime.UTC)
        (taken,) = (
            MonitorStore(session, "duckdb").history([CUSTOMERS], now - DAY)[CUSTOMERS].snapshots
        )
        waits = session.execute("select count(*) from dataplatform.waiting_figures")
        columns = columns_of(session, "duckdb", [CUSTOMERS])[CUSTOMERS]
        alone = measure(session, "duckdb", CUSTOMERS, columns, taken.at, Settings())
    assert waits == [(0,)]
    # The same as a scan of its own finds.
    assert taken.values == {key: value for key, value in alone.values.items() if value is not None}
    assert (taken.columns, taken.categories) == (alone.columns, alone.categories)


def test_a_sync_that_brought_nothing_is_judged_without_a_scan(
    shop_run: Any, scans: list[str]
) -> None:
    shop_run.run(_rows(200), version="v1")
    _past(shop_run)
    few = _rows(40)
    told = _monitors(shop_run.run(few, version="v2"))["usual_volume"]
    before = len(scans)
    again = _monitors(shop_run.run(few, version="v2"))["usual_volume"]
    assert all("approx_quantile" not in sql for sql in scans[before:])
    assert not told.passed and not again.passed
    targets = [one.target_materialization_data.storage_id for one in (told, again)]
    assert targets[0] < targets[1]
    # Other rows are measured.
    shop_run.run(_rows(41), version="v3")
    assert any("approx_quantile" in sql for sql in scans[before:])
