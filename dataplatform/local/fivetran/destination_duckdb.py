"""The DuckDB destination: a file, written under the platform's lock, one transaction a sync.

Rows and cursors are committed together, so a sync that dies at any moment leaves the file as it
was and the next one starts from the same cursors. The statements that compare and merge rows are
in ``merge``; what is read from where is the sources' business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import open_duckdb
from dataplatform.local.fivetran import merge
from dataplatform.local.fivetran.model import (
    DELETED,
    ROW_ID,
    SYNCED,
    SetupTest,
    SyncFailure,
    Table,
)
from dataplatform.local.fivetran.sql import ident, literal, qualified
from dataplatform.local.fivetran.widening import widened

if TYPE_CHECKING:
    import duckdb

STATE_SCHEMA = "_fivetran_state"
QUARANTINE = "_fivetran_quarantine"
_STATE = f'"{STATE_SCHEMA}"."cursors"'
# The whole service is promised to stay under 1 GB; the rest of it needs about a quarter of that.
MEMORY_LIMIT = "640MB"
# Trying these on every text column costs a quarter of a first load; without them raw text takes
# about twice the room. Models built from raw tables are compressed as ever.
_SLOW_COMPRESSION = "fsst,dictionary"


class DuckDBSession:
    """One transaction on the warehouse file."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, connection: str) -> None:
        self.engine = engine
        self.connection = connection
        self.synced_at = datetime.now(UTC)
        self.catalog = str(self._value("SELECT current_database()"))
        self.begun = False

    def _value(self, sql: str, parameters: list[Any] | None = None) -> Any:
        row = self.engine.execute(sql, parameters or []).fetchone()
        return row[0] if row else None

    def begin(self) -> None:
        self.engine.execute("BEGIN TRANSACTION")
        self.begun = True
        self.engine.execute(f'CREATE SCHEMA IF NOT EXISTS "{STATE_SCHEMA}"')
        self.engine.execute(
            f"CREATE TABLE IF NOT EXISTS {_STATE} "
            "(connection VARCHAR, source VARCHAR, body VARCHAR, saved_at TIMESTAMPTZ)"
        )

    def place(self, table: Table) -> str:
        """Return the full quoted name of a table in the warehouse."""
        return qualified(self.catalog, table.target_schema, table.target)

    def _held_types(self, table: Table) -> dict[str, str]:
        rows = self.engine.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [self.catalog, table.target_schema, table.target],
        ).fetchall()
        return dict(rows)

    def prepare(self, table: Table, *, replace: bool) -> bool:
        held = self._held_types(table)
        self.engine.execute(
            f"CREATE SCHEMA IF NOT EXISTS {qualified(self.catalog, table.target_schema)}"
        )
        if not held:
            return False
        lower = {name.lower(): type_name for name, type_name in held.items()}
        cursor = self.cursor(table)
        rekeyed = (ROW_ID in lower) == table.has_key or (
            cursor is not None and cursor.get("key", list(table.key)) != list(table.key)
        )
        changes = []
        for column in table.columns:
            before = lower.get(column.name.lower())
            if before is None:
                changes.append(f"ADD COLUMN {ident(column.name)} {column.type}")
                continue
            wanted = widened(before, column.type, as_text=table.inferred)
            if wanted is None and not replace:
                raise SyncFailure(
                    f"Column {column.source!r} of table {table.label} changed its type from "
                    f"{before} to {column.type} ({column.source_type}), which the destination "
                    "column cannot hold: re-sync the table to build it anew, or change the "
                    "source back.",
                    code="column_type_changed",
                )
            rekeyed = rekeyed or wanted is None
            if wanted is not None and wanted != before:
                changes.append(f"ALTER COLUMN {ident(column.name)} TYPE {wanted}")
        if rekeyed:
            # Rows of another key cannot be matched with those that come: the table starts anew.
            self.engine.execute(f"DROP TABLE {self.place(table)}")
            return False
        for change in changes:
            self.engine.execute(f"ALTER TABLE {self.place(table)} {change}")
        return True

    def load(self, table: Table, select: str) -> int:
        synced = f"TIMESTAMPTZ {literal(self.synced_at.isoformat())}"
        added = ", ".join(
            f"{sql} AS {ident(name)}" for name, sql in merge.added_columns(table, synced).items()
        )
        self.engine.execute(
            f"CREATE TABLE {self.place(table)} AS "
            f"SELECT *, {added} FROM ({merge.with_row_id(table, select)})"
        )
        return int(self._value(f"SELECT count(*) FROM {self.place(table)}"))

    def merge(self, table: Table, select: str) -> tuple[int, int, int]:
        return merge.merge(self.engine, table, self.place(table), select, self.synced_at)

    def live_count(self, table: Table) -> int:
        return int(
            self._value(f"SELECT count(*) FROM {self.place(table)} WHERE NOT {ident(DELETED)}")
        )

    def delete_absent(self, table: Table, select: str) -> int:
        return merge.delete_absent(self.engine, table, self.place(table), select, self.synced_at)

    def quarantine(self, table: Table, select: str, files: Sequence[str]) -> int:
        place = qualified(self.catalog, table.target_schema, QUARANTINE)
        count = int(self._value(f"SELECT count(*) FROM ({select})"))
        if count:
            self.engine.execute(
                f"CREATE TABLE IF NOT EXISTS {place} (table_name VARCHAR, _file VARCHAR, "
                f"_line BIGINT, reason VARCHAR, content VARCHAR, {ident(SYNCED)} TIMESTAMPTZ)"
            )
        elif not self._value(
            "SELECT count(*) FROM duckdb_tables() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [self.catalog, table.target_schema, QUARANTINE],
        ):
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
        return merge.remove_absent(self.engine, table, self.place(table), select, within)

    def cursor(self, table: Table) -> dict[str, Any] | None:
        body = self._value(
            f"SELECT body FROM {_STATE} WHERE connection = ? AND source = ?",
            [self.connection, table.label],
        )
        return json.loads(body) if body else None

    def remember(self, table: Table, cursor: dict[str, Any]) -> None:
        self.engine.execute(
            f"DELETE FROM {_STATE} WHERE connection = ? AND source = ?",
            [self.connection, table.label],
        )
        target = [table.target_schema, table.target]
        body = json.dumps({**cursor, "key": list(table.key), "target": target})
        self.engine.execute(
            f"INSERT INTO {_STATE} VALUES (?, ?, ?, ?)",
            [self.connection, table.label, body, self.synced_at],
        )


