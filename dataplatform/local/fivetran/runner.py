"""When syncs run: on request, and by the connections' own schedules.

Each connection has at most one sync at a time and each destination one writer. A thread looks
every second for connections that are due. How a sync works is in ``sync``, what a connection shows
of how one ended in ``outcomes``.
"""

from __future__ import annotations

import logging
import shutil
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.destination import open_destination
from dataplatform.local.fivetran.events import Events
from dataplatform.local.fivetran.faults import Faults
from dataplatform.local.fivetran.model import (
    SetupTest,
    SyncFailure,
    SyncRescheduled,
    TableResult,
)
from dataplatform.local.fivetran.outcomes import event_data, next_sync, outcome, settle, take_up
from dataplatform.local.fivetran.salts import Salts
from dataplatform.local.fivetran.services.base import open_service
from dataplatform.local.fivetran.store import Document, Store, moment_of, now
from dataplatform.local.fivetran.sync import Committed, redacted, run_sync
from dataplatform.local.fivetran.writers import Writers

_TICK_SECONDS = 1.0
_log = logging.getLogger("dataplatform.local.fivetran")


class Runner:
    """Runs syncs in threads of their own."""

    def __init__(
        self,
        store: Store,
        state: Path,
        events: Events | None = None,
        faults: Faults | None = None,
        writers: Writers | None = None,
    ) -> None:
        """Take over a state folder; syncs that ran when it was left have failed.

        Args:
            store: what the service remembers.
            state: the folder it writes to.
            events: told when a sync starts and ends.
            faults: misfortune that was asked for.
            writers: who may write to the destination of a group; shared with whoever else does.
        """
        self.store = store
        self.state = state
        self.events = events
        self.faults = faults
        self.salts = Salts(state)
        self._guard = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        # Those whose sync has ended, and which tidy up.
        self._ending: set[threading.Thread] = set()
        self._again: set[str] = set()
        self._writers = Writers() if writers is None else writers
        self._stopping = threading.Event()
        self._fail_interrupted()

    def _fail_interrupted(self) -> None:
        """A sync that was running when the service stopped has failed; its rows were undone."""
        reason = "The service stopped while this sync ran; the next sync completes it."
        failure = SyncFailure(reason, code="interrupted")
        shutil.rmtree(self.state / "scratch", ignore_errors=True)
        for number, identifier, body in self.store.unfinished():
            ended = outcome([], failure)
            self.store.end_sync(number, body | ended)
            after = self.store.change("connection", identifier, lambda c: settle(c, [], failure))
            if after is not None:
                self._tell("sync_end", after, event_data(number, ended, failure))

    def start(self) -> None:
        """Start looking for connections that are due."""
        threading.Thread(target=self._watch, name="fivetran-schedule", daemon=True).start()

    def stop(self, timeout: float = 5.0) -> None:
        """Start no more syncs, and wait a little for those that run."""
        self._stopping.set()
        for thread in [*self._running.values(), *self._ending]:
            thread.join(timeout)

    def is_running(self, identifier: str) -> bool:
        """Tell whether a connection is syncing now."""
        return identifier in self._running

    def request(self, identifier: str, *, follow: bool = False) -> bool:
        """Start a sync; return whether a new one started.

        Args:
            identifier: the connection.
            follow: if one is running already, run another after it.
        """
        with self._guard:
            if self._stopping.is_set():
                return False
            if identifier in self._running:
                if follow:
                    self._again.add(identifier)
                return False
            # The record comes before the answer, so that whoever asks next sees it syncing.
            connection = self.store.get("connection", identifier)
            if connection is None:
                return False
            body: Document = {
                "status": "SYNCING",
                "started_at": now(),
                "finished_at": None,
                "error": None,
                "tables": [],
            }
            number = self.store.start_sync(identifier, body)
            self.store.change("connection", identifier, take_up)
            thread = threading.Thread(
                target=self._run,
                args=(identifier, number, body),
                name=f"sync-{identifier}",
            )
            thread.daemon = True
            self._running[identifier] = thread
            thread.start()
            return True

    def _run(self, identifier: str, number: int, body: Document) -> None:
        failure: SyncFailure | SyncRescheduled | None = None
        tables: list[TableResult] = []
        connection = self.store.get("connection", identifier)
        end = partial(self._end, connection, identifier, number, body)
        try:
            if connection is None:
                raise SyncFailure("The connection was deleted.")
            self._tell("sync_start", connection, {"sync_id": number})
            # Held until what follows the commit is done as well: the next sync waits for it.
            with self._writers.of(connection["group_id"]):
                tables = self._sync(connection, number, lambda tables: end(tables, None))
        except (SyncFailure, SyncRescheduled) as error:
            failure = error
        except Exception as error:
            _log.exception("sync %s failed", identifier)
            text = f"The sync stopped on an internal error: {type(error).__name__}: {error}"
            failure = SyncFailure(redacted(text, connection) if connection else text)
        if self._running.get(identifier) is threading.current_thread():
            end(tables, failure)
        self._ending.discard(threading.current_thread())

    def _end(
        self,
        connection: Document | None,
        identifier: str,
        number: int,
        body: Document,
        tables: list[TableResult],
        failure: SyncFailure | SyncRescheduled | None,
    ) -> None:
        """Record how a sync ended, and let the connection's next one start."""
        with self._guard:
            ended = outcome(tables, failure)
            self.store.change("connection", identifier, lambda c: settle(c, tables, failure))
            self.store.end_sync(number, body | ended)
            self._ending.add(self._running.pop(identifier))
            again = identifier in self._again
            self._again.discard(identifier)
        after = self.store.get("connection", identifier)
        if after is not None:
            self._tell("sync_end", after, event_data(number, ended, failure))
            if connection is not None and self.events is not None:
                self.events.emit_status(connection["setup_state"], after)
        if again:
            self.request(identifier)

    def _tell(self, event: str, connection: Document, data: Document) -> None:
        if self.events is not None:
            self.events.emit(event, connection, data)

    def _sync(self, connection: Document, number: int, committed: Committed) -> list[TableResult]:
        group = self.store.get("destination", connection["group_id"])
        if group is None:
            raise SyncFailure(
                f"The group {connection['group_id']!r} has no destination.",
                code="destination_missing",
            )
        scratch = self.state / "scratch" / f"{connection['id']}-{number}"
        salt = self.salts.of(connection["group_id"])
        destination = open_destination(group["service"], group["config"], scratch, salt)

        def keep(config: dict[str, Any]) -> None:
            self.store.change(
                "connection", connection["id"], lambda c: c.update(schema_config=config)
            )

        taken = connection | {"resync": connection["resyncing"]}
        return run_sync(taken, destination, scratch, keep, self.faults, committed)

    def run_setup_tests(self, connection: Document) -> list[SetupTest]:
        """Try a connection's set-up and write the outcome into its document (not stored)."""
        try:
            tests = open_service(
                connection["service"], connection["schema"], connection["config"]
            ).test()
        except SyncFailure as error:
            tests = [SetupTest("Validating the settings", "FAILED", str(error), broken=True)]
        tests = [
            SetupTest(t.title, t.status, redacted(t.message, connection), t.broken) for t in tests
        ]
        failed = [test for test in tests if test.status == "FAILED"]
        connection["setup_tests"] = [test.as_json() for test in tests]
        connection["setup_state"] = "incomplete" if failed else "connected"
        connection["tasks"] = [
            {"code": "setup_test_failed", "message": test.message} for test in failed
        ]
        return tests

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            try:
                for connection in self.store.outlines("connection"):
                    if self.is_due(connection):
                        self.request(connection["id"])
            except Exception:
                _log.exception("the schedule stumbled")

    def is_due(self, connection: Document) -> bool:
        """Tell whether a connection's own schedule, or a sync put off, calls for a sync now."""
        if (
            connection["paused"]
            or connection["setup_state"] != "connected"
            or self.is_running(connection["id"])
        ):
            return False
        put_off = connection.get("rescheduled_for")
        if put_off:
            return datetime.now(UTC) >= moment_of(put_off)
        if connection["schedule_type"] != "auto":
            return False
        return datetime.now(UTC) >= next_sync(connection)
