"""Bringing one local server up, telling whether it is well, and finding one that was forgotten.

A program that starts servers may be killed before it records them. Every server therefore leaves
its process number in its own folder before anything else, and is found again by it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.local import process
from dataplatform.local.process import Identity
from dataplatform.local.server import Server

_POLL_SECONDS = 0.1
# A killed PostgreSQL leaves children that hold its data for a moment; the next start then fails.
ATTEMPTS = 4


def identity(entry: dict[str, Any]) -> Identity:
    """Return the process that a services.json entry speaks of."""
    return Identity(int(entry["pid"]), float(entry["started"]))


def is_healthy(server: Server, entry: dict[str, Any] | None) -> bool:
    """Tell whether the recorded process runs, answers, and is what the environment asks for."""
    if entry is None or not process.is_alive(identity(entry)):
        return False
    wanted = server.record()
    return all(entry.get(key) == value for key, value in wanted.items()) and server.is_ready()


def forgotten(folder: Path) -> Identity | None:
    """Return the process of the server in a folder if it runs, whoever started it."""
    return process.find(_process_file(folder), mark=str(folder))


def try_bring_up(server: Server, log: Path) -> dict[str, Any] | UserError:
    """Start a server and wait until it answers; return its entry, or why it has none."""
    try:
        return _bring_up(server, log)
    except UserError as error:
        return error
    except Exception as error:  # one server's trouble must not keep the others unrecorded
        return UserError(f"The local server {server.name} did not start: {error} (see {log})")


def _bring_up(server: Server, log: Path) -> dict[str, Any]:
    server.prepare()
    for attempt in range(1, ATTEMPTS + 1):
        started = process.spawn(
            server.command(),
            log=log,
            cwd=server.directory,
            environment=server.environment(),
            process_file=_process_file(server.directory),
            user=server.system_user(),
        )
        try:
            if _answers(server, started):
                server.after_start()
                return {
                    **server.record(),
                    **server.contents(),
                    "pid": started.pid,
                    "started": started.started,
                }
        except BaseException:
            process.end(started, first_signal=server.stop_signal)
            raise
        if process.end(started, first_signal=server.stop_signal):
            break
        if attempt < ATTEMPTS:
            time.sleep(0.5 * attempt)
    raise UserError(
        f"The local server {server.name} did not start; its last log line: "
        f"{process.last_line(log)} (see {log})"
    )


def _answers(server: Server, started: Identity) -> bool:
    """Wait until a server answers; tell false when it ended or took too long."""
    deadline = time.monotonic() + server.patience
    while process.is_alive(started) and time.monotonic() < deadline:
        if server.is_ready():
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _process_file(folder: Path) -> Path:
    return folder / "process"
