"""The two sides of one table and the questions that every comparison asks of them.

How rows are matched by a key is said in ``rows``, how they are counted without one in ``bags``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.masking import MASK
from dataplatform.diff.expressions import DRAWERS, Words, is_float, is_number
from dataplatform.resources.warehouse import Session

#: Above so many differing drawers they are not listed, and all rows are looked at.
FEW = DRAWERS // 8
SAMPLES = 5
#: Columns that are shown of a row that one side alone has, besides its key.
OTHERS = 4


@dataclass(frozen=True)
class Pair:
    """The two sides of one table, as the session names them.

    Attributes:
        here, there: the quoted names of the tables.
        columns: what is compared: the quoted name on both sides, by name in small letters.
        types: the type of each on both sides, here first.
        key: of those, the ones that tell a row; empty where nothing does.
        masked: of those, the ones whose values are not shown.
    """

    here: str
    there: str
    columns: Mapping[str, tuple[str, str]]
    types: Mapping[str, tuple[str, str]]
    key: Sequence[str]
    masked: Collection[str] = ()


class Sides:
    """Asks both sides of a table through one session.

    Args:
        session: in which both are named.
        pair: the tables.
        words: of the session's dialect.
    """

    def __init__(self, session: Session, pair: Pair, words: Words) -> None:
        self.session = session
        self.pair = pair
        self.words = words
        self.names = list(pair.columns)
        self.quoted = {name: f"c{index}" for index, name in enumerate(self.names)}

    def side(self, side: int, names: Sequence[str]) -> str:
        """Return a query for some columns of one side, under names that both sides share."""
        listed = []
        for name in names:
            column, kinds = self.pair.columns[name][side], self.pair.types[name]
            if kinds[0] != kinds[1]:
                both = all(is_number(kind) for kind in kinds)
                column = f"CAST({column} AS {self.words.double if both else self.words.text})"
            listed.append(f"{column} AS {self.quoted[name]}")
        table = (self.pair.here, self.pair.there)[side]
        return f"SELECT {', '.join(listed) or '1 AS c0'} FROM {table}"

    def is_float(self, name: str) -> bool:
        """Return whether a column is compared as a double."""
        one, other = self.pair.types[name]
        return is_float(one) if one == other else is_number(one) and is_number(other)

    def drawers(self, by: Sequence[str], row: str = "") -> tuple[int, int, list[int]]:
        """Return both numbers of rows and the drawers that differ."""
        row = row or self.words.hash(list(self.quoted.values()))
        sides = [
            f"SELECT {self.words.drawer(by)} AS drawer, count(*) AS n, "
            f"{self.words.total(row)} AS h FROM ({self.side(side, self.names)}) t GROUP BY 1"
            for side in (0, 1)
        ]
        rows = self.session.execute(
            f"WITH a AS ({sides[0]}), b AS ({sides[1]}) "
            "SELECT coalesce(a.drawer, b.drawer), coalesce(a.n, 0), coalesce(b.n, 0), "
            "CASE WHEN a.n = b.n AND a.h = b.h THEN 0 ELSE 1 END "
            "FROM a FULL OUTER JOIN b ON a.drawer = b.drawer"
        )
        differing = sorted(int(row[0]) for row in rows if row[3])
        return sum(int(row[2]) for row in rows), sum(int(row[1]) for row in rows), differing

    def only(self, drawers: Sequence[int], by: Sequence[str]) -> str:
        """Return the condition for rows in some drawers; none where they are too many to list."""
        if len(drawers) > FEW:
            return ""
        return f" WHERE {self.words.drawer(by)} IN ({', '.join(map(str, drawers))})"

    def shown(self, name: str, value: Any) -> str:
        """Return a value as it may be shown."""
        if value is None:
            return "null"
        return MASK if name in self.pair.masked else str(value)[:80]
