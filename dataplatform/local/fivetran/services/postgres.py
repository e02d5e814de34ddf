"""PostgreSQL as a source.

All tables are read in one snapshot through DuckDB's PostgreSQL extension, straight into the
destination's transaction. The first sync reads a table in full, in parallel. Later ones read the
rows whose transaction is not older than the last snapshot's horizon, which finds every insert and
every update, of old rows too; deletes are found by counting, and by comparing keys where the
counts differ (``postgres_deletes``). What the database holds is described in ``postgres_catalog``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dataplatform.duckdb_file import load_extension
from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import (
    SetupTest,
    SyncFailure,
    Table,
    TableResult,
)
from dataplatform.local.fivetran.services.base import Service
from dataplatform.local.fivetran.services.postgres_aside import Aside
from dataplatform.local.fivetran.services.postgres_catalog import read_tables
from dataplatform.local.fivetran.services.postgres_deletes import (
    Counts,
    count,
    differing,
    keys_within,
)
from dataplatform.local.fivetran.services.postgres_queries import (
    SOURCE,
    picked,
    queried,
    rows,
    rows_of,
)
from dataplatform.local.fivetran.sql import ident, literal, qualified

_CONNECT_SECONDS = 15
# Transaction numbers wrap around: beyond this distance "older" can no longer be told.
_MAX_DISTANCE = 2**31 - 10_000_000
# Larger than the extension's own 1,000: fewer statements to start, measured faster.
_PAGES_PER_TASK = 4000
_WRITING = (
    "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 "
    "-c bytea_output=hex -c lc_monetary=C -c client_encoding=UTF8"
)
_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"


class PostgresService(Service):
    """One PostgreSQL database."""

    def __init__(self, prefix: str, config: dict[str, Any]) -> None:
        self.prefix = prefix
        self.settings = {
            "host": str(config["host"]),
            "port": str(config["port"]),
            "user": str(config["user"]),
            "password": str(config.get("password") or ""),
            "dbname": str(config["database"]),
            "connect_timeout": str(_CONNECT_SECONDS),
            "application_name": "fivetran",
            # However a database is set, values are written one way.
            "options": _WRITING,
        }
        self._open: Any = None
        self._beside: Aside | None = None
        self.where = f"{config['host']}:{config['port']}/{config['database']}"

    @property
    def _dsn(self) -> str:
        from psycopg.conninfo import make_conninfo

        return make_conninfo("", **{key: text for key, text in self.settings.items() if text})

    def _connect(self) -> Any:
        import psycopg

        try:
            return psycopg.connect(self._dsn, autocommit=True)
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            refused = any(
                sign in reason
                for sign in (
                    "password",
                    "authentication",
                    "no pg_hba.conf",
                    'role "',
                    "does not ex",
                )
            )
            raise SyncFailure(
                f"PostgreSQL at {self.where} "
                + (f"refuses user {self.settings['user']!r}" if refused else "cannot be reached")
                + f": {reason}",
                code="credentials_rejected" if refused else "source_unreachable",
                broken=refused,
            ) from error

    def _session(self) -> Any:
        """Return the one connection of a sync, opened anew where the server has ended it."""
        if self._open is None or self._open.broken or self._open.closed:
            self._open = self._connect()
        return self._open

    def close(self) -> None:
        if self._beside is not None:
            self._beside.close()
        if self._open is not None:
            self._open.close()

    def test(self) -> list[SetupTest]:
        titles = ("Connecting to the host and logging in", "Reading the catalogue")
        try:
            with self._connect() as connection:
                connection.execute("SELECT 1 FROM pg_class LIMIT 1")
        except SyncFailure as error:
            return [
                SetupTest(titles[0], "FAILED", str(error), broken=True),
                SetupTest(titles[1], "SKIPPED"),
            ]
        return [SetupTest(title, "PASSED") for title in titles]

    def discover(self) -> list[Table]:
        import psycopg

        connection = self._session()
        try:
            identity = str(connection.execute(_IDENTITY).fetchone()[0])
        except psycopg.errors.InsufficientPrivilege:
            identity = self.where
        return read_tables(connection, self.prefix, f"{identity}/{self.settings['dbname']}")

    def approach(self, tables: Sequence[Table]) -> bool:
        return True

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        """Nothing: rows flow straight into the destination, which is the fastest way."""

    def attach(self, session: Session) -> None:
        load_extension(session.engine, "postgres_scanner")
        session.engine.execute(f"SET pg_pages_per_task = {_PAGES_PER_TASK}")
        # The engine outlives a sync where another thread has the warehouse open meanwhile.
        session.engine.execute(
            f"ATTACH OR REPLACE {literal(self._dsn)} AS {ident(SOURCE)} (TYPE postgres, READ_ONLY)"
        )

    def _ask(self, session: Session, sql: str) -> tuple[Any, ...]:
        (row,) = rows(session, sql)
        return row

    def _aside(self, session: Session) -> Aside:
        """Return a second connection that sees what the engine's own sees of the source."""
        if self._beside is None:
            (snapshot,) = self._ask(session, "SELECT pg_export_snapshot() AS a")
            self._beside = Aside(self._connect, snapshot)
        return self._beside

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        # Text, because 64-bit transaction numbers have no equal type on the other side.
        horizon, following = (
            int(value)
            for value in self._ask(
                session,
                "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS a, "
                "pg_snapshot_xmax(pg_current_snapshot())::text AS b",
            )
        )
        for table in tables:
            again = table.label in resync
            result = TableResult(table.target_schema, table.target)
            if not session.prepare(table, replace=again):
                result.inserted = session.load(table, rows_of(table))
            else:
                cursor = None if again else session.cursor(table)
                known = int(cursor["horizon"]) if cursor and "horizon" in cursor else None
                if (
                    cursor is None
                    or known is None
                    or cursor.get("signature") != table.signature
                    or known > horizon
                    or following - known > _MAX_DISTANCE
                ):
                    known = None
                self._follow(session, table, known, result)
            session.remember(table, {"horizon": horizon, "signature": table.signature})
            yield result

    def _follow(
        self, session: Session, table: Table, known: int | None, result: TableResult
    ) -> None:
        """Bring a table that was synced before in line, from a horizon or in full."""
        # Modular distance to the newest transaction: right across a wrap-around, and frozen rows
        # keep their number; a row taken for new by mistake is compared and found unchanged.
        fresh = None if known is None else f"age(xmin) <= age('{known % 2**32}'::xid)"
        place = qualified(table.schema, table.name)
        if table.has_key:
            counts = count(
                session, table, partial(rows, session), lambda sql: self._aside(session).ask(sql)
            )
            new = rows_of(table) if fresh is None else picked(table, fresh, table.columns)
            result.inserted, result.updated, _ = session.merge(table, new)
            result.deleted = self._delete(session, table, counts)
            return
        wanted = f"count(*) AS n, count(*) FILTER (WHERE {fresh or 'true'}) AS m"
        total, candidates = self._ask(session, f"SELECT {wanted} FROM {place}")
        if fresh is not None and not candidates and total == session.live_count(table):
            return
        result.inserted, result.updated, _ = session.merge(table, rows_of(table))
        if total != session.live_count(table):
            result.deleted = session.delete_absent(table, rows_of(table))

    def _delete(self, session: Session, table: Table, counts: Counts) -> int:
        """End the rows the source no longer has; every row it has is live."""
        keys = tuple(column for column in table.columns if column.key)
        parts = differing(session, table, counts)
        if parts is None:
            return session.delete_absent(table, rows_of(table, keys))
        if not parts.numbers:
            return 0
        return session.delete_absent(table, queried(keys_within(table, parts), keys), parts)
