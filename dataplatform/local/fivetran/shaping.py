"""Making a table that is there fit what a source offers now.

Switches its mode, adds and widens columns, hashes what is newly to be hashed, and says when rows
cannot be matched any more because the key is another. Rows themselves come later, by ``merge`` or
``history``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dataplatform.local.fivetran.history import closing
from dataplatform.local.fivetran.incoming import hash_of, held_types
from dataplatform.local.fivetran.merge import moment
from dataplatform.local.fivetran.model import ACTIVE, HISTORY, RESERVED, ROW_ID, SYNCED, Table
from dataplatform.local.fivetran.modes import held_mode, switch, wanted_mode
from dataplatform.local.fivetran.sql import ident
from dataplatform.local.fivetran.widening import ANYTHING, widened

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Held:
    """A table as it is in the warehouse before a sync.

    Attributes:
        place: its quoted name.
        cursor: what the last sync remembered of it, or None.
        rewrites_types: whether a type is changed by writing the table anew.
    """

    engine: duckdb.DuckDBPyConnection
    place: str
    cursor: dict[str, Any] | None
    at: datetime
    rewrites_types: bool = False

    def retype(self, name: str, kind: str) -> None:
        """Change the type of a column, its values kept."""
        if self.rewrites_types:
            cast = f"CAST({ident(name)} AS {kind}) AS {ident(name)}"
            self.engine.execute(
                f"CREATE OR REPLACE TABLE {self.place} AS "
                f"SELECT * REPLACE ({cast}) FROM {self.place}"
            )
        else:
            self.engine.execute(f"ALTER TABLE {self.place} ALTER COLUMN {ident(name)} TYPE {kind}")


def fit(held: Held, table: Table, *, replace: bool) -> bool:
    """Make a table fit its description; return whether its rows can be matched with new ones.

    Args:
        held: the table; it exists.
        table: what it shall be.
        replace: build it anew where its columns can hold what comes only as text.
    """
    engine, place = held.engine, held.place
    columns = held_types(engine, place)
    key = held.cursor["key"] if held.cursor else None
    rekeyed = key != list(table.key) if key else (ROW_ID in columns) == table.has_key
    if rekeyed and table.mode != HISTORY:
        # Rows of another key cannot be matched with those that come: the table starts anew.
        engine.execute(f"DROP TABLE {place}")
        return False
    changes = _changes(table, columns)
    if changes is None:
        if replace and table.mode != HISTORY:
            engine.execute(f"DROP TABLE {place}")
            return False
        changes = _changes(table, columns, last_resort=ANYTHING) or []
    if held_mode(columns) != wanted_mode(table):
        switch(engine, place, columns, key or table.key, wanted_mode(table))
    for name, kind in changes:
        if name.lower() in {column.lower() for column in columns}:
            held.retype(name, kind)
        else:
            engine.execute(f"ALTER TABLE {place} ADD COLUMN {ident(name)} {kind}")
    _hash(held, table, columns)
    if replace:
        _empty(held, table, columns)
    if rekeyed:
        engine.execute(
            f"UPDATE {place} SET {closing(held.at, followed=True)} WHERE {ident(ACTIVE)}"
        )
    return not rekeyed


def _changes(
    table: Table, columns: dict[str, str], last_resort: str | None = None
) -> list[tuple[str, str]] | None:
    """Return what columns are to be added or become, or None where one cannot fit.

    Args:
        table: what the table shall be.
        columns: the columns it has, with their types.
        last_resort: the type of a column that no step of the ladder fits.
    """
    changes = []
    lower = {name.lower(): kind for name, kind in columns.items()}
    wanted_columns = [(c.name, table.landed_type(c)) for c in table.columns]
    if not table.has_key:
        wanted_columns.append((ROW_ID, "VARCHAR"))
    for name, kind in wanted_columns:
        before = lower.get(name.lower())
        if before is None:
            changes.append((name, kind))
            continue
        wanted = widened(before, kind, as_text=table.inferred) or last_resort
        if wanted is None:
            return None
        if wanted != before:
            changes.append((name, wanted))
    return changes


def _hash(held: Held, table: Table, columns: dict[str, str]) -> None:
    """Hash what columns hold that were in clear until now, deleted rows and old versions too."""
    before = held.cursor.get("hashed", []) if held.cursor else []
    fresh = [
        c.name
        for c in table.columns
        if table.is_hashed(c) and c.source not in before and c.name in columns
    ]
    if held.cursor and fresh:
        settings = ", ".join(f"{ident(n)} = {hash_of(ident(n))}" for n in fresh)
        held.engine.execute(
            f"UPDATE {held.place} SET {settings}, {ident(SYNCED)} = {moment(held.at)}"
        )


def _empty(held: Held, table: Table, columns: dict[str, str]) -> None:
    """Empty the columns that the source has no more or that are blocked."""
    wanted = {column.name for column in table.columns}
    extra = [name for name in columns if name not in wanted and name not in RESERVED]
    if extra and table.mode != HISTORY:
        settings = ", ".join(f"{ident(name)} = NULL" for name in extra)
        filled = " OR ".join(f"{ident(name)} IS NOT NULL" for name in extra)
        held.engine.execute(
            f"UPDATE {held.place} SET {settings}, {ident(SYNCED)} = {moment(held.at)} "
            f"WHERE {filled}"
        )
