"""The statements that keep every version of a row: history mode.

A version is open until the row changes or goes: then it is closed, and a changed row opens another.
The key is the row's key and ``_fivetran_start``. Tables with one row a key are in ``merge``, rows
that are gone in ``removal``.
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
from dataplatform.local.fivetran.merge import gone, moment
from dataplatform.local.fivetran.model import ACTIVE, DELETE, END, START, SYNCED, Table
from dataplatform.local.fivetran.sql import ident, listed, literal

if TYPE_CHECKING:
    import duckdb

_CHANGES = "_fivetran_changes"
# The end of a version that has none yet, as Fivetran writes it.
OPEN_END = "TIMESTAMPTZ '9999-12-31 23:59:59.999+00'"


def _opened(at: datetime) -> str:
    return (
        f"{moment(at)} AS {ident(START)}, {OPEN_END} AS {ident(END)}, true AS {ident(ACTIVE)}, "
        f"{moment(at)} AS {ident(SYNCED)}"
    )


def closing(at: datetime, *, followed: bool) -> str:
    """Return the assignments that close a version.

    Args:
        at: when; the end of a version that is followed by another lies a millisecond before it.
        followed: whether another version follows.
    """
    end = moment(at) + (" - INTERVAL 1 MILLISECOND" if followed else "")
    return f"{ident(ACTIVE)} = false, {ident(END)} = {end}, {ident(SYNCED)} = {moment(at)}"


def first_rows(table: Table, select: str, synced_at: datetime) -> str:
    """Return the query that opens the first version of every row."""
    return f"SELECT *, {_opened(synced_at)} FROM ({ready(table, select)}) WHERE NOT {gone(table)}"


def merge(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    synced_at: datetime,
) -> tuple[int, int, int]:
    """Open a version of each row that is new or differs, and close the one before.

    Args and returns are those of ``merge.merge``.
    """
    return _merge(engine, table, place, select, synced_at, gone(table))


def apply(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, select: str, synced_at: datetime
) -> tuple[int, int, int]:
    """Do the same with rows whose ``_kind`` says which are gone; see ``told.apply``."""
    return _merge(engine, table, place, select, synced_at, f"_kind = {literal(DELETE)}")


def _merge(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    synced_at: datetime,
    ends: str,
) -> tuple[int, int, int]:
    names = names_of(table)
    compared = [name for name in names if name not in table.key]
    if not stage(engine, table, place, select, f", {ends} AS _gone"):
        engine.execute(f"DROP TABLE {INCOMING}")
        return 0, 0, 0
    new = f"t.{ident(table.key[0])} IS NULL"
    differs = "".join(f" OR t.{ident(n)} IS DISTINCT FROM s.{ident(n)}" for n in compared)
    engine.execute(
        f"CREATE TEMP TABLE {_CHANGES} AS SELECT s.*, {new} AS _is_new FROM {INCOMING} s "
        f"LEFT JOIN {place} t ON t.{ident(ACTIVE)} AND {matches(table, 's', 't')} "
        f"WHERE CASE WHEN {new} THEN NOT s._gone ELSE s._gone{differs} END"
    )
    row = engine.execute(
        "SELECT count(*) FILTER (WHERE _is_new), count(*) FILTER (WHERE _gone), "
        f"count(*) FILTER (WHERE NOT _is_new AND NOT _gone) FROM {_CHANGES}"
    ).fetchone()
    inserted, deleted, updated = (int(value) for value in row or (0, 0, 0))
    for count, condition, followed in ((updated, "NOT s._gone", True), (deleted, "s._gone", False)):
        if count:
            engine.execute(
                f"UPDATE {place} AS t SET {closing(synced_at, followed=followed)} "
                f"FROM {_CHANGES} s WHERE NOT s._is_new AND {condition} "
                f"AND t.{ident(ACTIVE)} AND {matches(table, 's', 't')}"
            )
    if inserted or updated:
        engine.execute(
            f"INSERT INTO {place} BY NAME SELECT {listed(names)}, {_opened(synced_at)} "
            f"FROM {_CHANGES} WHERE NOT _gone"
        )
    engine.execute(f"DROP TABLE {_CHANGES}")
    engine.execute(f"DROP TABLE {INCOMING}")
    return inserted, updated, deleted
