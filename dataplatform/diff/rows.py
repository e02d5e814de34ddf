"""How the rows of one table differ on two sides, found by SQL that runs where the rows are.

Each side's rows are put into drawers by a hash of their key, and only the sum of the rows' hashes
in each drawer is compared: one scan of both. What follows is a join of the rows in drawers that
differ; where most do, of the key and the columns that differ alone. No row is compared in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.masking import MASK
from dataplatform.diff.expressions import DRAWERS, TOLERANCE, Words, is_float, is_number
from dataplatform.diff.found import ADDED, CHANGED, REMOVED, RowsDiff, Sample
from dataplatform.resources.warehouse import Session

#: Above so many differing drawers they are not listed, and all rows are joined.
FEW = DRAWERS // 4
SAMPLES = 5
#: Samples come from up to so many drawers of each kind, so that no other row is looked at again.
_LOOKED_AT = 8
_OTHERS = 4


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


def compare_rows(session: Session, pair: Pair, words: Words) -> RowsDiff:
    """Return how the rows of two tables differ.

    Args:
        session: in which both are named.
        pair: the tables.
        words: of the session's dialect.
    """
    return _Comparison(session, pair, words).result()


class _Comparison:
    def __init__(self, session: Session, pair: Pair, words: Words) -> None:
        self._session = session
        self._pair = pair
        self._words = words
        self._names = list(pair.columns)
        self._quoted = {name: f"c{index}" for index, name in enumerate(self._names)}

    def result(self) -> RowsDiff:
        key = tuple(self._pair.key)
        if not key:
            return self._counted()
        before, after, drawers = self._drawers([self._quoted[name] for name in key])
        if not drawers:
            return RowsDiff(key, before, after)
        where = self._only(drawers, [self._quoted[name] for name in key])
        if not self._unique(key, where):
            note = f"{', '.join(key)} does not tell the rows apart: whole rows were counted."
            return self._counted(note)
        names = self._names if where else self._differing(key)
        return self._joined(key, before, after, where, names)

    def _side(self, side: int, names: Sequence[str]) -> str:
        """Return a query for some columns of one side, under names that both sides share."""
        listed = []
        for name in names:
            column, kinds = self._pair.columns[name][side], self._pair.types[name]
            if kinds[0] != kinds[1]:
                both = all(is_number(kind) for kind in kinds)
                column = f"CAST({column} AS {self._words.double if both else self._words.text})"
            listed.append(f"{column} AS {self._quoted[name]}")
        table = (self._pair.here, self._pair.there)[side]
        return f"SELECT {', '.join(listed) or '1 AS c0'} FROM {table}"

    def _float(self, name: str) -> bool:
        one, other = self._pair.types[name]
        return is_float(one) if one == other else is_number(one) and is_number(other)

    def _drawers(self, by: Sequence[str], row: str = "") -> tuple[int, int, list[int]]:
        """Return both numbers of rows and the drawers that differ."""
        row = row or self._words.hash(list(self._quoted.values()))
        sides = [
            f"SELECT {self._words.drawer(by)} AS drawer, count(*) AS n, "
            f"{self._words.total(row)} AS h FROM ({self._side(side, self._names)}) t GROUP BY 1"
            for side in (0, 1)
        ]
        rows = self._session.execute(
            f"WITH a AS ({sides[0]}), b AS ({sides[1]}) "
            "SELECT coalesce(a.drawer, b.drawer), coalesce(a.n, 0), coalesce(b.n, 0), "
            "CASE WHEN a.n = b.n AND a.h = b.h THEN 0 ELSE 1 END "
            "FROM a FULL OUTER JOIN b ON a.drawer = b.drawer"
        )
        differing = sorted(int(row[0]) for row in rows if row[3])
        return sum(int(row[2]) for row in rows), sum(int(row[1]) for row in rows), differing

    def _only(self, drawers: Sequence[int], by: Sequence[str]) -> str:
        if len(drawers) > FEW:
            return ""
        return f" WHERE {self._words.drawer(by)} IN ({', '.join(map(str, drawers))})"

    def _unique(self, key: Sequence[str], where: str) -> bool:
        columns = ", ".join(self._quoted[name] for name in key)
        for side in (0, 1):
            inner = f"SELECT * FROM ({self._side(side, key)}) t{where}"
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
        sums = [
            self._session.execute(f"SELECT {listed} FROM ({self._side(side, self._names)}) t")[0]
            for side in (0, 1)
        ]
        return [*key, *(n for n, a, b in zip(others, *sums, strict=True) if a != b)]

    def _joined(
        self, key: Sequence[str], before: int, after: int, where: str, names: Sequence[str]
    ) -> RowsDiff:
        quoted = self._quoted
        sides = [f"SELECT *, 1 AS p FROM ({self._side(s, names)}) t{where}" for s in (0, 1)]
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
            only = self._only(drawers, [quoted[name] for name in key])
            samples = self._samples(only, key, others, unlike, kinds)
        by_column = {name: n for name, n in zip(others, totals[3:], strict=True) if n}
        return RowsDiff(
            tuple(key), before, after, totals[0], totals[1], totals[2], by_column, tuple(samples)
        )

    def _unlike(self, name: str) -> str:
        a, b = f"a.{self._quoted[name]}", f"b.{self._quoted[name]}"
        unlike = f"{a} IS DISTINCT FROM {b}"
        if not self._float(name):
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
        sides = [f"SELECT *, 1 AS p FROM ({self._side(s, names)}) t{where}" for s in (0, 1)]
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
        known = {name: self._shown(name, value) for name, value in zip(key, rest, strict=False)}
        values: dict[str, tuple[str, str]] = {}
        for index, name in enumerate(others):
            before, after, differs = rest[len(key) + 3 * index :][:3]
            pair = self._shown(name, before), self._shown(name, after)
            if kind == CHANGED and differs:
                values[name] = pair
            elif kind != CHANGED and index < _OTHERS:
                known[name] = pair[1 if kind == ADDED else 0]
        return Sample(kind, known, values)

    def _shown(self, name: str, value: Any) -> str:
        if value is None:
            return "null"
        return MASK if name in self._pair.masked else str(value)[:80]

    def _counted(self, note: str = "") -> RowsDiff:
        """Compare as bags of whole rows: how often each occurs on either side."""
        parts = [
            self._words.rounded(self._quoted[name]) if self._float(name) else self._quoted[name]
            for name in self._names
        ]
        row = self._words.hash(parts)
        before, after, drawers = self._drawers(parts, row)
        if not drawers:
            return RowsDiff((), before, after, note=note)
        where = self._only(drawers, parts)
        sides = [
            f"SELECT {row} AS h, {sign} AS s FROM ({self._side(side, self._names)}) t{where}"
            for side, sign in ((0, 1), (1, -1))
        ]
        counted = (
            f"SELECT h, sum(s) AS n FROM ({sides[0]} UNION ALL {sides[1]}) u "
            "GROUP BY h HAVING sum(s) <> 0"
        )
        more, less = self._session.execute(
            "SELECT coalesce(sum(CASE WHEN n > 0 THEN n END), 0), "
            f"coalesce(sum(CASE WHEN n < 0 THEN -n END), 0) FROM ({counted}) v"
        )[0]
        shown = self._names[: _OTHERS + 2]
        samples: list[Sample] = []
        for side, kind, count, sign in ((0, ADDED, more, ">"), (1, REMOVED, less, "<")):
            if count:
                listed = ", ".join(self._words.as_text(self._quoted[name]) for name in shown)
                order = ", ".join(map(str, range(1, len(shown) + 1)))
                rows = self._session.execute(
                    f"SELECT {listed} FROM ({self._side(side, self._names)}) t WHERE {row} IN "
                    f"(SELECT h FROM ({counted}) v WHERE n {sign} 0) "
                    f"ORDER BY {order} LIMIT {SAMPLES}"
                )
                samples += [
                    Sample(kind, {n: self._shown(n, v) for n, v in zip(shown, one, strict=True)})
                    for one in rows
                ]
        return RowsDiff((), before, after, int(more), int(less), 0, {}, tuple(samples), note)
