"""A shop, month after month: what the monitors say of quiet days, and of incidents."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dataplatform.monitors.judge import judge, missed
from dataplatform.monitors.model import (
    Answer,
    Finding,
    Flag,
    History,
    Settings,
    Snapshot,
)
from dataplatform_tests.monitors.incidents import DAMAGES
from dataplatform_tests.monitors.simulated import (
    CALENDAR,
    COLUMNS,
    Rows,
    Table,
    day_rows,
    snapshot,
)

pytestmark = pytest.mark.slow

HOUR = datetime.timedelta(hours=1)
DAY = 24 * HOUR
#: A Thursday in summer, a Monday in autumn.
MORNINGS = (150, 260)


class Year:
    """Days of the shop, with the table as it was on some mornings."""

    def __init__(self, seed: int, days: int) -> None:
        rng = np.random.default_rng(seed)
        table, self.days = Table(), []
        self.mornings: dict[int, tuple[Table, Rows]] = {}
        for number in range(days):
            rows = day_rows(rng, number, scale=250)
            if number in MORNINGS:
                self.mornings[number] = (Table(table.rows, list(table.latest)), rows)
            table.add(rows)
            self.days.append(snapshot(table, rows, number))

    def before(self, number: int) -> History:
        return History(tuple(self.days[max(0, number - 120) : number]))

    def on(self, number: int, rows: Rows | None = None, **how: Any) -> Snapshot:
        """Measure a morning's table with these rows instead of its own."""
        kept, own = self.mornings[number]
        table = Table(kept.rows, list(kept.latest))
        table.add(own if rows is None else rows)
        return snapshot(table, own if rows is None else rows, number, **how)


@pytest.fixture(scope="module")
def year() -> Year:
    return Year(seed=11, days=270)


def _alarms(history: History, now: Snapshot, *answers: Answer, **how: Any) -> list[Finding]:
    found = judge(history, now, Settings(**how), CALENDAR, answers)
    return [one for one in found if one.alarm]


@pytest.mark.prove
def test_quiet_months_are_quiet(year: Year) -> None:
    flags: set[Flag] = set()
    loud = []
    for number, now in enumerate(year.days):
        history = replace(year.before(number), flags=frozenset(flags))
        alarms = _alarms(history, now)
        flags |= {Flag(now.at, one.kind, one.column, one.metric) for one in alarms}
        loud += [alarms[0].sentence] if alarms else []
    # One table-day in a hundred.
    assert len(loud) <= 2, loud


@pytest.mark.parametrize(("damage", "kind", "column"), DAMAGES)
@pytest.mark.parametrize("morning", MORNINGS)
def test_an_incident_is_very_unusual(
    year: Year, morning: int, damage: Any, kind: str, column: str | None
) -> None:
    rows = damage(year.mornings[morning][1], np.random.default_rng(1))
    alarms = _alarms(year.before(morning), year.on(morning, rows))
    said: dict[tuple[str, str | None], Finding] = {(o.kind, o.column): o for o in alarms}
    assert (kind, column) in said, list(said)
    assert any(one.state == "very_unusual" for one in alarms)
    told = said[kind, column]
    assert told.score > 6 and told.sentence.endswith(".")
    assert str(told.column or "rows") in told.sentence


@pytest.mark.parametrize(
    ("columns", "told", "state"),
    [
        ({**COLUMNS, "note": None}, "The column note (VARCHAR) is gone", "very_unusual"),
        ({**COLUMNS, "amount": "BIGINT"}, "The type of amount changed", "very_unusual"),
        ({**COLUMNS, "amount": "DECIMAL(18,2)"}, "The type of amount changed", "unusual"),
        ({**COLUMNS, "extra": "VARCHAR"}, "The column extra (VARCHAR) is new", "unusual"),
    ],
)
def test_a_changed_schema_is_told(
    year: Year, columns: dict[str, str | None], told: str, state: str
) -> None:
    kept = {name: kind for name, kind in columns.items() if kind is not None}
    now = replace(year.on(150), columns=kept)
    (alarm,) = [one for one in _alarms(year.before(150), now) if one.kind == "schema"]
    assert told in alarm.sentence and alarm.state == state


