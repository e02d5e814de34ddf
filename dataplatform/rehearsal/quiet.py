"""How often the monitors cry when nothing is wrong: days of the rehearsal company, all judged.

The days have weekdays, growth, holidays, ends of months and a promotion, and nothing is damaged
on any of them: every alarm is a false one.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dataplatform.keys import Relation
from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.judge import judge
from dataplatform.monitors.model import Finding, Flag, History, Settings, Snapshot
from dataplatform.quality.monitoring import calendar_of
from dataplatform.rehearsal import company
from dataplatform.rehearsal.history import Past, days_before

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: Monitors need a week and ten measurements before they say anything.
LEAST_DAYS = 14


@dataclass
class QuietDays:
    """What the monitors said of days on which nothing was wrong.

    Attributes:
        tables: how many tables were watched.
        days: how many days each was watched, the days of learning included.
        judged: table-days on which the monitors had learned enough to speak.
        alarmed: table-days with at least one alarm, told or very unusual.
        stopped: table-days on which the alarm would have kept the table from being published.
        by_monitor: alarms by kind.
        alarms: day, table and sentence of each.
    """

    tables: int = 0
    days: int = 0
    judged: int = 0
    alarmed: int = 0
    stopped: int = 0
    by_monitor: Counter[str] = field(default_factory=Counter)
    alarms: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Alarmed table-days of those judged."""
        return self.alarmed / self.judged if self.judged else 0.0


class Listener:
    """Judges one measurement after another, and remembers as the monitors' store does."""

    def __init__(self, settings: Mapping[Relation, Settings], calendar: Calendar) -> None:
        self._settings = settings
        self._calendar = calendar
        self._snapshots: dict[Relation, list[Snapshot]] = {}
        self._flags: dict[Relation, set[Flag]] = {}

    def hear(self, relation: Relation, now: Snapshot) -> list[Finding]:
        """Judge a measurement against those before it, and keep it."""
        snapshots = self._snapshots.setdefault(relation, [])
        flags = self._flags.setdefault(relation, set())
        found = judge(
            History(tuple(snapshots), frozenset(flags)),
            now,
            self._settings[relation],
            self._calendar,
        )
        snapshots.append(now)
        flags |= {
            Flag(now.at, one.kind, one.column, one.metric)
            for one in found
            if one.state in ("unusual", "very_unusual")
        }
        return found


def listen(
    days: Iterable[tuple[Relation, Snapshot]],
    settings: Mapping[Relation, Settings],
    calendar: Calendar,
) -> QuietDays:
    """Judge every measurement of quiet days.

    Args:
        days: measurements in the order in which they were taken.
        settings: how each table is watched.
        calendar: with the holidays that the monitors know.
    """
    listener, heard = Listener(settings, calendar), QuietDays()
    seen: Counter[Relation] = Counter()
    for relation, now in days:
        seen[relation] += 1
        findings = listener.hear(relation, now)
        if all(one.state == "learning" for one in findings):
            continue
        heard.judged += 1
        alarms = [one for one in findings if one.alarm]
        heard.alarmed += bool(alarms)
        heard.stopped += any(one.state == "very_unusual" for one in alarms)
        for one in alarms:
            heard.by_monitor[one.kind] += 1
            heard.alarms.append(
                (f"{now.at:%Y-%m-%d %a}", str(relation), one.kind, f"[{one.state}] {one.sentence}")
            )
    heard.tables, heard.days = len(seen), max(seen.values(), default=0)
    return heard


def quiet_days(project: Project, days: int, only: Sequence[Relation] = ()) -> QuietDays:
    """Let days pass on the rehearsal company on which nothing is wrong, and listen.

    Args:
        project: whose settings of the monitors hold.
        days: how many, those of learning included.
        only: these raw tables; all of the company when empty.
    """
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="dataplatform-quiet-") as folder:
        file = Path(folder) / f"{company.CATALOG}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute("set timezone = 'UTC'")
            company.make(connection, now, days)
        with duckdb.connect() as warehouse:
            warehouse.execute("set timezone = 'UTC'")
            company.attach(warehouse, file, now)
            past = Past.of(project, only)
            measured = past.measured(warehouse, days_before(now, days))
            return listen(measured, past.tables, calendar_of(project))
