"""PostgreSQL by change capture: what has been inserted, updated and deleted is told by the server.

A table is first read by query, then kept by the changes that its server's log tells. How far the
log was read is remembered in the warehouse with the rows, and told to the server only after the
warehouse has committed; what was read twice is recognised by its place in the log, or by the
snapshot a table was read in. Tables of which the log does not say enough are read again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import (
    SetupTest,
    SyncFailure,
    Table,
    TableResult,
)
from dataplatform.local.fivetran.services import postgres_slot as slots
from dataplatform.local.fivetran.services.postgres import PostgresService
from dataplatform.local.fivetran.services.postgres_catalog import last_column
from dataplatform.local.fivetran.services.postgres_changes import Staged
from dataplatform.local.fivetran.services.postgres_collector import Collector
from dataplatform.local.fivetran.services.postgres_landing import Read, land
from dataplatform.local.fivetran.services.postgres_publication import (
    drop_publication,
    ensure_publication,
)
from dataplatform.local.fivetran.services.postgres_queries import rows_of
from dataplatform.local.fivetran.services.postgres_resume import Snapshot, added, reads_anew
from dataplatform.local.fivetran.services.postgres_stream import changes, connect
from dataplatform.local.fivetran.services.postgres_values import rendered

# So much of the log is read in about a second at most.
_BRIEF_BYTES = 32_000_000
_log = logging.getLogger("dataplatform.local.fivetran")


class PostgresCdcService(PostgresService):
    """One PostgreSQL database, kept by its log."""

    def __init__(self, prefix: str, config: dict[str, Any]) -> None:
        super().__init__(prefix, config)
        self.names = slots.names_of(prefix, config)
        self._reads: dict[str, Read] = {}
        self._reached = 0
        self._added: frozenset[str] = frozenset()
        self._fence = 0
        self._attached = False
        self._stream: Any = None

    def test(self) -> list[SetupTest]:
        tests = super().test()
        title = "Capturing changes"
        if any(test.status != "PASSED" for test in tests):
            return [*tests, SetupTest(title, "SKIPPED")]
        try:
            with self._connect() as connection:
                slots.check_server(connection, self.where)
                found = slots.find_slot(connection, self.names.slot)
                if found is not None:
                    slots.usable(found, self.names.slot, self.settings["dbname"])
        except SyncFailure as error:
            return [*tests, SetupTest(title, "FAILED", str(error), broken=True)]
        return [*tests, SetupTest(title, "PASSED")]

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        super().close()

    def approach(self, tables: Sequence[Table]) -> bool:
        if not tables:
            return True
        with self._telling():
            connection = self._session()
            slots.check_server(connection, self.where)
            slot = slots.find_slot(connection, self.names.slot)
            if slot is None or slot.lost:
                return False
            self._stream = connect(self._dsn, self.names)
            return slots.flushed(connection) - slot.confirmed < _BRIEF_BYTES

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        if tables:
            with self._telling():
                self._capture(self._session(), tables, cursors, scratch)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise SyncFailure(
                f"PostgreSQL at {self.where} refuses to tell changes: "
                f"{' '.join(str(error).split())}",
                code="source_refused",
            ) from error

    def _capture(
        self,
        connection: Any,
        tables: Sequence[Table],
        cursors: dict[str, dict[str, Any]],
        scratch: Path,
    ) -> None:
        slot = self._slot(connection, tables, cursors)
        until = slots.flushed(connection)
        render = partial(rendered, connection)
        for number, table in enumerate(tables):
            cursor = cursors.get(table.label)
            if cursor is not None and slots.number(cursor.get("lsn", "0/0")) < slot.confirmed:
                # Not synced for a while, or never by its log: others' syncs moved the slot on.
                cursor = None
            seen = Snapshot.of(cursor)
            staged = Staged(table, scratch, number, seen.skips, render)
            self._reads[table.label] = Read(table, cursor, staged, cursor is None)
        known = [Snapshot.of(read.cursor).lsn for read in self._reads.values()]
        collector = Collector({r.table.details["oid"]: r.staged for r in self._reads.values()})
        if self._stream is None:
            self._stream = connect(self._dsn, self.names)
        collector.collect(changes(self._stream, self.names, min(known), until))
        self._reached = max(until, collector.reached)
        for read in self._reads.values():
            read.anew = (
                read.cursor is None
                or bool(read.staged.unread)
                or reads_anew(read.cursor, read.table, read.staged.truncated, read.staged.told)
            )

    def _slot(
        self, connection: Any, tables: Sequence[Table], cursors: dict[str, dict[str, Any]]
    ) -> slots.Slot:
        """Return the slot, made with its publication if this is where the connection begins."""
        remembered = [slots.number(c["lsn"]) for c in cursors.values() if c.get("lsn")]
        found = slots.find_slot(connection, self.names.slot)
        why = slots.why_not_followed(found, remembered)
        if why:
            raise SyncFailure(
                f"The replication slot {self.names.slot!r} {why}, so changes since the last sync "
                "cannot be told: re-sync the connection, which reads every table anew.",
                code="slot_lost",
            )
        if found is not None:
            slots.usable(found, self.names.slot, self.settings["dbname"])
        # The publication comes first: a slot tells nothing from before it.
        self._added, self._fence = ensure_publication(connection, self.names, tables)
        if found is None or found.lost:
            return slots.make_slot(connection, self.names.slot, self.where)
        return found

    def attach(self, session: Session) -> None:
        """Nothing yet: mostly the log says everything."""

    def _attach_once(self, session: Session) -> None:
        if not self._attached:
            super().attach(session)
            self._attached = True

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        for table in tables:
            read = self._reads[table.label]
            result = TableResult(table.target_schema, table.target)
            new = frozenset() if read.anew else added(read.cursor, table)
            anew = read.anew or bool(new and new & session.columns(table).keys())
            held = session.prepare(table, replace=table.label in resync)
            seen = Snapshot.of(read.cursor)
            settled = True
            shape = table.details["shape"]
            last = shape["last"]
            if anew or not held:
                self._attach_once(session)
                snapshot, ahead, last = self._ask(
                    session,
                    "SELECT pg_current_snapshot()::text AS a, "
                    f"pg_current_wal_insert_lsn()::text AS b, ({last_column(table)}) AS c",
                )
                seen = Snapshot(self._reached, snapshot, slots.number(ahead))
                if held:
                    self._follow(session, table, None, result)
                else:
                    result.inserted = session.load(table, rows_of(table))
                if not read.staged.untellable:
                    land(session, read, seen, result, self._attach_once)
                settled = all(map(seen.sees, read.staged.unread)) and (
                    table.label not in self._added or seen.first >= self._fence
                )
            else:
                land(session, read, None, result, self._attach_once)
                names = {description[0] for description in shape["columns"].values()}
                if not all(map(names.issuperset, read.staged.told)):
                    (last,) = self._session().execute(last_column(table)).fetchone()
            session.remember(
                table,
                {
                    **seen.reached(self._reached),
                    "signature": table.signature,
                    "shape": shape,
                    "names": {column.source: column.name for column in table.columns},
                    # A transaction too late for the snapshot, whose rows were not told or not
                    # kept, asks for one more reading; so does a column too late for the catalogue.
                    "settled": settled and last == shape["last"],
                },
            )
            yield result

    def after_commit(self) -> None:
        """Let the server forget what the warehouse holds now."""
        import psycopg

        if not self._reached:
            return
        try:
            slots.advance(self._session(), self.names.slot, self._reached)
        except (psycopg.Error, SyncFailure) as error:
            # The next sync tells it again; until then the server merely keeps more of its log.
            _log.warning("slot %s not moved on: %s", self.names.slot, " ".join(str(error).split()))

    def teardown(self) -> None:
        """Drop the slot, which would keep the server's log for ever, and our own publication.

        Raises:
            SyncFailure: the source cannot be reached or does not let go of the slot.
        """
        import psycopg

        with self._connect() as connection:
            try:
                slots.drop_slot(connection, self.names.slot)
                drop_publication(connection, self.names.publication)
            except psycopg.Error as error:
                raise SyncFailure(
                    f"The replication slot {self.names.slot!r} cannot be dropped: "
                    f"{' '.join(str(error).split())}",
                    code="slot_not_dropped",
                ) from error
