"""Child processes that outlive the program that started them.

Here lives how such a process is started, recognised again by another program (a process number
alone may have been given to somebody else since), and ended. What the processes are for, and
where their numbers are kept, is the business of the supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The clock of a virtual machine may be set while a process runs; its start time then moves a bit.
_START_TOLERANCE_SECONDS = 3.0
_POLL_SECONDS = 0.05

# Notes its own number and becomes the program, under the same number. Done by the process itself,
# for whoever starts it may be killed before it could write anything down.
_NOTE_AND_BECOME = ("/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"')

_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Identity:
    """A process as it can be recognised later: its number and when it started (epoch seconds)."""

    pid: int
    started: float


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    process_file: Path,
    user: str | None = None,
) -> Identity:
    """Start a program in a session of its own, its output appended to a log file.

    Args:
        command: program and arguments; secrets belong in ``environment``, which nobody else reads.
        log: receives standard output and standard error.
        cwd: the working directory.
        environment: the whole environment of the program; nothing is inherited.
        process_file: receives the process number, before the program begins.
        user: run as this system user (only root may).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*_NOTE_AND_BECOME, str(process_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    _children[child.pid] = child
    return Identity(child.pid, _start_time(child.pid) or time.time())


def _start_time(pid: int) -> float | None:
    import psutil

    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def find(process_file: Path, mark: str) -> Identity | None:
    """Return the process that noted its number in a file, if it still runs.

    Args:
        process_file: where it noted its number.
        mark: a text that its command line holds, and no other program's with the same number.
    """
    import psutil

    try:
        pid = int(process_file.read_text(encoding="utf-8"))
        command = " ".join(psutil.Process(pid).cmdline())
    except (OSError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    started = _start_time(pid)
    return Identity(pid, started) if started is not None and mark in command else None


def is_alive(identity: Identity) -> bool:
    """Tell whether this very process still runs, not merely one with its number."""
    started = _start_time(identity.pid)
    return started is not None and abs(started - identity.started) <= _START_TOLERANCE_SECONDS


def end(identity: Identity, *, first_signal: int = signal.SIGTERM, patience: float = 15.0) -> bool:
    """Ask a process to end, and kill it with all its session when it does not.

    Args:
        identity: the process; nothing happens when it is no longer the one that was started.
        first_signal: how it is asked.
        patience: seconds before it is killed.

    Returns:
        Whether it was there to be ended.
    """
    if not is_alive(identity):
        return False
    os.kill(identity.pid, first_signal)
    deadline = time.monotonic() + patience
    while is_alive(identity) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if is_alive(identity):
        with suppress(ProcessLookupError):
            os.killpg(identity.pid, signal.SIGKILL)
        while is_alive(identity):
            time.sleep(_POLL_SECONDS)
    return True


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, or a remark that there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - 8192))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "(the log is empty)")
