"""How the rows of one table differ on two sides, found by SQL that runs where the rows are.

Each side's rows are put into drawers by a hash of their key, and only the sum of the rows' hashes
in each drawer is compared: one scan of both. What follows is a join (``pairs``) of the rows in
drawers that differ; where most do, of the key and the columns that differ alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataplatform.diff.asking import Pair, Sides
from dataplatform.diff.bags import count_rows
from dataplatform.diff.expressions import Words
from dataplatform.diff.found import ADDED, CHANGED, REMOVED, RowsDiff
from dataplatform.diff.pairs import Pairs
from dataplatform.resources.warehouse import Session


def compare_rows(session: Session, pair: Pair, words: Words) -> RowsDiff:
    """Return how the rows of two tables differ.

    Args:
        session: in which both are named.
        pair: the tables.
        words: of the session's dialect.
    """
    sides = Sides(session, pair, words)
    return _Matched(sides).result() if pair.key else count_rows(sides)


class _Matched:
    """Rows matched by a key."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._session, self._words = sides.session, sides.words
        self._names, self._quoted = sides.names, sides.quoted

    def result(self) -> RowsDiff:
        key = tuple(self._sides.pair.key)
        before, after, drawers = self._sides.drawers([self._quoted[name] for name in key])
        if not drawers:
            return RowsDiff(key, before, after)
        where = self._sides.only(drawers, [self._quoted[name] for name in key])
        if not self._unique(key, where):
            note = f"{', '.join(key)} does not tell the rows apart: whole rows were counted."
            return count_rows(self._sides, note)
        names = self._names if where else self._differing(key)
        pairs = Pairs(self._sides, key, [name for name in names if name not in key])
        found = pairs.of_few(where) if where else pairs.of_all()
        added, removed, changed = (found.kinds.get(one, 0) for one in (ADDED, REMOVED, CHANGED))
        return RowsDiff(key, before, after, added, removed, changed, found.by_column, found.samples)

    def _unique(self, key: Sequence[str], where: str) -> bool:
        columns = ", ".join(self._quoted[name] for name in key)
        for side in (0, 1):
            inner = f"SELECT * FROM ({self._sides.side(side, key)}) t{where}"
            none = " OR ".join(f"{self._quoted[name]} IS NULL" for name in key)
            found = self._session.execute(
                f"SELECT (SELECT count(*) FROM ({inner}) u WHERE {none}), "
                f"(SELECT count(*) FROM (SELECT {columns} FROM ({inner}) v GROUP BY {columns} "
                "HAVING count(*) > 1) w)"
            )[0]
            if found[0] or found[1]:
                return False
        return True

    def _differing(self, key: Sequence[str]) -> list[str]:
        """Return the key and the columns in which anything differs."""
        others = [name for name in self._names if name not in key]
        if not others:
            return list(key)
        by = [self._quoted[name] for name in key]
        listed = ", ".join(
            self._words.mixed(self._words.hash([*by, self._quoted[name]])) for name in others
        )
        sources = [self._sides.side(side, self._names) for side in (0, 1)]
        sums = [self._session.execute(f"SELECT {listed} FROM ({one}) t")[0] for one in sources]
        return [*key, *(n for n, a, b in zip(others, *sums, strict=True) if a != b)]
