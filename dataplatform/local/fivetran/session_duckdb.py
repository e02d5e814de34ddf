"""One transaction of one sync on a DuckDB file: its tables, and what is remembered of them.

Rows and cursors are committed together, so a sync that dies at any moment leaves the file as it
was and the next one starts from the same cursors. The statements that bring rows in line are in
``merge``, ``told``, ``history``, ``removal`` and ``shaping``; how the file is opened is the
business of ``destination_duckdb``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace as with_
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataplatform.local.fivetran import history, merge, removal, told
from dataplatform.local.fivetran.incoming import held_types
from dataplatform.local.fivetran.model import HISTORY, SYNCED, Parts, Table
from dataplatform.local.fivetran.shaping import Held, fit
from dataplatform.local.fivetran.sql import ident, qualified

if TYPE_CHECKING:
    import duckdb

STATE_SCHEMA = "_fivetran_state"
QUARANTINE = "_fivetran_quarantine"
STATE = f'"{STATE_SCHEMA}"."cursors"'


class DuckDBSession:
    """One transaction on the warehouse file."""

    #: Whether a column's type can only be changed by writing the table anew.
    rewrites_types = False

    def __init__(self, engine: duckdb.DuckDBPyConnection, connection: str) -> None:
        self.engine = engine
        self.connection = connection
        self.synced_at = datetime.now(UTC)
        self.catalog = str(self._value("SELECT current_database()"))
        self.begun = False
        self.state = STATE
        # By table, the columns by which changed rows were known.
        self._differed: dict[str, list[str]] = {}

    def _value(self, sql: str, parameters: list[Any] | None = None) -> Any:
        row = self.engine.execute(sql, parameters or []).fetchone()
        return row[0] if row else None

    def begin(self) -> None:
        self.engine.execute("BEGIN TRANSACTION")
        self.begun = True
        self.engine.execute(f'CREATE SCHEMA IF NOT EXISTS "{STATE_SCHEMA}"')
        self.engine.execute(
            f"CREATE TABLE IF NOT EXISTS {self.state} "
            "(connection VARCHAR, source VARCHAR, body VARCHAR, saved_at TIMESTAMPTZ)"
        )
        # Versions are told apart by their start: a clock that was set back must not repeat one.
        last = self._value(
            f"SELECT epoch_us(max(saved_at)) FROM {self.state} WHERE connection = ?",
            [self.connection],
        )
        if last is not None:
            following = datetime.fromtimestamp(last / 1e6, UTC) + timedelta(milliseconds=2)
            self.synced_at = max(self.synced_at, following)

    def commit(self) -> None:
        if self.begun:
            self.engine.execute("COMMIT")
            self.begun = False

    def place(self, table: Table) -> str:
        """Return the full quoted name of a table in the warehouse."""
        return qualified(self.catalog, table.target_schema, table.target)

    def _exists(self, table: Table) -> bool:
        import duckdb

        # The engine's own list of tables asks every attached source for its tables as well.
        try:
            self.engine.execute(f"SELECT rowid FROM {self.place(table)} LIMIT 0")
        except (duckdb.CatalogException, duckdb.BinderException):
            return False
        return True

    def columns(self, table: Table) -> dict[str, str]:
        return held_types(self.engine, self.place(table)) if self._exists(table) else {}

    def prepare(self, table: Table, *, replace: bool) -> bool:
        self.engine.execute(
            f"CREATE SCHEMA IF NOT EXISTS {qualified(self.catalog, table.target_schema)}"
        )
        if not self._exists(table):
            return False
        held = Held(
            self.engine,
            self.place(table),
            self.cursor(table),
            self.synced_at,
            rewrites_types=self.rewrites_types,
        )
        return fit(held, table, replace=replace)

    def load(self, table: Table, select: str) -> int:
        ways = history if table.mode == HISTORY else merge
        rows = ways.first_rows(table, select, self.synced_at)
        place = self.place(table)
        # Only closed versions of another key can be there.
        there = self._exists(table)
        verb = f"INSERT INTO {place} BY NAME" if there else f"CREATE TABLE {place} AS"
        return int(self._value(f"{verb} {rows}") or 0)

    def merge(self, table: Table, select: str) -> tuple[int, int, int]:
        place = self.place(table)
        if table.mode == HISTORY:
            return history.merge(self.engine, table, place, select, self.synced_at)
        differed = self._differed.setdefault(
            table.label, list((self.cursor(table) or {}).get("differed", []))
        )
        return merge.merge(self.engine, table, place, select, self.synced_at, differed)

    def apply(self, table: Table, select: str) -> tuple[int, int, int]:
        ways = history if table.mode == HISTORY else told
        return ways.apply(self.engine, table, self.place(table), select, self.synced_at)

    def held_count(self, table: Table) -> int:
        return int(self._value(f"SELECT count(*) FROM {self.place(table)}"))

    def live_count(self, table: Table) -> int:
        place = self.place(table)
        return int(self._value(f"SELECT count(*) FROM {place} t WHERE {removal.live(table)}"))

    def live_parts(self, table: Table, parts: Parts) -> dict[int, int]:
        return removal.live_parts(self.engine, table, self.place(table), parts)

    def delete_absent(self, table: Table, select: str, within: Parts | None = None) -> int:
        return removal.by_keys(
            self.engine, table, self.place(table), select, self.synced_at, within
        )

    def quarantine(self, table: Table, select: str, files: Sequence[str]) -> int:
        place = qualified(self.catalog, table.target_schema, QUARANTINE)
        count = int(self._value(f"SELECT count(*) FROM ({select})"))
        if count:
            self.engine.execute(
                f"CREATE TABLE IF NOT EXISTS {place} (table_name VARCHAR, _file VARCHAR, "
                f"_line BIGINT, reason VARCHAR, content VARCHAR, {ident(SYNCED)} TIMESTAMPTZ)"
            )
        elif not self._exists(with_(table, target=QUARANTINE)):
            return 0
        self.engine.execute(
            f"DELETE FROM {place} WHERE table_name = ? AND _file IN (SELECT unnest(?::VARCHAR[]))",
            [table.target, list(files)],
        )
        self.engine.execute(
            f"INSERT INTO {place} SELECT ?, _file, _line, reason, content, ? FROM ({select})",
            [table.target, self.synced_at],
        )
        return count

    def remove_absent(self, table: Table, select: str, within: str) -> int:
        return removal.absent_within(
            self.engine, table, self.place(table), select, within, self.synced_at
        )

    def cursor(self, table: Table) -> dict[str, Any] | None:
        body = self._value(
            f"SELECT body FROM {self.state} WHERE connection = ? AND source = ?",
            [self.connection, table.label],
        )
        cursor: dict[str, Any] | None = json.loads(body) if body else None
        # Another table of the source may have taken the place: its rows are not this one's.
        same = cursor is not None and cursor["target"] == [table.target_schema, table.target]
        return cursor if same else None

    def remember(self, table: Table, cursor: dict[str, Any]) -> None:
        self.engine.execute(
            f"DELETE FROM {self.state} WHERE connection = ? AND source = ?",
            [self.connection, table.label],
        )
        known: dict[str, Any] = {
            "key": list(table.key),
            "hashed": sorted(table.hashed),
            "target": [table.target_schema, table.target],
        }
        if self._differed.get(table.label):
            known["differed"] = self._differed[table.label]
        body = json.dumps({**cursor, **known})
        self.engine.execute(
            f"INSERT INTO {self.state} VALUES (?, ?, ?, ?)",
            [self.connection, table.label, body, self.synced_at],
        )
