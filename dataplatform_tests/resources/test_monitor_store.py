"""What monitors remember comes back as it was written."""

from __future__ import annotations

import datetime
from typing import Any

import duckdb
import pytest

from dataplatform.keys import Relation
from dataplatform.monitors.model import Answer, Finding, Flag, Snapshot
from dataplatform.resources.monitor_store import MonitorStore

ORDERS, ITEMS = Relation("staging", "orders"), Relation("staging", "items")
DAY = datetime.timedelta(days=1)
FIRST = datetime.datetime(2026, 3, 1, 5, 30, 0, 123456, tzinfo=datetime.UTC)


class _Session:
    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        result = self.connection.execute(sql, list(parameters) or None)
        return result.fetchall() if result.description else []


@pytest.fixture
def store() -> MonitorStore:
    made = MonitorStore(_Session(), "duckdb")
    assert not made.ready
    made.prepare()
    made.prepare()
    assert made.ready
    return made


def _snapshot(number: int) -> Snapshot:
    return Snapshot(
        at=FIRST + number * DAY,
        values={(None, "rows"): 100.0 + number, ("it's", "mean"): 1.5, ("it's", "max"): None},
        categories={"status": {"o'pen": (5, 2), "päid": (7, 3)}},
        columns={"it's": "DOUBLE", "status": "VARCHAR"},
        code="v1",
        run_id=f"run{number}",
    )


def _alarm(metric: str = "rows") -> Finding:
    return Finding(
        "volume", None, metric, "very_unusual", "Few rows.", 90.0, 110.0, "10 days", 3.0, 12.5
    )


def test_measurements_come_back_in_order(store: MonitorStore) -> None:
    for number in (2, 0, 1):
        store.write(ORDERS, _snapshot(number), build=number)
    store.write(ITEMS, _snapshot(5), build=50)
    found = store.history([ORDERS, ITEMS], FIRST)
    assert [one.at for one in found[ORDERS].snapshots] == [FIRST + n * DAY for n in range(3)]
    first = found[ORDERS].snapshots[0]
    assert first.values == {(None, "rows"): 100.0, ("it's", "mean"): 1.5}
    assert first.categories == {"status": {"o'pen": (5, 2), "päid": (7, 3)}}
    assert (first.columns, first.code, first.run_id) == (_snapshot(0).columns, "v1", "run0")
    builds = store.builds([ORDERS, ITEMS, Relation("a", "b")])
    assert {relation: one.build for relation, one in builds.items()} == {ORDERS: 2, ITEMS: 50}


def test_history_keeps_to_its_window(store: MonitorStore) -> None:
    for number in range(5):
        store.write(ORDERS, _snapshot(number))
    window = store.history([ORDERS], FIRST + DAY, FIRST + 3 * DAY)[ORDERS]
    assert [one.at for one in window.snapshots] == [FIRST + DAY, FIRST + 2 * DAY]
    assert store.history([], FIRST) == {}


def test_alarms_are_raised_once_and_flag_the_history(store: MonitorStore) -> None:
    store.write(ORDERS, _snapshot(0))
    quiet = Finding("nulls", None, "", "normal", "As usual.")
    raised = store.raise_alarms(ORDERS, FIRST, [_alarm(), quiet], "run0")
    store.raise_alarms(ORDERS, FIRST, [_alarm()], "run0")
    (kept,) = store.alarms()
    assert kept.id == raised[0].id and len(kept.id) == 8
    assert (kept.relation, kept.at, kept.finding.sentence) == (ORDERS, FIRST, "Few rows.")
    assert (kept.finding.low, kept.finding.score) == (90.0, 12.5)
    flags = store.history([ORDERS], FIRST)[ORDERS].flags
    assert flags == {Flag(FIRST, "volume", None, "rows")}
    assert store.history([ORDERS], FIRST)[ORDERS].snapshots[0].at in {flag.at for flag in flags}


def test_answers_come_back(store: MonitorStore) -> None:
    said = Answer("expect", "volume", None, FIRST, FIRST + 3 * DAY, 3.0, "ann", "it's Black Friday")
    store.answer(ORDERS, said)
    assert store.answers([ORDERS]) == {ORDERS: [said]}
    assert store.answers([ITEMS]) == {}
    assert store.answers() == {ORDERS: [said]}


def test_what_is_old_is_forgotten(store: MonitorStore) -> None:
    for number in range(4):
        store.write(ORDERS, _snapshot(number))
        store.raise_alarms(ORDERS, FIRST + number * DAY, [_alarm()])
    store.forget(FIRST + 2 * DAY)
    assert len(store.history([ORDERS], FIRST)[ORDERS].snapshots) == 2
    assert len(store.alarms([ORDERS])) == 2


def test_many_figures_are_written_whole(store: MonitorStore) -> None:
    values: dict[tuple[str | None, str], float | None] = {
        (f"column_{n}", "mean"): float(n) for n in range(1500)
    }
    store.write(ORDERS, Snapshot(FIRST, values))
    assert store.history([ORDERS], FIRST)[ORDERS].snapshots[0].values == values
