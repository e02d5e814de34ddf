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
    compared = [name for name in names if name not in table.key]
    if not stage(engine, table, place, select, f", {gone(table)} AS _gone"):
        engine.execute(f"DROP TABLE {INCOMING}")
        return 0, 0, 0
    new = f"t.{ident(table.key[0])} IS NULL"
    differs = [f"t.{ident(n)} IS DISTINCT FROM s.{ident(n)}" for n in compared]
    if table.marks_deleted:
        was_live = f"NOT t.{ident(DELETED)}"
        changed = " OR ".join([new, *differs, f"t.{ident(DELETED)} IS DISTINCT FROM s._gone"])
    else:
        was_live = "true"
        changed = f"({new}) <> s._gone" + "".join(f" OR (NOT s._gone AND {d})" for d in differs)
    engine.execute(
        f"CREATE TEMP TABLE {_CHANGES} AS SELECT s.*, {new} AS _is_new, {was_live} AS _was_live "
        f"FROM {INCOMING} s LEFT JOIN {place} t ON {matches(table, 's', 't')} WHERE {changed}"
    )
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
