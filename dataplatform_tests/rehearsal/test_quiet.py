"""Days on which nothing is wrong: the monitors keep quiet, a sample here and a year in proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.model import Settings, Snapshot
from dataplatform.rehearsal.quiet import listen, quiet_days
from dataplatform_tests.servers import REPOSITORY

MOST = 0.01
SAMPLE = (
    Relation("raw_postgres_public", "orders"),
    Relation("raw_postgres_public", "customers"),
    Relation("raw_salesforce", "opportunity"),
)


def test_alarms_are_counted_by_monitor() -> None:
    table = Relation("raw_shop", "orders")
    first = datetime(2026, 1, 5, 6, tzinfo=UTC)
    days = [
        (table, Snapshot(first + timedelta(days=day), {(None, "rows"): rows}))
        for day, rows in enumerate([1000.0] * 30 + [100.0] + [1000.0] * 4)
    ]
    heard = listen(days, {table: Settings(kinds=("volume",))}, Calendar())
    assert (heard.tables, heard.days) == (1, 35)
    assert heard.judged == 25
    assert (heard.alarmed, heard.stopped) == (1, 1)
    assert heard.by_monitor == {"volume": 1}
    assert heard.alarms[0][0].startswith("2026-02-04")
    assert heard.share == pytest.approx(1 / 25)


@pytest.mark.prove
def test_sixty_quiet_days() -> None:
    heard = quiet_days(open_project(REPOSITORY), 60, SAMPLE)
    assert heard.judged >= 3 * 45
    assert heard.share <= 2 * MOST, heard.alarms


@pytest.mark.prove
def test_a_quiet_year(capsys: pytest.CaptureFixture[str]) -> None:
    heard = quiet_days(open_project(REPOSITORY), 365)
    with capsys.disabled():
        print(f"\n{heard.alarmed} of {heard.judged} table-days ({heard.share:.2%})")
        print(dict(heard.by_monitor))
    assert heard.tables == 13
    assert heard.judged >= 13 * 340
    assert heard.share <= MOST, heard.alarms
