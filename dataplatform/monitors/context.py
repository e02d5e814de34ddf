"""What every monitor of one table reads: the history that counts, now, and how to compare.

Past incidents are left out figure by figure: what was alarmed and not accepted is no example of
what is usual, unless it went on for so long that it is the usual now.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.figures import Figure, scaled
from dataplatform.monitors.model import (
    Answer,
    Finding,
    Flag,
    History,
    Settings,
    Snapshot,
    State,
)
from dataplatform.monitors.series import Past, judge_value
from dataplatform.monitors.words import amount, far, moved

#: So many times the patience, and an alarm is grave.
_GRAVE = 1.5
#: A guess of fewer values than these is none.
_LEAST = 3


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

    def compare(
        self,
        figure: Figure,
        column: str | None,
        metric: str,
        take: Callable[[Snapshot], float | None],
        rows: float | None = None,
        value_words: str = "",
    ) -> Finding | None:
        """Compare one figure with its past; None where it is as usual or cannot be told.

        Args:
            figure: how it is compared.
            column: of which column; None for the table.
            metric: its name in the history.
            take: reads it from a measurement.
            rows: on how many rows it stands, where that makes it uncertain.
            value_words: the category, for a share of one.
        """
        seen = take(self.now)
        if seen is None:
            return None
        known = [(one.at, take(one)) for one in self.examples(figure.kind, column, metric)]
        points = [(at, value) for at, value in known if value is not None]
        if len(points) < max(_LEAST, min(self.settings.measurements, 8)):
            return None
        return self._compared(figure, column, metric, points, seen, rows, value_words)

    def _compared(
        self,
        figure: Figure,
        column: str | None,
        metric: str,
        points: Sequence[tuple[datetime.datetime, float]],
        seen: float,
        rows: float | None,
        value_words: str,
    ) -> Finding | None:
        plain = sorted(value for _, value in points)
        middle = plain[len(plain) // 2]
        unit = sorted(abs(value) for value in plain)[len(plain) // 2] or 1.0
        put, back = scaled(figure, unit)
        floor = figure.floor(seen > middle, rows, middle)
        if floor is None:
            return None
        # Volume has two figures and a season; the others are many and mostly quiet.
        if figure.kind != "volume" and self._seen_lately(points, seen, put, floor):
            return None
        past = Past.of([(at, put(value)) for at, value in points])
        patience = self.settings.patience
        if figure.kind in ("volume", "freshness") and self._holiday:
            # No two holidays are alike.
            patience *= 2
        judged = judge_value(
            past,
            self.now.at,
            put(seen),
            self.calendar,
            patience,
            floor,
            thorough=figure.kind == "volume",
        )
        if judged.score <= patience:
            return None
        width = patience * judged.guess.scale
        low, high = back(judged.guess.value - width), back(judged.guess.value + width)
        if figure.scale in ("share", "log"):
            low = max(low, 0.0)
        if figure.scale == "share":
            high = min(high, 1.0)
        if self._awaited(figure.kind, column, low, high, seen):
            return None
        if self._accepted(figure.kind, column, points, low, high, seen):
            return None
        state: State = "unusual"
        if judged.score >= _GRAVE * patience and figure.grave:
            state = "very_unusual"
        words = figure.words.format(column=column, value=value_words)
        last_day = " (rows of the last day)" if metric.startswith("recent_") and column else ""
        share = figure.scale == "share"
        return Finding(
            kind=figure.kind,
            column=column,
            metric=metric,
            state=state,
            low=low,
            high=high,
            days=judged.guess.days,
            observed=seen,
            score=round(judged.score, 1),
            sentence=(
                f"{words[0].upper()}{words[1:]}{last_day} {moved(seen, low, high)} "
                f"{amount(seen, share)}; expected {amount(low, share)} to {amount(high, share)}, "
                f"from {judged.guess.days}. {far(judged.score)}"
            ),
        )

    def _seen_lately(
        self,
        points: Sequence[tuple[datetime.datetime, float]],
        seen: float,
        put: Callable[[float], float],
        floor: float,
    ) -> bool:
        """Whether a value is about among those of the last days, and of the last such days.

        Cheap, and true of nearly every figure of a quiet table.
        """
        now = put(seen)
        lately = [put(value) for _, value in points[-14:]]
        if not _about_within(now, lately, floor):
            return False
        similar = [put(value) for at, value in points[-60:] if at in self._similar]
        return len(similar) < _LEAST or _about_within(now, similar[-4:], floor)

    @cached_property
    def _similar(self) -> frozenset[datetime.datetime]:
        """The measurements of the same weekday, at about the same hour."""
        today = self.calendar.local(self.now.at)
        found = set()
        for one in self.snapshots:
            local = self.calendar.local(one.at)
            if local.weekday() == today.weekday() and abs(local.hour - today.hour) <= 2:
                found.add(one.at)
        return frozenset(found)

    @cached_property
    def _holiday(self) -> bool:
        """Whether today is a holiday, or beside one."""
        return bool(self.calendar.near_holiday(self.calendar.local(self.now.at).date()))

    def _accepted(
        self,
        kind: str,
        column: str | None,
        points: Sequence[tuple[datetime.datetime, float]],
        low: float,
        high: float,
        seen: float,
    ) -> bool:
        """Whether a value lies between what is usual and what was accepted before, or about so."""
        fine = [
            value
            for at, value in points
            if any(one.action == "accept" and one.covers(kind, column, at) for one in self.answers)
        ]
        if not fine:
            return False
        room = (high - low) / 2
        lowest, highest = min(low, *fine) - room, max(high, *fine) + room
        return lowest <= seen <= highest

    def _awaited(self, kind: str, column: str | None, low: float, high: float, seen: float) -> bool:
        """Whether an announced event explains the value."""
        for answer in self.answers:
            if answer.action != "expect" or not answer.covers(kind, column, self.now.at):
                continue
            factor = answer.factor
            if factor is None:
                return True
            lower, upper = min(low, low * factor), max(high, high * factor)
            if lower <= seen <= upper:
                return True
        return False


def _about_within(value: float, others: Sequence[float], floor: float) -> bool:
    low, high = min(others), max(others)
    room = (high - low) / 2 + floor
    return low - room <= value <= high + room
