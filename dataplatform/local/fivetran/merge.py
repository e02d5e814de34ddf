"""The statements that keep one row a key: soft delete mode, live mode, and tables of files.

Insert what is new, update what differs; touch nothing else, so that a repeated sync leaves every
row, its sync time included, as it was. Which rows are read, and from where, is decided by the
sources; tables that keep every version are in ``history``, rows that are gone in ``removal``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dataplatform.local.fivetran.incoming import (
    INCOMING,
    held_types,
    matches,
    names_of,
    ready,
    stage,
)
from dataplatform.local.fivetran.model import DELETED, SYNCED, Table
from dataplatform.local.fivetran.sql import ident, listed, literal

if TYPE_CHECKING:
    import duckdb

_CHANGES = "_fivetran_changes"
# Values of these types may be long: reading a column of them takes most of a comparison.
_LONG = ("VARCHAR", "JSON", "BLOB")
# In a table so large, of which so few rows may have changed, columns are read only if needed.
_LARGE, _FEW = 500_000, 0.01


def moment(at: datetime) -> str:
    """Return a moment as SQL."""
    return f"TIMESTAMPTZ {literal(at.isoformat())}"


def gone(table: Table) -> str:
    """Return the expression that says whether the source itself counts a row as deleted."""
    return f"coalesce({ident(table.deleted_by)}, false)" if table.deleted_by else "false"


def first_rows(table: Table, select: str, synced_at: datetime) -> str:
    """Return the query that fills an empty table."""
    marked = f"{gone(table)} AS {ident(DELETED)}, " if table.marks_deleted else ""
    where = "" if table.marks_deleted or not table.deleted_by else f" WHERE NOT {gone(table)}"
    return (
        f"SELECT *, {marked}{moment(synced_at)} AS {ident(SYNCED)} "
        f"FROM ({ready(table, select)}){where}"
    )


def merge(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    synced_at: datetime,
    differed: list[str],
) -> tuple[int, int, int]:
    """Insert new rows and update those that differ or had been marked deleted.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query whose columns bear the destination's names.
        synced_at: written to every row that is touched.
        differed: the columns by which changed rows were known last time, where that was noted;
            brought up to date.

    Returns:
        The rows inserted, updated and deleted (where the source itself marks them).
    """
    names = names_of(table)
    count = stage(engine, table, place, select, f", {gone(table)} AS _gone")
    if not count:
        engine.execute(f"DROP TABLE {INCOMING}")
        return 0, 0, 0
    compared = [name for name in names if name not in table.key]
    first, *later = _order(engine, table, place, count, compared, differed)
    new = f"t.{ident(table.key[0])} IS NULL"
    differs = [_differs(n) for n in first]
    if table.marks_deleted:
        was_live = f"NOT t.{ident(DELETED)}"
        changed = " OR ".join([new, *differs, f"t.{ident(DELETED)} IS DISTINCT FROM s._gone"])
    else:
        was_live = "true"
        changed = f"({new}) <> s._gone" + "".join(f" OR (NOT s._gone AND {d})" for d in differs)
    noted = "".join(f", {d} AS _differs_{n}" for n, d in enumerate(differs)) if later else ""
    engine.execute(
        f"CREATE TEMP TABLE {_CHANGES} AS SELECT s.*, {new} AS _is_new, {was_live} AS _was_live, "
        f"{changed if later else 'true'} AS _changed{noted} FROM {INCOMING} s LEFT JOIN {place} t "
        f"ON {matches(table, 's', 't')} {'' if later else f'WHERE {changed}'}"
    )
    if later:
        found = _differing(engine, first) + _look_again(engine, table, place, later)
        differed[:] = found or differed
    row = engine.execute(
        "SELECT count(*) FILTER (WHERE _is_new), "
        "count(*) FILTER (WHERE NOT _is_new AND _was_live AND _gone), "
        "count(*) FILTER (WHERE NOT _is_new AND NOT (_was_live AND _gone)) "
        f"FROM {_CHANGES}"
    ).fetchone()
    inserted, deleted, updated = (int(value) for value in row or (0, 0, 0))
    # Rows go and come back whole: an update in place has the engine write whole columns anew, which
    # takes many times as long. Columns that the source no longer has, or that are blocked, say
    # nothing of a new value and stay empty.
    if updated or deleted:
        engine.execute(
            f"DELETE FROM {place} AS t USING {_CHANGES} s "
            f"WHERE NOT s._is_new AND {matches(table, 's', 't')}"
        )
    marked = f", {ident(DELETED)}" if table.marks_deleted else ""
    engine.execute(
        f"INSERT INTO {place} ({listed(names)}{marked}, {ident(SYNCED)}) "
        f"SELECT {listed(names)}{', _gone' if marked else ''}, {moment(synced_at)} "
        f"FROM {_CHANGES}{'' if marked else ' WHERE NOT _gone'}"
    )
    engine.execute(f"DROP TABLE {_CHANGES}")
    engine.execute(f"DROP TABLE {INCOMING}")
    return inserted, updated, deleted


def _differs(name: str) -> str:
    return f"t.{ident(name)} IS DISTINCT FROM s.{ident(name)}"


def _order(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    count: int,
    compared: list[str],
    differed: list[str],
) -> list[list[str]]:
    """Return which columns to compare first, for so many rows, and which where those are alike."""
    row = engine.execute(f"SELECT count(*) FROM {place}").fetchone()
    held = int(row[0]) if row else 0
    if held < _LARGE or count > held * _FEW:
        return [compared]
    types = held_types(engine, place)
    long = [[name] for name in compared if types[name] in _LONG]
    steps = [[name for name in compared if types[name] not in _LONG], *long]
    known = [name for name in compared if name in differed]
    if known:
        steps = [known, *([name for name in step if name not in known] for step in steps)]
    return [steps[0], *(step for step in steps[1:] if step)]


def _differing(engine: duckdb.DuckDBPyConnection, names: list[str]) -> list[str]:
    """Return by which of the columns compared at first a row was known to have changed."""
    if not names:
        return []
    any_ = ", ".join(f"bool_or(_differs_{n})" for n in range(len(names)))
    row = engine.execute(f"SELECT {any_} FROM {_CHANGES} WHERE NOT _is_new").fetchone()
    return [name for name, found in zip(names, row or (), strict=True) if found]


def _look_again(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, later: list[list[str]]
) -> list[str]:
    """Compare the columns left for later, and drop the rows that are as they were.

    Returns:
        The columns by which a row was known to have changed.
    """
    alike = "NOT s._changed" if table.marks_deleted else "NOT s._changed AND NOT s._gone"
    found = []
    for names in later:
        row = engine.execute(f"SELECT count(*) FROM {_CHANGES} s WHERE {alike}").fetchone()
        if row == (0,):
            break
        differs = " OR ".join(map(_differs, names))
        row = engine.execute(
            f"UPDATE {_CHANGES} AS s SET _changed = true FROM {place} t "
            f"WHERE {alike} AND {matches(table, 's', 't')} AND ({differs})"
        ).fetchone()
        if row and row[0]:
            found += names
    engine.execute(f"DELETE FROM {_CHANGES} WHERE NOT _changed")
    return found
