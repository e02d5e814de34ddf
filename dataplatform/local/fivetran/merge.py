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
# In a table so large, of which so few rows may have changed, long values are read only if needed.
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
) -> tuple[int, int, int]:
    """Insert new rows and update those that differ or had been marked deleted.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query whose columns bear the destination's names.
        synced_at: written to every row that is touched.

    Returns:
        The rows inserted, updated and deleted (where the source itself marks them).
    """
    names = names_of(table)
    count = stage(engine, table, place, select, f", {gone(table)} AS _gone")
    if not count:
        engine.execute(f"DROP TABLE {INCOMING}")
        return 0, 0, 0
    later = _later(engine, table, place, count)
    compared = [name for name in names if name not in table.key and name not in later]
    new = f"t.{ident(table.key[0])} IS NULL"
    if table.marks_deleted:
        was_live = f"NOT t.{ident(DELETED)}"
        differs = [_differs(n) for n in compared]
        changed = " OR ".join([new, *differs, f"t.{ident(DELETED)} IS DISTINCT FROM s._gone"])
    else:
        was_live = "true"
        changed = f"({new}) <> s._gone" + "".join(
            f" OR (NOT s._gone AND {_differs(n)})" for n in compared
        )
    engine.execute(
        f"CREATE TEMP TABLE {_CHANGES} AS SELECT s.*, {new} AS _is_new, {was_live} AS _was_live, "
        f"{changed if later else 'true'} AS _changed FROM {INCOMING} s LEFT JOIN {place} t "
        f"ON {matches(table, 's', 't')} {'' if later else f'WHERE {changed}'}"
    )
    _look_again(engine, table, place, later)
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


def _later(engine: duckdb.DuckDBPyConnection, table: Table, place: str, count: int) -> list[str]:
    """Return the columns to compare only where the others are alike, for so many rows."""
    row = engine.execute(f"SELECT count(*) FROM {place}").fetchone()
    held = int(row[0]) if row else 0
    if held < _LARGE or count > held * _FEW:
        return []
    types = held_types(engine, place)
    return [n for n in names_of(table) if n not in table.key and types[n] in _LONG]


def _look_again(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, later: list[str]
) -> None:
    """Compare the columns left for later, one by one, and drop the rows that are as they were."""
    if not later:
        return
    alike = "NOT s._changed" if table.marks_deleted else "NOT s._changed AND NOT s._gone"
    for name in later:
        row = engine.execute(f"SELECT count(*) FROM {_CHANGES} s WHERE {alike}").fetchone()
        if row == (0,):
            break
        engine.execute(
            f"UPDATE {_CHANGES} AS s SET _changed = true FROM {place} t "
            f"WHERE {alike} AND {matches(table, 's', 't')} AND {_differs(name)}"
        )
    engine.execute(f"DELETE FROM {_CHANGES} WHERE NOT _changed")
