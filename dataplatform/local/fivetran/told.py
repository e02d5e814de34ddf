"""The statements that apply changes which the source itself has told, one row a key.

One look at the held rows takes out all that come back. Nothing is compared: a row that was told has
changed. Sources that only know what their rows are now use ``merge`` and ``removal``, tables that
keep every version ``history``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dataplatform.local.fivetran.incoming import hashed, held_types, matches, names_of
from dataplatform.local.fivetran.merge import moment
from dataplatform.local.fivetran.model import DELETE, DELETED, SYNCED, Table
from dataplatform.local.fivetran.removal import live
from dataplatform.local.fivetran.sql import ident, listed, literal

if TYPE_CHECKING:
    import duckdb

_TOLD = "_fivetran_told"


def apply(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, select: str, synced_at: datetime
) -> tuple[int, int, int]:
    """Replace or insert the rows that were told, and end those told to be gone.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description; it has a key.
        place: its quoted name in the warehouse.
        select: a query whose columns bear the destination's names, and ``_kind``; of a row that is
            gone only its key counts. It names no key twice.
        synced_at: written to every row that is touched.

    Returns:
        The rows inserted, updated and deleted.
    """
    names = names_of(table)
    types = held_types(engine, place)
    casts = ", ".join(f"CAST({ident(n)} AS {types[n]}) AS {ident(n)}" for n in names)
    rows = f"SELECT {casts}, _kind = {literal(DELETE)} AS _gone FROM ({hashed(table, select)})"
    engine.execute(f"CREATE TEMP TABLE {_TOLD} AS {rows}")
    row = engine.execute(f"SELECT count(*), count(*) FILTER (WHERE _gone) FROM {_TOLD}").fetchone()
    told, going = (int(value) for value in row or (0, 0))
    inserted = updated = deleted = 0
    found = f"{_TOLD} s WHERE {matches(table, 's', 't')}"
    if going and table.marks_deleted:
        deleted = _count(
            engine,
            f"UPDATE {place} AS t SET {ident(DELETED)} = true, {ident(SYNCED)} = "
            f"{moment(synced_at)} FROM {found} AND s._gone AND {live(table)}",
        )
    elif going:
        deleted = _count(engine, f"DELETE FROM {place} AS t USING {found} AND s._gone")
    if told > going:
        # Rows go and come back whole: an update in place has whole columns written anew.
        updated = _count(engine, f"DELETE FROM {place} AS t USING {found} AND NOT s._gone")
        marked = f", {ident(DELETED)}" if table.marks_deleted else ""
        engine.execute(
            f"INSERT INTO {place} ({listed(names)}{marked}, {ident(SYNCED)}) SELECT "
            f"{listed(names)}{', false' if marked else ''}, {moment(synced_at)} FROM {_TOLD} "
            "WHERE NOT _gone"
        )
        inserted = told - going - updated
    engine.execute(f"DROP TABLE {_TOLD}")
    return inserted, updated, deleted


def _count(engine: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Run a statement and return how many rows it touched."""
    row = engine.execute(sql).fetchone()
    return int(row[0]) if row else 0
