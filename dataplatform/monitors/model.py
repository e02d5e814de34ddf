"""The words of the monitors: a measurement, its history, an answer, a finding.

Only data. What is usual is decided in ``series`` and the monitors of each kind.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["volume", "freshness", "nulls", "uniqueness", "distribution", "categories", "schema"]
State = Literal["learning", "normal", "unusual", "very_unusual"]
Action = Literal["accept", "mute", "expect"]

KINDS: tuple[Kind, ...] = (
    "volume",
    "freshness",
    "nulls",
    "uniqueness",
    "distribution",
    "categories",
    "schema",
)
#: Which check of a table speaks for which kinds.
CHECKS: Mapping[str, tuple[Kind, ...]] = {
    "usual_volume": ("volume",),
    "usual_freshness": ("freshness",),
    "usual_values": ("nulls", "uniqueness", "distribution", "categories"),
    "usual_schema": ("schema",),
}
SERIES = tuple[str | None, str]
Sensitivity = Literal["low", "normal", "high"]
#: How far, in usual variations, a figure may be from what is expected.
_PATIENCE: Mapping[str, float] = {"low": 9.0, "normal": 6.0, "high": 4.0}


@dataclass(frozen=True)
class Snapshot:
    """One measurement of a table.

    Attributes:
        at: when, with its time zone; the simulated time in a rehearsal.
        values: figures by column (None for the table) and measure.
        categories: rows by value, of columns with few values; the second number counts rows of
            the last day, or all of them where the table tells no time.
        columns: names to types, as the warehouse calls them.
        code: the version of the code that built the table, where it is known.
        run_id: the run that measured.
    """

    at: datetime.datetime
    values: Mapping[SERIES, float | None]
    categories: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    run_id: str = ""

    def made_by(self, run_id: str, code: str | None) -> Snapshot:
        """Return the measurement with its run, and the version of the code behind the table."""
        return replace(self, run_id=run_id, code=code)


@dataclass(frozen=True)
class Flag:
    """A figure that was alarmed once, and so is no example of what is usual."""

    at: datetime.datetime
    kind: str
    column: str | None
    metric: str


@dataclass(frozen=True)
class History:
    """What was measured before, the oldest first, and what of it was alarmed."""

    snapshots: Sequence[Snapshot] = ()
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True)
class Answer:
    """What a person said about an alarm, or in advance.

    Attributes:
        action: accept (this value is fine, learn it), mute (be silent), expect (an event comes).
        kind: of which monitor; None for all.
        column: of which column, patterns allowed; None for all.
        starts, ends: when it holds; for accept, the time of the alarm.
        factor: of expect, by how much a figure may rise (above 1) or fall (below 1).
    """

    action: Action
    kind: str | None
    column: str | None
    starts: datetime.datetime
    ends: datetime.datetime
    factor: float | None = None
    who: str = ""
    why: str = ""

    def covers(self, kind: str, column: str | None, at: datetime.datetime) -> bool:
        """Whether the answer is about this figure at this time."""
        if not self.starts <= at <= self.ends or (self.kind or kind) != kind:
            return False
        if self.column is None:
            return True
        return column is not None and fnmatch.fnmatchcase(column.lower(), self.column.lower())


@dataclass(frozen=True)
class Settings:
    """How a table is watched.

    Attributes:
        sensitivity: low, normal or high.
        kinds: the monitors that watch.
        measurements, days: how much history is needed before anything is said.
        window_days: how far back what is usual is looked for.
        relearn: after so many alarms in a row that nobody answered, the new level is the usual.
        fresh_column: the column that tells a row's time; None for the best guess.
        unwatched: columns that nobody looks at, patterns allowed.
    """

    sensitivity: Sensitivity = "normal"
    kinds: tuple[str, ...] = KINDS
    measurements: int = 10
    days: int = 7
    window_days: int = 120
    relearn: int = 7
    fresh_column: str | None = None
    unwatched: tuple[str, ...] = ()

    def watches(self, column: str) -> bool:
        """Whether anybody looks at a column."""
        name = column.lower()
        return not any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in self.unwatched)

    @property
    def patience(self) -> float:
        """How many usual variations are still usual."""
        return _PATIENCE[self.sensitivity]


@dataclass(frozen=True)
class Finding:
    """What one monitor thinks of one figure.

    Attributes:
        low, high: the expected range, in the figure's own unit; None where there is none.
        days: from which days the range was learned, in words.
        observed: what was seen.
        score: the distance from what was expected, in usual variations; 0 for as expected.
        sentence: all of it as a person says it.
        muted: why nobody is told, or None.
        upstream: the table above this one that changed first, or None.
    """

    kind: Kind
    column: str | None
    metric: str
    state: State
    sentence: str
    low: float | None = None
    high: float | None = None
    days: str = ""
    observed: Any = None
    score: float = 0.0
    muted: str | None = None
    upstream: str | None = None

    @property
    def alarm(self) -> bool:
        """Whether somebody should know."""
        return self.state in ("unusual", "very_unusual") and self.muted is None
