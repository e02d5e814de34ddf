"""Rows on their way into a table: hashed where asked, numbered where they have no key.

Gives queries and a temporary table of rows as they will be held. What is done with them is in
``merge`` (one row a key) and ``history`` (one row a version).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.local.fivetran.model import ROW_ID, Table
from dataplatform.local.fivetran.sql import ident

if TYPE_CHECKING:
    import duckdb

INCOMING = "_fivetran_incoming"
# A variable of the session, so that the salt is in no statement and no error message.
SALT = "_fivetran_salt"


def hash_of(expression: str) -> str:
    """Return SQL that hashes a value: SHA-256 of salt and text, in base64; NULL stays NULL."""
    text = f"CAST({expression} AS VARCHAR)"
    salted = f"getvariable('{SALT}') || {text}"
    return f"CASE WHEN {expression} IS NOT NULL THEN to_base64(unhex(sha256({salted}))) END"


def hashed(table: Table, select: str, *, key_only: bool = False) -> str:
    """Return a query with the hashed columns in place of their values."""
    names = [
        column.name
        for column in table.columns
        if table.is_hashed(column) and (column.key or not key_only)
    ]
    if not names:
        return select
    replaced = ", ".join(f"{hash_of(ident(name))} AS {ident(name)}" for name in names)
    return f"SELECT * REPLACE ({replaced}) FROM ({select})"


def ready(table: Table, select: str) -> str:
    """Return a query whose rows are as they land, ``_fivetran_id`` included where it is the key.

    The id is a hash of all columns and, for rows that are alike, the number of the occurrence.
    """
    select = hashed(table, select)
    if table.has_key:
        return select
    fields = ", ".join(f"c{n} := {ident(c.name)}" for n, c in enumerate(table.columns))
    packed = f"md5(CAST(to_json(struct_pack({fields})) AS VARCHAR))" if fields else "md5('')"
    return (
        "SELECT * EXCLUDE (_row_hash), md5(_row_hash || ':' || "
        f"row_number() OVER (PARTITION BY _row_hash)) AS {ident(ROW_ID)} "
        f"FROM (SELECT *, {packed} AS _row_hash FROM ({select}))"
    )


def names_of(table: Table) -> list[str]:
    """Return the destination columns that hold the row itself, the row's id included."""
    return [*(c.name for c in table.columns), *(() if table.has_key else (ROW_ID,))]


def matches(table: Table, left: str, right: str) -> str:
    """Return the condition that two aliases speak of the same row."""
    return " AND ".join(f"{left}.{ident(k)} = {right}.{ident(k)}" for k in table.key)


def held_types(engine: duckdb.DuckDBPyConnection, place: str) -> dict[str, str]:
    """Return the columns a table has in the destination, with their types."""
    return {row[0]: row[1] for row in engine.execute(f"DESCRIBE {place}").fetchall()}


def stage(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, select: str, more: str = ""
) -> int:
    """Fill ``INCOMING`` with a query's rows, in the types the destination holds them in.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query whose columns bear the destination's names.
        more: further expressions for every row, each with a leading comma.

    Returns:
        The rows.
    """
    # A column of the destination may be wider than what comes; compared is in its own type.
    types = held_types(engine, place)
    casts = ", ".join(f"CAST({ident(n)} AS {types[n]}) AS {ident(n)}" for n in names_of(table))
    row = engine.execute(
        f"CREATE TEMP TABLE {INCOMING} AS SELECT {casts}{more} FROM ({ready(table, select)})"
    ).fetchone()
    return int(row[0]) if row else 0


def keys(engine: duckdb.DuckDBPyConnection, table: Table, place: str, select: str) -> str:
    """Return the query for the keys alone of another query's rows, in the destination's types."""
    types = held_types(engine, place)
    rows = hashed(table, select, key_only=True) if table.has_key else ready(table, select)
    casts = ", ".join(f"CAST({ident(k)} AS {types[k]}) AS {ident(k)}" for k in table.key)
    return f"SELECT {casts} FROM ({rows})"