def test_a_renamed_column_is_guessed(year: Year) -> None:
    now = year.on(150)
    name = {"email": "mail"}
    columns = {name.get(one, one): kind for one, kind in now.columns.items()}
    values = {(name.get(c or "", c), m): v for (c, m), v in now.values.items()}
    alarms = _alarms(year.before(150), replace(now, columns=columns, values=values))
    schema = [one.sentence for one in alarms if one.kind == "schema"]
    assert len(schema) == 1 and "email seems to be named mail now" in schema[0]


def test_a_schema_that_its_own_code_changed_is_no_alarm(year: Year) -> None:
    past = tuple(replace(one, code="v1") for one in year.before(150).snapshots)
    now = year.on(150)
    fewer = {name: kind for name, kind in now.columns.items() if name != "note"}
    changed = replace(now, columns=fewer, code="v2")
    assert [o for o in _alarms(History(past), changed) if o.kind == "schema"] == []
    broken = replace(changed, values={**now.values, (None, "recent_rows"): 3.0}, code="v2")
    (volume,) = [o for o in _alarms(History(past), broken) if o.kind == "volume"]
    assert volume.state == "unusual" and "code that builds the table changed" in volume.sentence


def test_late_data_is_told(year: Year) -> None:
    (alarm,) = _alarms(year.before(150), year.on(150, late_hours=9))
    assert alarm.kind == "freshness" and "updated_at in hours rose to" in alarm.sentence


def test_a_missed_update_is_told_by_the_clock(year: Year) -> None:
    history, last = year.before(150), year.days[149].at
    assert missed(history, last + 26 * HOUR, Settings(), CALENDAR) is None
    late = missed(history, last + 40 * HOUR, Settings(), CALENDAR)
    assert late is not None and late.state == "unusual" and "An update was missed" in late.sentence
    later = missed(history, last + 5 * DAY, Settings(), CALENDAR)
    assert later is not None and later.state == "very_unusual"


def test_a_table_of_working_days_misses_nothing_at_the_weekend() -> None:
    start = datetime.datetime(2025, 6, 2, 6, tzinfo=datetime.UTC)
    moments = [start + n * DAY for n in range(54) if (start + n * DAY).weekday() < 5]
    history = History(tuple(Snapshot(at, {}) for at in moments))
    friday = max(at for at in moments if at.weekday() == 4)
    until_friday = History(tuple(one for one in history.snapshots if one.at <= friday))
    assert missed(until_friday, friday + 50 * HOUR, Settings(), CALENDAR) is None
    assert missed(until_friday, friday + 98 * HOUR, Settings(), CALENDAR) is not None


def test_it_learns_before_it_speaks(year: Year) -> None:
    short = History(year.before(150).snapshots[-9:])
    empty = replace(year.on(150), values={(None, "rows"): 0.0})
    found = judge(short, empty, Settings(), CALENDAR)
    assert {one.state for one in found} == {"learning"}
    assert "9 of 10 measurements" in found[0].sentence
    one_day = [replace(one, at=year.days[0].at + n * HOUR) for n, one in enumerate(year.days[:12])]
    assert judge(History(tuple(one_day)), empty, Settings(), CALENDAR)[0].state == "learning"
    assert missed(short, year.days[150].at + 9 * DAY, Settings(), CALENDAR) is None


def _dropped(year: Year) -> Snapshot:
    rows = DAMAGES[0][0](year.mornings[260][1], np.random.default_rng(1))
    return year.on(260, rows)


def test_a_past_incident_teaches_nothing(year: Year) -> None:
    bad = _dropped(year)
    flags = frozenset({Flag(bad.at, "volume", None, "recent_rows")})
    after = [replace(bad, at=bad.at + DAY)]
    history = History((*year.before(260).snapshots, bad), flags)
    assert any(one.kind == "volume" for one in _alarms(history, after[0]))


