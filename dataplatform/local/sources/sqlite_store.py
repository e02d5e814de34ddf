"""A source system's own small database: one SQLite file, with its clock in it.

The file appears whole or not at all, and each later day changes it in one transaction that also
moves the clock. What the tables are, is said by ``crm_store`` and ``community_store``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from dataplatform.local.sources.production_store import Clock
from dataplatform.local.sources.sizes import FIRST_DAY, Sizes, next_day

_CLOCK = "CREATE TABLE clock (seed INTEGER, scale REAL, today TEXT)"


def read_clock(file: Path) -> Clock | None:
    """Return the file's clock; None when it was not made yet."""
    if not file.exists():
        return None
    with reading(file) as connection:
        seed, scale, today = connection.execute("SELECT seed, scale, today FROM clock").fetchone()
        return Clock(seed, scale, date.fromisoformat(today))


def make(file: Path, sizes: Sizes, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make the file with ``fill`` beside its place, then move it there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + ".unfinished")
    for leftover in ("", "-wal", "-shm", "-journal"):
        unfinished.with_name(unfinished.name + leftover).unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection:
        # The unfinished file is thrown away after a crash: nothing needs to be safe in it.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            connection.execute(_CLOCK)
            connection.execute(
                "INSERT INTO clock VALUES (?, ?, ?)",
                (sizes.seed, sizes.scale, FIRST_DAY.isoformat()),
            )
            fill(connection)
    with closing(sqlite3.connect(unfinished)) as connection:
        # Readers go on while a day is written.
        connection.execute("PRAGMA journal_mode = WAL")
    unfinished.replace(file)


@contextmanager
def day(file: Path, today: date) -> Iterator[sqlite3.Connection]:
    """Let a day pass: the changes made within, and the clock, are committed together.

    Args:
        file: the store.
        today: the day the clock shows now; it shows the next one afterwards.
    """
    with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("UPDATE clock SET today = ?", (next_day(today).isoformat(),))


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for reading alone."""
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection
