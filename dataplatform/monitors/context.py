"""What every monitor of one table reads: the history that counts, and now.

Past incidents are left out figure by figure: what was alarmed and not accepted is no example of
what is usual, unless it went on for so long that it is the usual now.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property

from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.model import (
    Answer,
    Flag,
    History,
    Settings,
    Snapshot,
)


@dataclass(frozen=True)
class Context:
    """One measurement, and what it is compared with."""

    snapshots: tuple[Snapshot, ...]
    flags: frozenset[Flag]
    now: Snapshot
    settings: Settings
    calendar: Calendar
    answers: tuple[Answer, ...]

    @classmethod
    def of(
        cls,
        history: History,
        now: Snapshot,
        settings: Settings,
        calendar: Calendar,
        answers: tuple[Answer, ...],
    ) -> Context:
        """Return the context of a measurement: earlier ones within the window alone count."""
        since = now.at - datetime.timedelta(days=settings.window_days)
        chosen = tuple(one for one in history.snapshots if since <= one.at < now.at)
        accepted = [answer for answer in answers if answer.action == "accept"]
        flags = frozenset(
            flag
            for flag in history.flags
            if not any(one.covers(flag.kind, flag.column, flag.at) for one in accepted)
        )
        return cls(chosen, flags, now, settings, calendar, answers)

    @property
    def learning(self) -> str:
        """Why nothing can be said yet, or an empty text."""
        count = len(self.snapshots)
        days = len({self.calendar.local(one.at).date() for one in self.snapshots})
        if count >= self.settings.measurements and days >= self.settings.days:
            return ""
        return (
            f"Learning: {count} of {self.settings.measurements} measurements, "
            f"on {days} of {self.settings.days} days."
        )

    @property
    def span(self) -> str:
        """From which days the history is, in words."""
        first, last = self.snapshots[0].at, self.snapshots[-1].at
        return f"{len(self.snapshots)} measurements from {first.date()} to {last.date()}"

    @property
    def code_changed(self) -> bool:
        """Whether the code that builds the table is new."""
        before = next((one.code for one in reversed(self.snapshots) if one.code), None)
        return bool(before and self.now.code and before != self.now.code)

    @cached_property
    def _flagged(self) -> dict[tuple[str, str | None, str], set[datetime.datetime]]:
        found: dict[tuple[str, str | None, str], set[datetime.datetime]] = {}
        for flag in self.flags:
            found.setdefault((flag.kind, flag.column, flag.metric), set()).add(flag.at)
        return found

    def examples(
        self, kind: str, column: str | None, metric: str, learned: bool = True
    ) -> list[Snapshot]:
        """Return the measurements that are examples of what is usual for a figure.

        Args:
            kind: the monitor that asks.
            column: of the figure; None for the table.
            metric: of the figure.
            learned: whether a long row of alarms counts as the new usual.
        """
        flagged = self._flagged.get((kind, column, metric), set())
        expected = [one for one in self.answers if one.action == "expect"]
        if not flagged and not expected:
            return list(self.snapshots)
        in_a_row = 0
        for one in reversed(self.snapshots):
            if one.at not in flagged:
                break
            in_a_row += 1
        if learned and in_a_row >= self.settings.relearn:
            return list(self.snapshots[-in_a_row:])
        return [
            one
            for one in self.snapshots
            if one.at not in flagged and not any(a.covers(kind, column, one.at) for a in expected)
        ]

    @cached_property
    def similar(self) -> frozenset[datetime.datetime]:
        """The measurements of the same weekday, at about the same hour."""
        today = self.calendar.local(self.now.at)
        found = set()
        for one in self.snapshots:
            local = self.calendar.local(one.at)
            if local.weekday() == today.weekday() and abs(local.hour - today.hour) <= 2:
                found.add(one.at)
        return frozenset(found)

    @cached_property
    def holiday(self) -> bool:
        """Whether today is a holiday, or beside one."""
        return bool(self.calendar.near_holiday(self.calendar.local(self.now.at).date()))
