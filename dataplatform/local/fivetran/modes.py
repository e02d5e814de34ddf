"""A table that is switched to another mode, in place: no row is read again.

What is known is kept: rows marked deleted become closed versions, the last version of a row that
is gone becomes a row marked deleted, and live mode keeps nothing but the rows that are there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataplatform.local.fivetran.history import OPEN_END
from dataplatform.local.fivetran.model import (
    ACTIVE,
    DELETED,
    END,
    HISTORY,
    LIVE,
    SOFT_DELETE,
    START,
    SYNCED,
    Table,
)
from dataplatform.local.fivetran.sql import ident, listed

if TYPE_CHECKING:
    import duckdb

# When a row that was deleted before history began had appeared, nobody knows.
_UNKNOWN_START = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"
_ADDED = (DELETED, START, END, ACTIVE, SYNCED)


def held_mode(held: Iterable[str]) -> str:
    """Return the mode that a table's columns show; without any mark it is live."""
    names = set(held)
    return HISTORY if START in names else SOFT_DELETE if DELETED in names else LIVE


def wanted_mode(table: Table) -> str:
    """Return the mode that a table's columns shall show."""
    return HISTORY if table.mode == HISTORY else SOFT_DELETE if table.marks_deleted else LIVE


def switch(
    engine: duckdb.DuckDBPyConnection,
    place: str,
    held: Iterable[str],
    key: Iterable[str],
    wanted: str,
) -> None:
    """Rewrite a table from the mode it shows to another.

    Args:
        engine: the connection, inside the sync's transaction.
        place: the table's quoted name in the warehouse.
        held: its columns.
        key: those that tell rows apart, as they were at the last sync.
        wanted: the mode it shall show.
    """
    before = held_mode(held)
    rows = listed(name for name in held if name not in _ADDED)
    deleted, active, synced = ident(DELETED), ident(ACTIVE), ident(SYNCED)
    is_live = {SOFT_DELETE: f"NOT {deleted}", HISTORY: active, LIVE: "true"}[before]
    condition = "true"
    if wanted == HISTORY:
        added = (
            f"CASE WHEN {is_live} THEN {synced} ELSE {_UNKNOWN_START} END AS {ident(START)}, "
            f"CASE WHEN {is_live} THEN {OPEN_END} ELSE {synced} END AS {ident(END)}, "
            f"{is_live} AS {active}, "
        )
    elif wanted == SOFT_DELETE:
        added = f"NOT ({is_live}) AS {deleted}, "
    else:
        added = ""
        condition = is_live
    latest = ""
    if before == HISTORY and wanted == SOFT_DELETE:
        latest = (
            f" QUALIFY row_number() OVER (PARTITION BY {listed(key)} "
            f"ORDER BY {ident(START)} DESC) = 1"
        )
    engine.execute(
        f"CREATE OR REPLACE TABLE {place} AS SELECT {rows}, {added}{synced} "
        f"FROM {place} WHERE {condition}{latest}"
    )
