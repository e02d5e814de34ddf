"""Answers to alarms: what is learned, what opens the gate, what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetMaterialization,
    DagsterInstance,
)

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation, asset_key
from dataplatform.monitors.model import Finding, Snapshot
from dataplatform.resources.instance import latest_verdicts
from dataplatform.resources.monitor_answers import (
    accept_alarm,
    accept_check,
    relation_named,
    shown_alarms,
)
from dataplatform.resources.monitor_store import MonitorStore

ORDERS = Relation("candidate", "fact_orders")
AT = datetime.datetime(2026, 3, 1, 5, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


class _Session:
    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        result = self.connection.execute(sql, list(parameters) or None)
        return result.fetchall() if result.description else []


@pytest.fixture
def store() -> MonitorStore:
    made = MonitorStore(_Session(), "duckdb")
    made.prepare()
    made.write(ORDERS, Snapshot(AT, {(None, "rows"): 5.0}))
    return made


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


def _finding(column: str | None, kind: Any = "nulls") -> Finding:
    return Finding(kind, column, "null_share", "very_unusual", "Nulls.", 0.0, 0.1, "x", 0.5, 12.0)


def _judged(instance: DagsterInstance, check: str) -> AssetCheckKey:
    instance.report_runless_asset_event(AssetMaterialization(asset_key(ORDERS)))
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=asset_key(ORDERS),
            check_name=check,
            passed=False,
            metadata={},
            severity=AssetCheckSeverity.ERROR,
        )
    )
    return AssetCheckKey(asset_key(ORDERS), check)


def test_the_gate_opens_once_every_grave_alarm_is_accepted(
    store: MonitorStore, instance: DagsterInstance
) -> None:
    key = _judged(instance, "usual_values")
    first, second = store.raise_alarms(ORDERS, AT, [_finding("email"), _finding("name")])
    said = accept_alarm(store, instance, first.id, "ann", "a new form")
    assert "email nulls" in said[0] and second.id in said[1]
    assert latest_verdicts(instance, [key])[key].severity == "ERROR"
    accept_alarm(store, instance, second.id, "ann", "a new form")
    verdict = latest_verdicts(instance, [key])[key]
    assert (verdict.passed, verdict.severity) == (False, "WARN")
    assert [one.status for one in shown_alarms(store, AT - DAY)] == ["accepted by ann"] * 2


def test_a_check_is_accepted_with_all_its_alarms(
    store: MonitorStore, instance: DagsterInstance
) -> None:
    key = _judged(instance, "usual_values")
    store.raise_alarms(ORDERS, AT, [_finding("email"), _finding("name")])
    said = accept_check(store, instance, ORDERS, "usual_values", "ann", "fine")
    assert len(said) == 3
    assert latest_verdicts(instance, [key])[key].severity == "WARN"


def test_a_rule_is_accepted_in_the_same_way(instance: DagsterInstance) -> None:
    key = _judged(instance, "enough_rows")
    accept_check(None, instance, ORDERS, "enough_rows", "ann", "a small day")
    assert latest_verdicts(instance, [key])[key].severity == "WARN"


def test_what_cannot_be_accepted_is_told(store: MonitorStore, instance: DagsterInstance) -> None:
    (alarm,) = store.raise_alarms(ORDERS, AT, [_finding("email")])
    with pytest.raises(UserError, match=f"no alarm 'x{alarm.id[1:]}'. Did you mean"):
        accept_alarm(store, instance, "x" + alarm.id[1:], "ann", "fine")
    with pytest.raises(UserError, match="Say why"):
        accept_alarm(store, instance, alarm.id, "ann", " ")
    with pytest.raises(UserError, match="never raised an alarm"):
        accept_check(store, instance, ORDERS, "usual_volume", "ann", "fine")


def test_an_alarm_is_past_once_the_table_was_measured_again(store: MonitorStore) -> None:
    store.raise_alarms(ORDERS, AT, [_finding("email")])
    assert [one.status for one in shown_alarms(store, AT - DAY)] == ["open"]
    store.write(ORDERS, Snapshot(AT + DAY, {(None, "rows"): 5.0}))
    assert [one.status for one in shown_alarms(store, AT - DAY)] == ["past"]


def test_a_mart_is_called_by_its_published_name() -> None:
    assert relation_named("marts.fact_orders", {ORDERS}) == ORDERS
    with pytest.raises(UserError, match="Did you mean"):
        relation_named("marts.fact_order", {ORDERS})
