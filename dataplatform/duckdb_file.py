"""One way to open a DuckDB file.

A DuckDB file has one writing process. Whoever opens it, reader or writer, first takes an
operating-system lock on a file beside it, with a time limit; the lock dies with its process, and
who waits in vain is told who holds it. Extensions come from installed wheels, never a download.

What the file holds, and what is asked of it, is the business of the callers.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    import duckdb

DEFAULT_TIMEOUT_SECONDS = 300.0
#: The name under which a file is attached whose tables another file's views show.
BASE = "dataplatform_base"
_POLL_SECONDS = 0.05


@dataclass
class _Held:
    """A lock that this process holds, and how many of its callers share it."""

    handle: IO[str]
    pid: int
    count: int = 1


_held: dict[Path, _Held] = {}
_guard = threading.RLock()


def _try_lock(path: Path, purpose: str) -> bool:
    with _guard:
        held = _held.get(path)
        # A forked child inherits the table but must not count as the holder.
        if held is not None and held.pid == os.getpid():
            held.count += 1
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        handle.seek(0)
        handle.truncate()
        handle.write(f"{purpose} (process {os.getpid()})")
        handle.flush()
        _held[path] = _Held(handle, os.getpid())
        return True


def _unlock(path: Path) -> None:
    with _guard:
        held = _held[path]
        held.count -= 1
        if held.count == 0:
            held.handle.close()
            del _held[path]


@contextmanager
def warehouse_lock(
    path: Path, purpose: str, timeout: float = DEFAULT_TIMEOUT_SECONDS
) -> Iterator[None]:
    """Hold the lock beside a DuckDB file; re-entrant within one process.

    Args:
        path: the DuckDB file.
        purpose: who holds it, in words that help the one who waits.
        timeout: seconds to wait before giving up.

    Raises:
        UserError: the lock was not free in time; the sentence names its holder.
    """
    lock = path.with_name(path.name + ".lock").absolute()
    deadline = time.monotonic() + timeout
    while not _try_lock(lock, purpose):
        if time.monotonic() >= deadline:
            holder = lock.read_text(encoding="utf-8") or "another process"
            raise UserError(
                f"The warehouse file {path} is in use by {holder}; "
                f"gave up after {timeout:.0f} s. Wait for it to end, or stop it."
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        _unlock(lock)


@contextmanager
def open_duckdb(
    path: Path,
    *,
    purpose: str,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    read_only: bool = False,
    trusting: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB file under its lock and close it again.

    Args:
        path: the DuckDB file; made if it does not exist and ``read_only`` is false.
        purpose: shown to whoever waits for the lock.
        timeout: seconds to wait for the lock.
        read_only: open without the right to write.
        trusting: take extensions as they are installed. Their signature is else read through each
            time one is loaded, which takes as long as a small sync.

    Raises:
        UserError: the lock was not free in time, or a program outside the platform holds the file.
    """
    deadline = time.monotonic() + timeout
    with warehouse_lock(path, purpose, timeout):
        connection = _connect(path, read_only, trusting, deadline)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()


def _why_not_opened(error: Exception) -> str:
    reason = str(error).splitlines()[0]
    holder = re.search(r"Could not set lock on file .*\(PID (\d+)\)", reason)
    if holder:
        return f"is held by another program (process {holder[1]}): end it, then try again."
    if "not a valid DuckDB database file" in reason:
        return "is no DuckDB file: put a copy of it back, or remove it and build anew."
    return f"cannot be opened: {reason}"


@contextmanager
def with_base(
    connection: duckdb.DuckDBPyConnection,
    base: Path,
    *,
    purpose: str,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
) -> Iterator[None]:
    """Attach another file, only to be read, for as long as its lock is held.

    Args:
        connection: of the file whose views show the other one's tables.
        base: the other file.
        purpose: shown to whoever waits for its lock.
        timeout: seconds to wait for the lock.

    Raises:
        UserError: the lock was not free in time, or the file is gone.
    """
    if not base.is_file():
        raise UserError(
            f"The warehouse file {base}, whose tables are read here, is gone: drop this "
            "environment with `dataplatform env drop`, or bring the file back."
        )
    with warehouse_lock(base, purpose, timeout):
        attach_base(connection, base)
        yield


def attach_base(connection: duckdb.DuckDBPyConnection, base: Path) -> None:
    """Attach another file under the name that views refer to; its lock is held by the caller."""
    escaped = str(base).replace("'", "''")
    connection.execute(f"ATTACH IF NOT EXISTS '{escaped}' AS {BASE} (READ_ONLY)")


def _connect(
    path: Path, read_only: bool, trusting: bool, deadline: float
) -> duckdb.DuckDBPyConnection:
    import duckdb

    config: dict[str, Any] = {"allow_unsigned_extensions": "true"} if trusting else {}
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.ConnectionException:
            # Another thread, which shares the lock, has the file open in another way.
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
        except duckdb.IOException as error:
            raise UserError(f"The warehouse file {path} {_why_not_opened(error)}") from error


def extension_path(name: str) -> Path:
    """Return where an installed DuckDB extension lies.

    Raises:
        UserError: the wheel that carries it is not installed.
    """
    module = importlib.util.find_spec(f"duckdb_extension_{name}")
    if module is None or not module.submodule_search_locations:
        raise UserError(
            f"The DuckDB extension {name!r} is not installed: run `make setup`, "
            f"which installs the package duckdb-extension-{name.replace('_', '-')}."
        )
    found = sorted(Path(module.submodule_search_locations[0]).rglob(f"{name}.duckdb_extension"))
    if not found:
        raise UserError(f"The package of the DuckDB extension {name!r} holds no extension file.")
    return found[0]


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its installed wheel into an open connection."""
    path = str(extension_path(name)).replace("'", "''")
    connection.execute(f"LOAD '{path}'")
