"""What differs between two builds of the same models: columns, types, rows, verdicts.

Rows are compared whatever their order and as often as they occur. Numbers with a fraction of
binary digits are equal when they agree to nine digits; decimals, instants and texts are equal or
not. Columns that a model declares volatile are left out. Why they differ is said by ``trace``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.diff.expressions import TOLERANCE
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import quoted
from dataplatform.resources.warehouse.types import ANY_DECIMAL

if TYPE_CHECKING:
    import duckdb

    from dataplatform.parity.build import Built

#: How many rows that only one engine has are looked at to find their counterparts.
_LOOKED_AT = 5_000
_SHOWN = 5
_FLOATS = ("FLOAT", "DOUBLE")
_WHOLE = re.compile(r"integer|bigint|decimal\(\d+,0\)")
_NUMBER = re.compile(r"decimal(\(\d+,\d+\))?")
_DECIMAL = re.compile(r"decimal\(\d+,(\d+)\)")


@dataclass(frozen=True)
class RowDifference:
    """A row that differs: the columns in which it does, with both values.

    Attributes:
        row: the values that both sides agree on, to find the row by.
        values: by column, the value on the first engine and on the other.
    """

    row: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class TableDifference:
    """How one model differs on another engine; empty where it does not.

    Attributes:
        rows: number of rows on the first engine and on the other, None where it was not built.
        columns: a sentence for each column that is missing or of another type.
        only_first, only_other: rows that one side alone has.
        shown: the first of those rows, paired with their likely counterpart.
    """

    relation: Relation
    engine: str
    rows: tuple[int | None, int | None]
    columns: tuple[str, ...] = ()
    only_first: int = 0
    only_other: int = 0
    shown: tuple[RowDifference, ...] = field(default=())

    @property
    def equal(self) -> bool:
        """Whether the model is the same on both engines."""
        return not (self.columns or self.only_first or self.only_other or None in self.rows)


def loose(family: str) -> str:
    """Return a type family as far as engines agree on it: width is theirs, scale is not."""
    if _WHOLE.fullmatch(family):
        return "whole number"
    decimal = _DECIMAL.fullmatch(family)
    return f"decimal of {decimal[1]} places" if decimal else family


def _alike(one: str, two: str) -> bool:
    """Whether two families are one type, as far as each engine tells it."""
    kinds = {loose(one), loose(two)}
    if ANY_DECIMAL in kinds:
        return all(_NUMBER.fullmatch(family) for family in (one, two))
    return len(kinds) == 1


def compare_tables(
    first: Built, other: Built, volatile: Mapping[Relation, Iterable[str]]
) -> list[TableDifference]:
    """Compare every model that either side has.

    Args:
        first: the build that the other is held against.
        other: the same models on another engine.
        volatile: the columns of each model whose values may differ between two equal builds.
    """
    import duckdb

    found = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for relation in sorted({*first.files, *other.files}):
            left_out = {name.lower() for name in volatile.get(relation, ())}
            found.append(_compare(connection, relation, first, other, left_out))
    return found


def compare_verdicts(first: Built, other: Built) -> dict[str, tuple[str, str]]:
    """Return the checks whose verdict differs, with both verdicts."""
    names = sorted({*first.verdicts, *other.verdicts})
    pairs = {
        name: (first.verdicts.get(name, "not judged"), other.verdicts.get(name, "not judged"))
        for name in names
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _compare(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    first: Built,
    other: Built,
    volatile: set[str],
) -> TableDifference:
    mine, theirs = first.files.get(relation), other.files.get(relation)
    rows = (_count(connection, mine), _count(connection, theirs))
    if mine is None or theirs is None:
        return TableDifference(relation, other.engine, rows)
    types = first.types[relation], other.types[relation]
    columns = list(_columns(types[0], types[1], first.engine, other.engine))
    names = [name for name in types[0] if name in types[1] and name not in volatile]
    floats = _float_columns(connection, mine, names)
    exact = [name for name in names if name not in floats]
    for side, file in (("a", mine), ("b", theirs)):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {side} AS {_plain(connection, file)}")
    only = [
        _only(connection, one, two, exact, sorted(floats)) for one, two in (("a", "b"), ("b", "a"))
    ]
    missing, extra = _without_near(only[0], only[1], exact, floats)
    return TableDifference(
        relation,
        other.engine,
        rows,
        tuple(columns),
        len(missing),
        len(extra),
        tuple(_pairs(missing[:_SHOWN], extra, names)),
    )


def _count(connection: duckdb.DuckDBPyConnection, file: Path | None) -> int | None:
    if file is None:
        return None
    row = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(file)]).fetchone()
    return int(row[0]) if row else None


def _columns(
    first: Mapping[str, str], other: Mapping[str, str], one: str, two: str
) -> Iterable[str]:
    for name in first:
        if name not in other:
            yield f"{name} is missing on {two}"
        elif not _alike(first[name], other[name]):
            yield f"{name} is {first[name]} on {one} and {other[name]} on {two}"
    for name in other:
        if name not in first:
            yield f"{name} is missing on {one}"


def _described(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
    return {name: kind for name, kind, *_ in rows}


def _float_columns(connection: duckdb.DuckDBPyConnection, file: Path, names: list[str]) -> set[str]:
    kinds = {name.lower(): kind for name, kind in _described(connection, file).items()}
    return {name for name in names if kinds[name] in _FLOATS}


def _plain(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    """Return a query whose values are texts that equal values share, whatever wrote the file."""
    expressions = []
    for name, kind in _described(connection, file).items():
        column, alias = quoted(name), quoted(name.lower())
        if kind in _FLOATS:
            text = column
        elif kind.startswith("DECIMAL") or kind.endswith("INT") or kind in ("INTEGER", "BIGINT"):
            number = f"TRY_CAST({column} AS DECIMAL(38, 9))"
            text = f"coalesce(CAST({number} AS VARCHAR), CAST({column} AS VARCHAR))"
        elif kind.startswith("TIMESTAMP"):
            text = f"strftime({column}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%f')"
        else:
            text = f"CAST({column} AS VARCHAR)"
        expressions.append(f"{text} AS {alias}")
    escaped = str(file).replace("'", "''")
    return f"SELECT {', '.join(expressions)} FROM read_parquet('{escaped}')"


def _only(
    connection: duckdb.DuckDBPyConnection,
    one: str,
    two: str,
    exact: list[str],
    floats: list[str],
) -> list[dict[str, Any]]:
    """Return rows of one side that the other has less often, as dictionaries."""
    rounded = [f"printf('%.8e', {quoted(name)}) AS {quoted(name)}" for name in floats]
    key = ", ".join([*map(quoted, exact), *rounded])
    # Where floats are, a row that is only rounded otherwise is sorted out by ``_without_near``.
    rows = connection.execute(
        f"SELECT * FROM (SELECT {key} FROM {one} EXCEPT ALL SELECT {key} FROM {two}) "
        f"ORDER BY ALL LIMIT {_LOOKED_AT}"
    )
    names = [item[0] for item in rows.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _without_near(
    missing: list[dict[str, Any]],
    extra: list[dict[str, Any]],
    exact: list[str],
    floats: set[str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Leave out rows that have a counterpart within the tolerance."""
    if not floats:
        return missing, extra
    waiting: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in extra:
        waiting.setdefault(tuple(row[name] for name in exact), []).append(row)
    left = []
    for row in missing:
        candidates = waiting.get(tuple(row[name] for name in exact), [])
        near = next((one for one in candidates if _near(row, one, floats)), None)
        if near is None:
            left.append(row)
        else:
            candidates.remove(near)
    return left, [row for rows in waiting.values() for row in rows]


def _near(one: Mapping[str, Any], two: Mapping[str, Any], floats: set[str]) -> bool:
    for name in floats:
        a, b = one[name], two[name]
        if (a is None) != (b is None):
            return False
        # Both were rounded to nine digits: one unit of the last is within the tolerance.
        if a is not None and not isclose(float(a), float(b), rel_tol=10 * TOLERANCE, abs_tol=1e-12):
            return False
    return True


def _pairs(
    missing: list[dict[str, Any]], extra: list[dict[str, Any]], names: list[str]
) -> Iterable[RowDifference]:
    """Pair each row with the one of the other side that is most like it."""
    left = list(extra)
    for row in missing:
        best = max(left, key=lambda one: sum(row[n] == one[n] for n in names), default=None)
        if best is not None:
            left.remove(best)
        other = best or {}
        yield RowDifference(
            {n: row[n] for n in names if n in other and row[n] == other[n]},
            {n: (row[n], other.get(n)) for n in names if n not in other or row[n] != other[n]},
        )
    if not missing:
        for one in left[:_SHOWN]:
            yield RowDifference({}, {name: (None, one[name]) for name in names})
