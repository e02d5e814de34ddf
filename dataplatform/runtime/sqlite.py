"""Kept SQLite connections, safe between threads, processes and forks.

Here lives the one way this platform's Dagster storages open SQLite. What they store, and where,
is the business of event_store.py and records.py.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as db
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 60
"""How long a writer waits for another process's transaction before it gives up."""


def _tune(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    # A reader never waits for a writer. The stock storages set this once, when they make a file.
    cursor.execute("PRAGMA journal_mode=WAL")
    # In WAL mode this keeps every commit through a killed process; only a power cut may take the
    # last ones, and it costs no fsync for each event.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.close()


class KeptEngine:
    """One SQLAlchemy engine for each process, its connections kept open between uses.

    A connection opened before a fork is never used after it: SQLite forbids that, so the child
    makes an engine of its own and leaves the parent's alone.

    Within one thread a use inside a use shares the connection and its transaction, so a caller
    can group several writes into one commit.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._pid = -1
        self._engine: Engine | None = None
        self._local = threading.local()
        self._abandoned: list[Engine] = []

    def engine(self) -> Engine:
        """Return this process's engine."""
        pid = os.getpid()
        if self._engine is None or self._pid != pid:
            with self._lock if self._pid == pid else _nothing():
                if self._engine is None or self._pid != pid:
                    if self._engine is not None:
                        # Kept, not collected: closing it would touch the parent's files.
                        self._abandoned.append(self._engine)
                        self._lock = threading.Lock()
                        self._local = threading.local()
                    engine = db.create_engine(
                        self._url,
                        poolclass=QueuePool,
                        pool_size=4,
                        max_overflow=-1,
                        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                    )
                    db.event.listen(engine, "connect", _tune)
                    self._engine = engine
                    self._pid = pid
        assert self._engine is not None
        return self._engine

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection within a transaction, joining this thread's open one if there is."""
        engine = self.engine()
        current: Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            yield current
            return
        with engine.begin() as connection:
            self._local.connection = connection
            try:
                yield connection
            finally:
                self._local.connection = None

    def dispose(self) -> None:
        """Close this process's idle connections."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
