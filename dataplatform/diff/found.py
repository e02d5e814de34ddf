"""What a comparison found, as plain facts. How they are found and shown is said elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dataplatform.keys import Relation

CHANGED, ADDED, REMOVED = "changed", "added", "removed"
#: How a table is found: the same, other rows or columns, on one side only, read from the other.
SAME, DIFFERENT, ONLY_HERE, ONLY_THERE, DEFERRED = "same", "different", "new", "gone", "deferred"


@dataclass(frozen=True)
class Sample:
    """One row that differs.

    Attributes:
        kind: ``changed``, ``added`` or ``removed``.
        key: the values that tell the row, as texts; of a row without a key some of its columns.
        values: for a changed row, of each column that changed the value there and here.
    """

    kind: str
    key: Mapping[str, str]
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class RowsDiff:
    """How the rows of one table differ.

    Attributes:
        key: the columns by which rows were matched; empty where whole rows were counted.
        before, after: number of rows there and here.
        by_column: of each column in which matched rows differ, how many do.
        samples: some of the rows, masked.
        note: a sentence about how they were compared, where that needs one.
    """

    key: tuple[str, ...]
    before: int
    after: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    by_column: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    note: str = ""

    @property
    def same(self) -> bool:
        """Whether no row differs."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True)
class TableDiff:
    """How one table differs.

    Attributes:
        table: as consumers know it; a mart by its published name.
        here: the relation that was read here; a mart's candidate, where it has one.
        state: one of the words above.
        columns: a sentence for each column that is new, gone or of another type.
        importance: higher is more important.
        assets, exposures: what reads the table, however far down, by name.
    """

    table: Relation
    here: Relation
    state: str
    rows: RowsDiff | None = None
    columns: tuple[str, ...] = ()
    importance: int = 0
    assets: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a reader could see a difference."""
        return self.state not in (SAME, DEFERRED)


@dataclass(frozen=True)
class CheckDiff:
    """A check whose last verdict is another one."""

    table: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Diff:
    """Everything that differs between two places.

    Attributes:
        here, there: their names; changes are told as from there to here.
        tables: every table that was compared, the most important difference first.
        checks: the checks whose verdict changed.
    """

    here: str
    there: str
    tables: tuple[TableDiff, ...]
    checks: tuple[CheckDiff, ...] = ()

    @property
    def different(self) -> tuple[TableDiff, ...]:
        """The tables that differ."""
        return tuple(one for one in self.tables if one.differs)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.different or self.checks)

    @property
    def digest(self) -> str:
        """A short hash of what differs, by which a person approves of exactly that."""
        told = [
            {**one, "samples": None}
            for one in self.as_json()["tables"]
            if one["state"] not in (SAME, DEFERRED)
        ]
        checks = [asdict(one) for one in self.checks]
        text = json.dumps([told, checks], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain dictionaries and lists."""
        return {
            "here": self.here,
            "there": self.there,
            "tables": [_table(one) for one in self.tables],
            "checks": [asdict(one) for one in self.checks],
        }


def _table(one: TableDiff) -> dict[str, Any]:
    rows = asdict(one.rows) if one.rows else {}
    return {
        "table": str(one.table),
        "state": one.state,
        **rows,
        "columns": list(one.columns),
        "assets": list(one.assets),
        "exposures": list(one.exposures),
    }
