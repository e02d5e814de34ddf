"""A profile as plain data: what was found in a table, ready for JSON.

How it is read lives in ``table``, what follows from it in ``rules``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from dataplatform.keys import Relation

#: The shares at which quantiles are read.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Value:
    """One value, or one shape of values, with how often it comes up.

    Attributes:
        share: of the rows looked at that are not null, from 0 to 1.
    """

    value: str
    count: int
    share: float


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: from ``low`` up to ``high`` (the last bar includes it)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """What was found in one column.

    Attributes:
        name: as the warehouse writes it.
        type: the warehouse's own name of the type.
        kind: number, text, boolean, date, timestamp, time, binary, nested or other.
        nulls: rows without a value.
        distinct: different values; None where the warehouse cannot say.
        exact: whether ``distinct`` was counted, or estimated.
        min, max: numbers for numbers, text otherwise; None for columns without order.
        mean: of numbers; of booleans, the share that is true; of texts, their length.
        quantiles: share to value, at ``QUANTILES``; moments as seconds since 1970 UTC.
        lengths: shortest and longest text or bytes.
        empty: texts without a character.
        top_values: the most frequent values, the first first.
        patterns: shapes of texts (``AAA-999``), the most frequent first.
        format: what nearly every text is (email, uuid, date ...), with its share.
        histogram: of numbers and moments.
        masked: whether the column's values are not to be shown.
    """

    name: str
    type: str
    kind: str
    nulls: int
    distinct: int | None = None
    exact: bool = False
    min: Any = None
    max: Any = None
    mean: float | None = None
    quantiles: dict[float, float] | None = None
    lengths: tuple[int, int] | None = None
    empty: int = 0
    top_values: tuple[Value, ...] = ()
    patterns: tuple[Value, ...] = ()
    format: Value | None = None
    histogram: tuple[Bar, ...] = ()
    masked: bool = False


@dataclass(frozen=True)
class TableProfile:
    """What was found in a table.

    Attributes:
        rows: in the table.
        sampled: rows that distributions, top values and patterns were read from.
        statements: what was asked of the warehouse, in order.
    """

    relation: Relation
    rows: int
    sampled: int
    columns: tuple[ColumnProfile, ...]
    dialect: str
    statements: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnProfile:
        """Return a column by its name, whatever its case.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        raise KeyError(name)

    def document(self) -> dict[str, Any]:
        """Return the profile as values that JSON knows; statements are left out."""
        columns = [_plain(asdict(column)) for column in self.columns]
        return {
            "table": str(self.relation),
            "rows": self.rows,
            "sampled": self.sampled,
            "columns": columns,
        }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
