"""Which process does a run, written so that nobody is ever taken for it after it is gone.

A process number is reused; with the moment it started and the machine's boot it names one process
for ever. The mark is a tag of the run, and holds the run's id: tags are copied when a run is
started again, and a copied mark must not speak for the new run.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PROCESS_TAG = "dataplatform/process"


@dataclass(frozen=True)
class ProcessMark:
    """One process of one boot of this machine."""

    pid: int
    started: str
    boot: str

    def tag(self, run_id: str) -> str:
        """Return the value of the tag that ties a run to this process."""
        return f"{run_id} {self.pid} {self.started} {self.boot}"

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (one that is dead but not yet reaped does not)."""
        return self.boot == _boot() and _started(self.pid) == self.started


def mark_of(pid: int | None = None) -> ProcessMark | None:
    """Return the mark of a running process, by default this one, or None if it is gone."""
    pid = os.getpid() if pid is None else pid
    started = _started(pid)
    return None if started is None else ProcessMark(pid, started, _boot())


def mark_in(tags: dict[str, str], run_id: str) -> ProcessMark | None:
    """Return the mark that a run's tags hold for this run, or None."""
    parts = tags.get(PROCESS_TAG, "").split(" ")
    if len(parts) != 4 or parts[0] != run_id or not parts[1].isdigit():
        return None
    return ProcessMark(int(parts[1]), parts[2], parts[3])


def _started(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    except (ProcessLookupError, PermissionError):
        return None
    # The name, in brackets, may hold anything; the fields that count come after it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str | None:
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = found.stdout.strip().partition(" ")
    if found.returncode or not started or state.startswith("Z"):
        return None
    return "_".join(started.split())


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        found = subprocess.run(
            ["sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=False
        )
        return "".join(ch for ch in found.stdout if ch.isdigit())[:16] or "unknown"
