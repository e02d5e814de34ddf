"""What happens to connections, told to whoever listens.

The runner and the routes emit; the webhooks and the platform log listen. A listener must return at
once (it queues what takes long), and one that fails is noted and harms nobody else. What is sent or
written of an event belongs to its listeners.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dataplatform.local.fivetran.store import Document, later_than

# The events of the API, and who emits them: syncs come from the runner, the rest from the routes.
SYNC_EVENTS = ("sync_start", "sync_end")
CONNECTION_EVENTS = (
    "status",
    "connection_successful",
    "connection_failure",
    "create_connector",
    "pause_connector",
    "resume_connector",
    "edit_connector",
    "delete_connector",
    "force_update_connector",
    "resync_connector",
    "resync_table",
)
EVENTS = SYNC_EVENTS + CONNECTION_EVENTS

_log = logging.getLogger("dataplatform.local.fivetran")


@dataclass(frozen=True)
class Event:
    """One thing that happened to one connection.

    ``data`` of the runner's events: ``sync_start`` has ``sync_id``; ``sync_end`` has ``sync_id``,
    ``status`` (SUCCESSFUL, FAILURE, FAILURE_WITH_TASK or RESCHEDULED), ``reason`` unless
    successful, and ``tables`` (a list of ``TableResult.as_json()``). The runner emits ``sync_end``
    after it has stored how the sync ended.
    """

    name: str
    created: str
    connection: Document
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


class Events:
    """Hands events to listeners, in the order in which they were emitted."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._last: str | None = None

    def listen(self, listener: Listener) -> None:
        """Call a listener with every event from now on."""
        self._listeners.append(listener)

    def emit_status(self, before: str, connection: Document) -> None:
        """Tell of a connection whose set-up state is no longer the one before.

        Args:
            before: the state it was in.
            connection: its document as it is now.
        """
        state = connection["setup_state"]
        if state != before:
            tasks = connection["tasks"]
            reason = {"reason": tasks[0]["message"]} if tasks else {}
            self.emit("status", connection, {"status": state.upper(), **reason})

    def emit(self, event: str, connection: Document, data: Document) -> None:
        """Tell every listener; never raises for a listener's sake, never waits.

        Args:
            event: one of ``EVENTS``.
            connection: the connection's document as it is now.
            data: what there is to say beyond that.

        Raises:
            ValueError: the event is not one the API knows.
        """
        if event not in EVENTS:
            raise ValueError(f"{event!r} is not an event of the API")
        # Times strictly increase, so that whoever sorts by them has the order of the events.
        self._last = later_than(self._last)
        told = Event(event, self._last, dict(connection), dict(data))
        for listener in self._listeners:
            try:
                listener(told)
            except Exception:
                _log.exception("a listener stumbled over %s", event)
