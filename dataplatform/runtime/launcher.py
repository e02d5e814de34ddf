"""Starts runs in workers that are warm: forked from a process that has imported everything.

Here lives the side of the daemon: the launcher that dagster.yaml names, and its hold on the
warm process. What that process does is worker.py; what a forked worker does is worker_run.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterRun
from dagster._config import Array, Field
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from dataplatform.runtime.process import PROCESS_TAG, mark_in, mark_of
from dataplatform.runtime.recovery import process_gone

REPLY_SECONDS = 120
"""How long a launch waits for the warm process, which may be loading changed code."""


class WarmProcess:
    """The warm process of one daemon: it lives and dies with the socket between the two."""

    def __init__(self, preload: list[str]) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._reader = ours.makefile("r")
        ours.settimeout(REPLY_SECONDS)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dataplatform.runtime.worker", str(theirs.fileno()), *preload],
            pass_fds=[theirs.fileno()],
            # The terminal's Ctrl-C is for the servers; runs are ended by the socket's closing.
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def launch(self, run_id: str, instance_ref: str) -> int:
        """Have a run started and return the number of its process."""
        request = json.dumps({"run_id": run_id, "instance_ref": instance_ref})
        self._socket.sendall(request.encode() + b"\n")
        answer = self._reader.readline()
        if not answer:
            raise ConnectionError("the warm worker process ended")
        return int(json.loads(answer)["pid"])

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            self._reader.close()


_lock = threading.Lock()
_warm: dict[tuple[str, ...], WarmProcess] = {}


def _warm_process(preload: list[str]) -> WarmProcess:
    """Return this process's warm process; the daemon's threads have an instance each."""
    key = (str(os.getpid()), str(Path.cwd()), *preload)
    process = _warm.get(key)
    if process is None or not process.alive:
        process = _warm[key] = WarmProcess(preload)
    return process


class WarmRunLauncher(RunLauncher, ConfigurableClass):
    """The run launcher that dagster.yaml names.

    Args:
        preload: modules to import ahead of any run; one that fails to import is left to the run,
            which then reports the error as its own.
        inst_data: what Dagster needs to build the same launcher in another process.
    """

    def __init__(
        self, preload: list[str] | None = None, inst_data: ConfigurableClassData | None = None
    ) -> None:
        self._preload = list(preload or [])
        self._inst_data = inst_data
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        return {"preload": Field(Array(str), is_required=False, default_value=[])}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> WarmRunLauncher:
        return cls(preload=list(config_value.get("preload", [])), inst_data=inst_data)

    def warm(self) -> None:
        """Start the warm process now, so that the first launch finds it ready."""
        with _lock:
            _warm_process(self._preload)

    def launch_run(self, context: LaunchRunContext) -> None:
        run = context.dagster_run
        with _lock:
            process = _warm_process(self._preload)
            try:
                pid = process.launch(run.run_id, serialize_value(self._instance.get_ref()))
            except (OSError, ValueError) as error:
                # Not tried again: the request may have been obeyed, and a run must not run twice.
                process.close()
                raise DagsterLaunchFailedError(f"No worker could be started: {error}.") from error
        mark = mark_of(pid)
        if mark is not None:
            self._instance.add_run_tags(run.run_id, {PROCESS_TAG: mark.tag(run.run_id)})

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        mark = mark_in(dict(run.tags), run_id)
        if mark is None or not mark.alive:
            self._instance.report_run_canceled(run, "The run had no living process to stop.")
            return True
        try:
            os.kill(mark.pid, signal.SIGINT)
        except ProcessLookupError:
            self._instance.report_run_canceled(run, "The run had no living process to stop.")
        return True

    def join(self, timeout: int = 30) -> None:
        """Nothing to wait for: workers end by themselves."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        if process_gone(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.FAILED, "The run's process is gone.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
