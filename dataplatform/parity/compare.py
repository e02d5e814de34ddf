"""What differs between two builds of the same models: columns, types, rows, verdicts.

Rows are compared as ``diff`` compares them, by the contract's key where there is one, over files
whose values are first written in a way that equal values share. Columns that a model declares
volatile are left out. Why something differs is said by ``trace``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.diff.asking import Pair
from dataplatform.diff.expressions import is_float, words_of
from dataplatform.diff.found import RowsDiff
from dataplatform.diff.rows import compare_rows
from dataplatform.diff.tables import Wanted
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import quoted
from dataplatform.resources.warehouse.types import ANY_DECIMAL

if TYPE_CHECKING:
    import duckdb

    from dataplatform.parity.build import Built

_WHOLE = re.compile(r"integer|bigint|decimal\(\d+,0\)")
_NUMBER = re.compile(r"decimal(\(\d+,\d+\))?")
_DECIMAL = re.compile(r"decimal\(\d+,(\d+)\)")


@dataclass(frozen=True)
class TableDifference:
    """How one model differs on another engine; empty where it does not.

    Attributes:
        rows: number of rows on the first engine and on the other, None where it was not built.
        columns: a sentence for each column that is missing or of another type.
        found: how the rows differ, told as from the first engine to the other.
        traced: the columns whose values differ.
    """

    relation: Relation
    engine: str
    rows: tuple[int | None, int | None]
    columns: tuple[str, ...] = ()
    found: RowsDiff = field(default_factory=lambda: RowsDiff((), 0, 0))
    traced: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the model is the same on both engines."""
        return not self.columns and self.found.same and None not in self.rows


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


def compare_builds(
    first: Built, other: Built, known: Mapping[Relation, Wanted]
) -> list[TableDifference]:
    """Compare every model that either side has.

    Args:
        first: the build that the other is held against.
        other: the same models on another engine.
        known: of each model its key, and the columns that are volatile or not to be shown.
    """
    import duckdb

    found = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for relation in sorted({*first.files, *other.files}):
            wanted = known.get(relation, Wanted(relation))
            found.append(_compare(_Asked(connection), relation, first, other, wanted))
    return found


def compare_verdicts(first: Built, other: Built) -> dict[str, tuple[str, str]]:
    """Return the checks whose verdict differs, with both verdicts."""
    names = sorted({*first.verdicts, *other.verdicts})
    pairs = {
        name: (first.verdicts.get(name, "not judged"), other.verdicts.get(name, "not judged"))
        for name in names
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class _Asked:
    """A session on DuckDB's own memory."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, list(parameters)).fetchall()


def _compare(
    session: _Asked, relation: Relation, first: Built, other: Built, wanted: Wanted
) -> TableDifference:
    mine, theirs = first.files.get(relation), other.files.get(relation)
    rows = (_count(session, mine), _count(session, theirs))
    if mine is None or theirs is None:
        return TableDifference(relation, other.engine, rows)
    types = first.types[relation], other.types[relation]
    told = tuple(_columns(types[0], types[1], first.engine, other.engine))
    # The other engine is "here" and the first one "there": changes are told as towards the other.
    kinds = [_written(session, side, file) for side, file in (("here", theirs), ("there", mine))]
    shared = [name for name in types[0] if name in types[1] and name not in wanted.volatile]
    pair = Pair(
        "here",
        "there",
        {name: (quoted(name), quoted(name)) for name in shared},
        {name: (kinds[0][name], kinds[1][name]) for name in shared},
        wanted.key if all(name in shared for name in wanted.key) else (),
        wanted.masked,
    )
    words = words_of("duckdb")
    found = compare_rows(session, pair, words)
    if found.same:
        return TableDifference(relation, other.engine, rows, told, found)
    traced = tuple(found.by_column) or _differing(session, pair)
    if not found.key and traced:
        # What is shown of a row without a key is its first columns.
        ordered = dict.fromkeys([*traced, *shared])
        columns = {name: pair.columns[name] for name in ordered}
        found = compare_rows(session, replace(pair, columns=columns, key=()), words)
    return TableDifference(relation, other.engine, rows, told, found, traced)


def _differing(session: _Asked, pair: Pair) -> tuple[str, ...]:
    """Return the columns whose values differ, each taken by itself."""
    words = words_of("duckdb")
    alone = {
        name: replace(pair, columns={name: pair.columns[name]}, key=()) for name in pair.columns
    }
    return tuple(name for name in alone if not compare_rows(session, alone[name], words).same)


def _count(session: _Asked, file: Path | None) -> int | None:
    if file is None:
        return None
    return int(session.execute("SELECT count(*) FROM read_parquet(?)", [str(file)])[0][0])


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


def _written(session: _Asked, table: str, file: Path) -> dict[str, str]:
    """Make a table of texts that equal values share, whatever wrote the file; doubles stay."""
    described = session.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)])
    expressions, kinds = [], {}
    for name, kind, *_ in described:
        column, alias = quoted(name), name.lower()
        kinds[alias] = "DOUBLE" if is_float(kind) else "VARCHAR"
        if is_float(kind):
            text = f"CAST({column} AS DOUBLE)"
        elif kind.startswith("DECIMAL") or kind.endswith("INT") or kind == "INTEGER":
            number = f"CAST(TRY_CAST({column} AS DECIMAL(38, 9)) AS VARCHAR)"
            text = f"coalesce(rtrim(rtrim({number}, '0'), '.'), CAST({column} AS VARCHAR))"
        elif kind.startswith("TIMESTAMP"):
            text = f"strftime({column}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%f')"
        else:
            text = f"CAST({column} AS VARCHAR)"
        expressions.append(f"{text} AS {quoted(alias)}")
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        f"SELECT {', '.join(expressions)} FROM read_parquet($1)",
        [str(file)],
    )
    return kinds
