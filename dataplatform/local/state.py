"""What the local servers leave in the state folder: where they listen, and what lets one in.

Two files, both readable by their owner alone. ``services.json`` says what runs now and is what
``${local:...}`` references are read from. ``credentials.json`` outlives a stop: passwords and
ports are made once per state folder, so a restarted server is found where it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError

Services = dict[str, dict[str, Any]]

SERVICES = "services.json"
CREDENTIALS = "credentials.json"


def read_json(path: Path) -> dict[str, Any]:
    """Return a state file's content; an absent file is empty.

    Raises:
        UserError: the file is not what this program wrote.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): remove it and run `make start`.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (not an object): remove it and run `make start`.")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a state file in one step; mode 0600 from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_services(state: Path) -> Services:
    """Return what the supervisor last recorded as running."""
    return read_json(state / SERVICES)


def write_services(state: Path, services: Services) -> None:
    """Record what runs; nothing running leaves no file, which is how others notice."""
    if services:
        write_json(state / SERVICES, services)
    else:
        (state / SERVICES).unlink(missing_ok=True)


@contextmanager
def state_lock(path: Path, purpose: str, timeout: float = 120.0) -> Iterator[None]:
    """Let one program at a time change what a state folder records.

    Args:
        path: the lock file.
        purpose: what waits, for the error.
        timeout: seconds to wait.

    Raises:
        UserError: another program held the lock all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("a+", encoding="utf-8") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    raise UserError(
                        f"Could not {purpose}: {handle.read() or 'another program'} has held "
                        f"{path} for {timeout:.0f} s."
                    ) from None
                time.sleep(0.05)
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()} ({purpose})")
        handle.flush()
        yield
