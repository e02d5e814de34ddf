"""How the rows of one table differ on two sides, found by SQL that runs where the rows are.

Each side's rows are put into drawers by a hash of their key, and only the sum of the rows' hashes
in each drawer is compared: one scan of both. What follows is a join of the rows in drawers that
differ; where most do, of the key and the columns that differ alone. No row is compared in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataplatform.diff.asking import OTHERS, SAMPLES, Pair, Sides
from dataplatform.diff.bags import count_rows
from dataplatform.diff.expressions import TOLERANCE, Words
from dataplatform.diff.found import ADDED, CHANGED, REMOVED, RowsDiff, Sample
from dataplatform.resources.warehouse import Session

#: Samples come from up to so many drawers of each kind, so that no other row is looked at again.
_LOOKED_AT = 8


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
        return self._joined(key, before, after, where, names)

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

    def _joined(
        self, key: Sequence[str], before: int, after: int, where: str, names: Sequence[str]
    ) -> RowsDiff:
        quoted = self._quoted
        sides = [f"SELECT *, 1 AS p FROM ({self._sides.side(s, names)}) t{where}" for s in (0, 1)]
        on = " AND ".join(f"a.{quoted[name]} = b.{quoted[name]}" for name in key)
        source = f"WITH a AS ({sides[0]}), b AS ({sides[1]})"
        joined = f"FROM a FULL OUTER JOIN b ON {on}"
        others = [name for name in names if name not in key]
        unlike = {name: self._unlike(name) for name in others}
        both = "a.p IS NOT NULL AND b.p IS NOT NULL"
        kinds = {
            ADDED: "b.p IS NULL",
            REMOVED: "a.p IS NULL",
            CHANGED: f"{both} AND ({' OR '.join(unlike.values())})" if others else "1 = 0",
        }
        asked = [*kinds.values(), *(f"{both} AND {one}" for one in unlike.values())]
        counts = [f"sum(CASE WHEN {one} THEN 1 ELSE 0 END)" for one in asked]
        drawer = self._words.drawer([f"coalesce(a.{quoted[n]}, b.{quoted[n]})" for n in key])
        places = [f"min(CASE WHEN {one} THEN {drawer} END)" for one in kinds.values()]
        found = self._session.execute(
            f"{source} SELECT mod({drawer}, {_LOOKED_AT}), {', '.join([*places, *counts])} "
            f"{joined} GROUP BY 1"
        )
        totals = [sum(int(row[4 + index] or 0) for row in found) for index in range(len(asked))]
        drawers = sorted({int(one) for row in found for one in row[1:4] if one is not None})
        samples: list[Sample] = []
        if drawers:
            only = self._sides.only(drawers, [quoted[name] for name in key])
            samples = self._samples(only, key, others, unlike, kinds)
        by_column = {name: n for name, n in zip(others, totals[3:], strict=True) if n}
        return RowsDiff(
            tuple(key), before, after, totals[0], totals[1], totals[2], by_column, tuple(samples)
        )

    def _unlike(self, name: str) -> str:
        a, b = f"a.{self._quoted[name]}", f"b.{self._quoted[name]}"
        unlike = f"{a} IS DISTINCT FROM {b}"
        if not self._sides.is_float(name):
            return unlike
        # Infinite numbers are far from everything: a multiple of them is no measure.
        apart = f"abs({a} - {b})"
        near = f"{apart} < 1e308 AND {apart} <= {TOLERANCE!r} * least(abs({a}), abs({b}))"
        return f"({unlike} AND NOT coalesce({near}, FALSE))"

    def _samples(
        self,
        where: str,
        key: Sequence[str],
        others: Sequence[str],
        unlike: Mapping[str, str],
        kinds: Mapping[str, str],
    ) -> list[Sample]:
        """Return the first rows of each kind among those in some drawers, in one query."""
        quoted = self._quoted
        names = [*key, *others]
        sides = [f"SELECT *, 1 AS p FROM ({self._sides.side(s, names)}) t{where}" for s in (0, 1)]
        on = " AND ".join(f"a.{quoted[name]} = b.{quoted[name]}" for name in key)
        keys = [f"coalesce(a.{quoted[name]}, b.{quoted[name]})" for name in key]
        kind = " ".join(f"WHEN {one} THEN '{name}'" for name, one in kinds.items())
        listed = [f"CASE {kind} END AS kind"]
        listed += [f"{self._words.as_text(one)} AS k{n}" for n, one in enumerate(keys)]
        for n, name in enumerate(others):
            for side in ("b", "a"):
                listed.append(f"{self._words.as_text(f'{side}.{quoted[name]}')} AS {side}{n}")
            listed.append(f"CASE WHEN {unlike[name]} THEN 1 ELSE 0 END AS u{n}")
        rows = self._session.execute(
            f"WITH a AS ({sides[0]}), b AS ({sides[1]}), "
            f"j AS (SELECT {', '.join(listed)}, row_number() OVER (PARTITION BY CASE {kind} END "
            f"ORDER BY {', '.join(keys)}) AS place FROM a FULL OUTER JOIN b ON {on}) "
            f"SELECT * FROM j WHERE kind IS NOT NULL AND place <= {SAMPLES} ORDER BY kind, place"
        )
        return [self._sample(row, key, others) for row in rows]

    def _sample(self, row: tuple[Any, ...], key: Sequence[str], others: Sequence[str]) -> Sample:
        kind, *rest = row
        shown = self._sides.shown
        known = {name: shown(name, value) for name, value in zip(key, rest, strict=False)}
        values: dict[str, tuple[str, str]] = {}
        for index, name in enumerate(others):
            before, after, differs = rest[len(key) + 3 * index :][:3]
            pair = shown(name, before), shown(name, after)
            if kind == CHANGED and differs:
                values[name] = pair
            elif kind != CHANGED and index < OTHERS:
                known[name] = pair[1 if kind == ADDED else 0]
        return Sample(kind, known, values)
