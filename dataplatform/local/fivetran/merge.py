"""The statements that bring a table in line with freshly read rows.

Insert what is new, update what differs, mark what is gone; touch nothing else, so that a repeated
sync leaves every row, its sync time included, as it was. Which rows are read, and from where, is
decided by the sources.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dataplatform.local.fivetran.model import DELETED, ROW_ID, SYNCED, Table
from dataplatform.local.fivetran.sql import ident, listed, literal

if TYPE_CHECKING:
    import duckdb

_INCOMING = "_fivetran_incoming"
_CHANGES = "_fivetran_changes"
_GONE = "_fivetran_gone"


def with_row_id(table: Table, select: str) -> str:
    """Return a query that also yields ``_fivetran_id`` where the table has no key.

    The id is a hash of all columns and, for rows that are alike, the number of the occurrence.
    """
    if table.has_key:
        return select
    fields = ", ".join(f"c{n} := {ident(c.name)}" for n, c in enumerate(table.columns))
    packed = f"md5(CAST(to_json(struct_pack({fields})) AS VARCHAR))" if fields else "md5('')"
    return (
        "SELECT * EXCLUDE (_row_hash), md5(_row_hash || ':' || "
        f"row_number() OVER (PARTITION BY _row_hash)) AS {ident(ROW_ID)} "
        f"FROM (SELECT *, {packed} AS _row_hash FROM ({select}))"
    )


def _matches(table: Table, left: str, right: str) -> str:
    return " AND ".join(f"{left}.{ident(k)} = {right}.{ident(k)}" for k in table.key)


def _count(engine: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = engine.execute(sql).fetchone()
    return int(row[0]) if row else 0


def added_columns(table: Table, synced: str) -> dict[str, str]:
    """Return the columns the service adds to every row, with the expression that fills each."""
    gone = f"coalesce({ident(table.deleted_by)}, false)" if table.deleted_by else "false"
    return {**({DELETED: gone} if table.soft_delete else {}), SYNCED: synced}


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
        The rows inserted, updated and marked deleted (where the source itself marks them).
    """
    added = added_columns(table, f"TIMESTAMPTZ {literal(synced_at.isoformat())}")
    names = [
        *(column.name for column in table.columns),
        *(() if table.has_key else (ROW_ID,)),
    ]
    compared = [name for name in names if name not in table.key] if table.has_key else []
    watched = [*compared, *([DELETED] if table.soft_delete else [])]
    new = f"t.{ident(table.key[0])} IS NULL"
    changed = [new, *(f"t.{ident(n)} IS DISTINCT FROM s.{ident(n)}" for n in watched)]
    filled = ", ".join(f"{sql} AS {ident(name)}" for name, sql in added.items())
    # A column of the destination may be wider than what comes; compared is in its own type.
    types = {row[0]: row[1] for row in engine.execute(f"DESCRIBE {place}").fetchall()}
    casts = ", ".join(f"CAST({ident(n)} AS {types[n]}) AS {ident(n)}" for n in names)
    engine.execute(
        f"CREATE TEMP TABLE {_INCOMING} AS SELECT {casts}, {filled} "
        f"FROM ({with_row_id(table, select)})"
    )
    was_live = f"NOT t.{ident(DELETED)}" if table.soft_delete else "true"
    engine.execute(
        f"CREATE TEMP TABLE {_CHANGES} AS SELECT s.*, {new} AS _is_new, {was_live} AS _was_live "
        f"FROM {_INCOMING} s LEFT JOIN {place} t ON {_matches(table, 's', 't')} "
        f"WHERE {' OR '.join(changed)}"
    )
    gone = f"_was_live AND {ident(DELETED)}" if table.soft_delete else "false"
    row = engine.execute(
        f"SELECT count(*) FILTER (WHERE _is_new), "
        f"count(*) FILTER (WHERE NOT _is_new AND {gone}), "
        f"count(*) FILTER (WHERE NOT _is_new AND NOT ({gone})) FROM {_CHANGES}"
    ).fetchone()
    inserted, deleted, updated = (int(value) for value in row or (0, 0, 0))
    if updated or deleted:
        settings = ", ".join(f"{ident(n)} = s.{ident(n)}" for n in [*compared, *added])
        engine.execute(
            f"UPDATE {place} AS t SET {settings} FROM {_CHANGES} s "
            f"WHERE NOT s._is_new AND {_matches(table, 's', 't')}"
        )
    if inserted:
        columns = listed([*names, *added])
        engine.execute(
            f"INSERT INTO {place} ({columns}) SELECT {columns} FROM {_CHANGES} WHERE _is_new"
        )
    engine.execute(f"DROP TABLE {_CHANGES}")
    engine.execute(f"DROP TABLE {_INCOMING}")
    return inserted, updated, deleted


def delete_absent(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    synced_at: datetime,
) -> int:
    """Mark deleted every live row whose key a query does not return.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query that yields at least the key's columns (all columns where none is a key).
        synced_at: written to every row that is marked.

    Returns:
        The rows marked.
    """
    engine.execute(
        f"CREATE TEMP TABLE {_GONE} AS SELECT {listed(table.key, 't')} FROM {place} t "
        f"ANTI JOIN ({with_row_id(table, select)}) s ON {_matches(table, 's', 't')} "
        f"WHERE NOT t.{ident(DELETED)}"
    )
    gone = _count(engine, f"SELECT count(*) FROM {_GONE}")
    if gone:
        engine.execute(
            f"UPDATE {place} AS t SET {ident(DELETED)} = true, {ident(SYNCED)} = ? "
            f"FROM {_GONE} s WHERE {_matches(table, 's', 't')}",
            [synced_at],
        )
    engine.execute(f"DROP TABLE {_GONE}")
    return gone


def remove_absent(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    within: str,
) -> int:
    """Remove rows that a replaced file no longer holds; return how many.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query that yields the rows that remain.
        within: only rows are removed whose value of this column the query returns as well.
    """
    row = engine.execute(
        f"DELETE FROM {place} AS t WHERE t.{ident(within)} IN (SELECT {ident(within)} FROM "
        f"({select})) AND NOT EXISTS (SELECT 1 FROM ({select}) s WHERE {_matches(table, 's', 't')})"
    ).fetchone()
    return int(row[0]) if row else 0