class DuckDBDestination:
    """A DuckDB file as a destination."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path = path
        self.scratch = scratch

    def test(self) -> list[SetupTest]:
        title = "Open the warehouse file"
        try:
            with open_duckdb(self.path, purpose="destination setup test", timeout=30):
                return [SetupTest(title, "PASSED")]
        except (UserError, OSError) as error:
            return [SetupTest(title, "FAILED", str(error))]

    def cursors(self, connection: str) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        with open_duckdb(self.path, purpose=f"sync {connection}") as engine:
            known = engine.execute(
                "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = 'cursors'",
                [STATE_SCHEMA],
            ).fetchone()
            if not known:
                return {}
            rows = engine.execute(
                f"SELECT source, body FROM {_STATE} WHERE connection = ?", [connection]
            ).fetchall()
            tables = engine.execute("SELECT schema_name, table_name FROM duckdb_tables()")
            there = set(tables.fetchall())
            held = {source: json.loads(body) for source, body in rows}
            # A cursor without its table would skip the rows that went with it.
            return {s: body for s, body in held.items() if tuple(body["target"]) in there}

    @contextmanager
    def session(self, connection: str, purpose: str) -> Iterator[DuckDBSession]:
        with open_duckdb(self.path, purpose=purpose) as engine:
            engine.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            engine.execute(f"SET disabled_compression_methods = {literal(_SLOW_COMPRESSION)}")
            engine.execute(f"SET temp_directory = {literal(str(self.scratch / 'spill'))}")
            session = DuckDBSession(engine, connection)
            try:
                yield session
                if session.begun:
                    engine.execute("COMMIT")
            except BaseException:
                if session.begun:
                    _roll_back(engine)
                raise


def _roll_back(engine: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    try:
        engine.execute("ROLLBACK")
    except duckdb.Error:
        # A failed COMMIT has already rolled the transaction back.
        return
