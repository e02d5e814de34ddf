"""Verified events between the receiver and the sensor: one SQLite file in the state folder.

An event is kept by its body's hash, so writing it down and refusing it a second time are one
step, whatever happens to the receiver. Rows stay for longer than an event may be old.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.webhooks.signature import EARLIEST, OLDEST

# Below the state folder; the local receiver of that name keeps its data there too.
FOLDER = "webhooks"
FILE = "events.sqlite"
_KEPT_SECONDS = 2 * (OLDEST + EARLIEST).total_seconds()
_BUSY_SECONDS = 10.0
#: Of the file's tables; SQLite keeps it as their `user_version`.
_LAYOUT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    hash TEXT PRIMARY KEY,
    received REAL NOT NULL,
    name TEXT NOT NULL,
    connection TEXT NOT NULL,
    body TEXT NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting ON event (received) WHERE taken = 0;
"""


@dataclass(frozen=True)
class Event:
    """A verified event.

    Attributes:
        hash: of its body.
        received: when it came, in seconds since 1970.
        name: such as ``sync_end``.
        connection: the account's id of the connection; empty where it tells of none.
        body: what was sent.
    """

    hash: str
    received: float
    name: str
    connection: str
    body: dict[str, Any]


def spool_of(state: Path) -> Spool:
    """Return the spool of a project's state folder."""
    return Spool(state / FOLDER)


class Spool:
    """The events of one state folder.

    Args:
        folder: holds the file; made at the first event.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def put(self, raw: bytes, body: dict[str, Any]) -> bool:
        """Keep an event until it is taken; return False for one that came before."""
        now = time.time()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.executescript(_SCHEMA)
            database.execute("DELETE FROM event WHERE received < ?", [now - _KEPT_SECONDS])
            done = database.execute(
                "INSERT OR IGNORE INTO event (hash, received, name, connection, body)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    hashlib.sha256(raw).hexdigest(),
                    now,
                    str(body["event"]),
                    str(body.get("connector_id") or ""),
                    json.dumps(body),
                ],
            )
            return done.rowcount == 1

    def waiting(self, limit: int = 1000) -> list[Event]:
        """Return the oldest events that nobody has taken; none where none ever came."""
        if not self._file.exists():
            return []
        with self._open() as database:
            database.executescript(_SCHEMA)
            rows = database.execute(
                "SELECT hash, received, name, connection, body FROM event"
                " WHERE taken = 0 ORDER BY received LIMIT ?",
                [limit],
            ).fetchall()
        return [Event(hash, at, name, of, json.loads(body)) for hash, at, name, of, body in rows]

    def take(self, events: Iterable[Event]) -> None:
        """Mark events as dealt with; they are remembered, so that none comes in twice."""
        hashes = [(event.hash,) for event in events]
        if hashes:
            with self._open() as database:
                database.executemany("UPDATE event SET taken = 1 WHERE hash = ?", hashes)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._file, timeout=_BUSY_SECONDS)
        try:
            (layout,) = database.execute("PRAGMA user_version").fetchone()
            if layout > _LAYOUT:
                raise UserError(
                    f"{self._file} has layout {layout}, of a newer version of the platform; this "
                    f"one knows layout {_LAYOUT}. Use the newer one again, or move the file away."
                )
            if layout < _LAYOUT:
                database.execute(f"PRAGMA user_version = {_LAYOUT}")
            with database:
                yield database
        finally:
            database.close()