def test_an_accepted_value_is_learned(year: Year) -> None:
    bad = _dropped(year)
    flags = frozenset({Flag(bad.at, "volume", None, "recent_rows")})
    history = History((*year.before(260).snapshots, bad), flags)
    fine = Answer("accept", "volume", None, bad.at, bad.at, None, "ann", "a shop closed")
    tomorrow = replace(bad, at=bad.at + DAY)
    assert not any(one.kind == "volume" for one in _alarms(history, tomorrow, fine))


def test_what_goes_on_long_enough_is_usual(year: Year) -> None:
    bad = _dropped(year)
    days = [replace(bad, at=bad.at + n * DAY) for n in range(8)]
    flags = frozenset(Flag(one.at, "volume", None, "recent_rows") for one in days[:-1])
    history = History((*year.before(260).snapshots, *days[:-1]), flags)
    assert not any(one.kind == "volume" for one in _alarms(history, days[-1]))


def test_a_muted_monitor_says_so_and_is_silent(year: Year) -> None:
    bad = _dropped(year)
    mute = Answer("mute", None, None, bad.at - DAY, bad.at + DAY, None, "ann", "a migration")
    found = judge(year.before(260), bad, Settings(kinds=("volume",)), CALENDAR, [mute])
    assert found[0].state != "normal" and not found[0].alarm
    assert "by ann: a migration" in str(found[0].muted)
    over = replace(mute, ends=bad.at - HOUR)
    assert _alarms(year.before(260), bad, over, kinds=("volume",))


def test_an_announced_event_is_no_alarm(year: Year) -> None:
    now = year.on(150)
    usual = now.values[None, "recent_rows"] or 0.0
    many = replace(now, values={**now.values, (None, "recent_rows"): 6 * usual})
    first, last = now.at - DAY, now.at + DAY
    event = Answer("expect", "volume", None, first, last, 6.0, "ann", "Black Friday")
    assert _alarms(year.before(150), many, kinds=("volume",))
    assert not _alarms(year.before(150), many, event, kinds=("volume",))
    more = replace(now, values={**now.values, (None, "recent_rows"): 60 * usual})
    assert _alarms(year.before(150), more, event, kinds=("volume",))


def test_a_column_that_nobody_watches_is_silent(year: Year) -> None:
    rows = DAMAGES[1][0](year.mornings[150][1], np.random.default_rng(1))
    mute = Answer("mute", "nulls", "em*", datetime.datetime.min.replace(tzinfo=datetime.UTC),
                  datetime.datetime.max.replace(tzinfo=datetime.UTC))  # fmt: skip
    now = year.on(150, rows)
    assert any(one.kind == "nulls" for one in _alarms(year.before(150), now))
    assert not any(one.kind == "nulls" for one in _alarms(year.before(150), now, mute))


@pytest.mark.parametrize(
    ("sensitivity", "loud"), [("low", False), ("normal", False), ("high", True)]
)
def test_sensitivity_moves_the_limit(year: Year, sensitivity: str, loud: bool) -> None:
    now = year.on(150)
    usual = now.values["email", "recent_null_share"] or 0.0
    # Chance alone may empty a few rows of a day.
    values = {**now.values, ("email", "recent_null_share"): usual + 0.019}
    values[None, "recent_rows"] = 5000.0
    alarms = _alarms(
        year.before(150), replace(now, values=values), kinds=("nulls",), sensitivity=sensitivity
    )
    assert bool(alarms) is loud


def test_an_alarm_explains_itself(year: Year) -> None:
    rows = DAMAGES[3][0](year.mornings[150][1], np.random.default_rng(1))
    alarms = _alarms(year.before(150), year.on(150, rows), kinds=("distribution",))
    median = next(one for one in alarms if one.metric == "recent_q50")
    assert median.low is not None and median.high is not None
    assert median.low < 50 < median.high < 200 < median.observed
    assert "expected" in median.sentence and "times the usual variation" in median.sentence
    assert "20" in median.days and median.days in median.sentence
