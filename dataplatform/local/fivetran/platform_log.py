"""The Platform Connector's log: what syncs did, as tables in the destination.

Events are kept in the service's store and, once a sync has ended, written to the schema
``fivetran_metadata`` in a short session of their own, by one thread, when no sync of the group
writes. What could not be written is written later. Which rows the tables have is in
``platform_tables``.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from pathlib import Path

from dataplatform.declarations.errors import UserError
from dataplatform.local.fivetran import platform_tables
from dataplatform.local.fivetran.destination import Session, open_destination
from dataplatform.local.fivetran.events import Event
from dataplatform.local.fivetran.model import Table
from dataplatform.local.fivetran.platform_tables import Row
from dataplatform.local.fivetran.sql import literal
from dataplatform.local.fivetran.store import Document, Store, new_id
from dataplatform.local.fivetran.writers import Writers

MAX_WAITING = 10_000
RETRY_SECONDS = 30.0
# Syncs that follow each other closely are written together, so that the log costs them little.
REST_SECONDS = 2.0
_KIND = "log"
_CONNECTION = platform_tables.SCHEMA

_log = logging.getLogger("dataplatform.local.fivetran")


class PlatformLog:
    """Writes the log of each group's syncs to the group's destination."""

    def __init__(
        self,
        store: Store,
        state: Path,
        writers: Writers,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.store = store
        self._writers = writers
        self._rest_seconds = rest_seconds
        # What the tables of a group were last given, so that nothing is compared in vain.
        self._written: dict[tuple[str, str], list[Row]] = {}
        self._scratch = state / "platform_log"
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="platform-log", daemon=True)

    def start(self) -> None:
        """Start writing, first of all what a stop left over."""
        if self.store.every(_KIND):
            self._wake.set()
        else:
            self._idle.set()
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop writing; what is left waits in the store."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def hear(self, event: Event) -> None:
        """Keep an event; the end of a sync has everything written. Returns at once."""
        group = self.store.get("group", event.connection["group_id"])
        if group is None or not group.get("platform_log", True):
            return
        rows = platform_tables.entries(event)
        self.store.put(_KIND, {"id": new_id(), "group_id": group["id"], "rows": rows})
        if event.name == "sync_end":
            with self._guard:
                self._idle.clear()
                self._wake.set()

    def wait_until_written(self, timeout: float) -> bool:
        """Wait until nothing is being written; return whether that came in time."""
        return self._idle.wait(timeout)

    def _run(self) -> None:
        late: float | None = None
        while True:
            self._wake.wait(late)
            self._wake.clear()
            if self._stopping.is_set():
                return
            late = None if self._write_all() else RETRY_SECONDS
            with self._guard:
                if not self._wake.is_set():
                    self._idle.set()
            self._stopping.wait(self._rest_seconds)

    def _write_all(self) -> bool:
        """Write every group's entries; return whether all could be written."""
        waiting: dict[str, list[Document]] = defaultdict(list)
        for held in self.store.every(_KIND):
            waiting[held["group_id"]].append(held)
        done = True
        for group, entries in waiting.items():
            try:
                self._write(group, [row for held in entries for row in held["rows"]])
            except Exception as error:
                expected = isinstance(error, (UserError, OSError))
                _log.warning(
                    "the platform log of group %s waits: %s", group, error, exc_info=not expected
                )
                done = False
                entries = entries[:-MAX_WAITING]
            for held in entries:
                self.store.delete(_KIND, held["id"])
        return done

    def _write(self, group_id: str, rows: list[Document]) -> None:
        group = self.store.get("group", group_id)
        described = self.store.get("destination", group_id)
        if group is None or described is None:
            return
        connections = [c for c in self.store.outlines("connection") if c["group_id"] == group_id]
        contents = {
            platform_tables.LOG: rows,
            platform_tables.CONNECTION: platform_tables.connections(connections),
            platform_tables.CONNECTOR_TYPE: platform_tables.connector_types(connections),
            platform_tables.DESTINATION: [platform_tables.destination(group, described)],
        }
        destination = open_destination(described["service"], described["config"], self._scratch)
        writer = self._writers.of(group_id)
        with writer, destination.session(_CONNECTION, "platform log") as session:
            session.begin()
            for table, held in contents.items():
                known = held == self._written.get((group_id, table.name))
                _upsert(session, table, held, known)
        for table, held in contents.items():
            if table is not platform_tables.LOG:
                self._written[group_id, table.name] = held


def _upsert(session: Session, table: Table, rows: list[Row], known: bool) -> None:
    """Write rows by their key; ``known`` ones only if the table is not there any more."""
    # The whole list is one literal, so any engine a session offers reads it without a file.
    shape = json.dumps([{column.name: column.type for column in table.columns}])
    said = f"from_json_strict({literal(json.dumps(rows))}, {literal(shape)})"
    select = f"SELECT unnest({said}, max_depth := 2)"
    if not session.prepare(table, replace=False):
        session.load(table, select)
    elif not known:
        session.merge(table, select)
