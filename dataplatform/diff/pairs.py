"""Rows of both sides paired by their key: how many differ, in which columns, and the first of them.

Where the rows lie in few drawers, one query tells all; where they are most of a table, what is
counted is asked first and the rows to show are looked for in a few drawers. No row is compared in
Python. Which drawers are looked at is said in ``rows``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.diff.asking import OTHERS, SAMPLES, Sides
from dataplatform.diff.expressions import TOLERANCE
from dataplatform.diff.found import ADDED, CHANGED, REMOVED, Sample

#: Samples come from up to so many drawers of each kind, so that no other row is looked at again.
_LOOKED_AT = 8
_BOTH = "a.p IS NOT NULL AND b.p IS NOT NULL"


@dataclass(frozen=True)
class Found:
    """How paired rows differ: rows of each kind, changed rows by column, the first of each kind."""

    kinds: Mapping[str, int]
    by_column: Mapping[str, int]
    samples: tuple[Sample, ...]


class Pairs:
    """Rows of both sides that share a key, or whose key is on one side only.

    Args:
        sides: the tables.
        key: the columns that pair the rows.
        others: the columns that are compared.
    """

    def __init__(self, sides: Sides, key: Sequence[str], others: Sequence[str]) -> None:
        self._sides = sides
        self._key, self._others = list(key), list(others)
        self._keys = [f"coalesce(a.{q}, b.{q})" for q in map(sides.quoted.__getitem__, key)]
        self._unlike = {name: self._unlike_in(name) for name in others}
        self._kinds = {
            ADDED: "b.p IS NULL",
            REMOVED: "a.p IS NULL",
            CHANGED: f"{_BOTH} AND ({' OR '.join(self._unlike.values())})" if others else "1 = 0",
        }

    def of_few(self, where: str) -> Found:
        """Return what differs among the rows of few drawers.

        Args:
            where: the condition that chooses them.
        """
        sums = [f"sum(u{n}) OVER (PARTITION BY kind)" for n in range(len(self._others))]
        rows = self._first(where, ["count(*) OVER (PARTITION BY kind)", *sums])
        kinds: dict[str, int] = {}
        by_column: dict[str, int] = {}
        for row in rows:
            count, *changed = map(int, row[len(row) - len(sums) - 1 :])
            kinds[row[0]] = count
            if row[0] == CHANGED:
                by_column = {n: c for n, c in zip(self._others, changed, strict=True) if c}
        return Found(kinds, by_column, tuple(map(self._sample, rows)))

    def of_all(self) -> Found:
        """Return what differs among all rows."""
        asked = [*self._kinds.values(), *(f"{_BOTH} AND {one}" for one in self._unlike.values())]
        counts = [f"sum(CASE WHEN {one} THEN 1 ELSE 0 END)" for one in asked]
        drawer = self._sides.words.drawer(self._keys)
        places = [f"min(CASE WHEN {one} THEN {drawer} END)" for one in self._kinds.values()]
        sides, paired = self._paired("")
        found = self._sides.session.execute(
            f"{sides} SELECT mod({drawer}, {_LOOKED_AT}), {', '.join([*places, *counts])} "
            f"{paired} GROUP BY 1"
        )
        totals = [sum(int(row[4 + index] or 0) for row in found) for index in range(len(asked))]
        drawers = sorted({int(one) for row in found for one in row[1:4] if one is not None})
        samples: tuple[Sample, ...] = ()
        if drawers:
            by = [self._sides.quoted[name] for name in self._key]
            samples = tuple(map(self._sample, self._first(self._sides.only(drawers, by))))
        by_column = {name: n for name, n in zip(self._others, totals[3:], strict=True) if n}
        return Found(dict(zip(self._kinds, totals[:3], strict=True)), by_column, samples)

    def _unlike_in(self, name: str) -> str:
        a, b = f"a.{self._sides.quoted[name]}", f"b.{self._sides.quoted[name]}"
        unlike = f"{a} IS DISTINCT FROM {b}"
        if not self._sides.is_float(name):
            return unlike
        # Infinite numbers are far from everything: a multiple of them is no measure.
        apart = f"abs({a} - {b})"
        near = f"{apart} < 1e308 AND {apart} <= {TOLERANCE!r} * least(abs({a}), abs({b}))"
        return f"({unlike} AND NOT coalesce({near}, FALSE))"

    def _paired(self, where: str) -> tuple[str, str]:
        """Return both sides' rows, as common table expressions, and how they are paired."""
        names = [*self._key, *self._others]
        sides = [f"SELECT *, 1 AS p FROM ({self._sides.side(s, names)}) t{where}" for s in (0, 1)]
        quoted = [self._sides.quoted[name] for name in self._key]
        on = " AND ".join(f"a.{name} = b.{name}" for name in quoted)
        return f"WITH a AS ({sides[0]}), b AS ({sides[1]})", f"FROM a FULL OUTER JOIN b ON {on}"

    def _first(self, where: str, counted: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Return the first rows of each kind among those in some drawers, in one query.

        Args:
            where: the condition that chooses the drawers.
            counted: further columns, over all rows of a kind.
        """
        text, quoted = self._sides.words.as_text, self._sides.quoted
        kind = " ".join(f"WHEN {one} THEN '{name}'" for name, one in self._kinds.items())
        keys = [f"k{n}" for n in range(len(self._key))]
        taken = [f"CASE {kind} END AS kind"]
        taken += [f"{one} AS {name}" for one, name in zip(self._keys, keys, strict=True)]
        shown = ["kind", *map(text, keys)]
        for n, name in enumerate(self._others):
            taken += [f"{side}.{quoted[name]} AS {side}{n}" for side in ("b", "a")]
            taken.append(f"CASE WHEN {self._unlike[name]} THEN 1 ELSE 0 END AS u{n}")
            shown += [text(f"b{n}"), text(f"a{n}"), f"u{n}"]
        place = f"row_number() OVER (PARTITION BY kind ORDER BY {', '.join(keys)}) AS place"
        windows = [place, *(f"{one} AS s{n}" for n, one in enumerate(counted))]
        shown += [f"s{n}" for n in range(len(counted))]
        sides, paired = self._paired(where)
        return self._sides.session.execute(
            f"{sides}, j AS (SELECT {', '.join(taken)} {paired}), "
            f"w AS (SELECT *, {', '.join(windows)} FROM j WHERE kind IS NOT NULL) "
            f"SELECT {', '.join(shown)} FROM w WHERE place <= {SAMPLES} ORDER BY kind, place"
        )

    def _sample(self, row: tuple[Any, ...]) -> Sample:
        kind, *rest = row
        shown = self._sides.shown
        known = {name: shown(name, value) for name, value in zip(self._key, rest, strict=False)}
        values: dict[str, tuple[str, str]] = {}
        for index, name in enumerate(self._others):
            before, after, differs = rest[len(self._key) + 3 * index :][:3]
            pair = shown(name, before), shown(name, after)
            if kind == CHANGED and differs:
                values[name] = pair
            elif kind != CHANGED and index < OTHERS:
                known[name] = pair[1 if kind == ADDED else 0]
        return Sample(kind, known, values)
