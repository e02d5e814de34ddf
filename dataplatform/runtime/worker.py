"""The warm process: imports everything once, then forks a worker for every run it is asked for.

It opens no database and starts no thread, so that its forks are clean. It loads itself anew when
a declared file or the code changes, and ends, with its workers, when the other end of its socket
closes. Started by launcher.py: ``python -m dataplatform.runtime.worker FD MODULE...``
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from types import ModuleType
from typing import NoReturn

from dataplatform.collector import keep_for_good
from dataplatform.runtime.watch import Watch

# What every run needs, beside its own code.
_ALWAYS = (
    "dagster",
    "dagster._core.definitions.external_asset",
    "dagster._core.definitions.repository_definition.repository_data_builder",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.instance.runs.run_domain",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.legacy_storage",
    "dagster._core.storage.root",
    "dagster._core.system_config.composite_descent",
    "fsspec.implementations.local",
    "upath.implementations.local",
    "dataplatform.runtime.compute_logs",
    "dataplatform.runtime.event_store",
    "dataplatform.runtime.launcher",
    "dataplatform.runtime.queue",
    "dataplatform.runtime.records",
    "dataplatform.runtime.worker_run",
)
# What the process hands to itself when it starts afresh.
_CHILDREN = "DATAPLATFORM_WORKER_CHILDREN"
_PENDING = "DATAPLATFORM_WORKER_PENDING"
_GRACE_SECONDS = 15.0
_LOOK_SECONDS = 1.0


class Warm:
    """The state of the warm process: its socket, its running workers, and what it has loaded."""

    def __init__(self, fd: int, preload: list[str]) -> None:
        self.fd = fd
        self.preload = preload
        self.socket = socket.socket(fileno=fd)
        self.children: dict[int, dict[str, str]] = {
            int(pid): request
            for pid, request in json.loads(os.environ.pop(_CHILDREN, "{}")).items()
        }
        self.watch = Watch()
        self.pending = os.environ.pop(_PENDING, "").encode()

    def load(self) -> None:
        for name in (*_ALWAYS, *self.preload):
            try:
                _resolve_jobs(importlib.import_module(name))
            except Exception:
                # The run that needs the module reports this as its own failure.
                traceback.print_exc(limit=1)
        self.watch.start()
        # What is never collected is never written to: forks share it instead of copying it.
        keep_for_good(only_alive=True)

    def serve(self) -> None:
        # Where children end while this waits, the signal wakes the wait.
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self.obey()
        while True:
            ready, _, _ = select.select([self.socket, wake_read], [], [], _LOOK_SECONDS)
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
            self.reap()
            if self.socket in ready and not self.receive():
                break
            if self.watch.changed():
                self.load_anew()
            self.obey()
        self.end_children()

    def obey(self) -> None:
        while b"\n" in self.pending:
            line, _, self.pending = self.pending.partition(b"\n")
            self.start(json.loads(line))

    def receive(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.pending += data
        return bool(data)

    def start(self, request: dict[str, str]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_worker(request)
        self.children[pid] = request
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps({"pid": pid}).encode() + b"\n")

    def _become_worker(self, request: dict[str, str]) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.socket.close()
            from dataplatform.runtime.worker_run import do_run

            do_run(request["run_id"], request["instance_ref"])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def reap(self) -> None:
        for pid in list(self.children):
            with contextlib.suppress(ChildProcessError):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended == 0:
                    continue
                request = self.children.pop(pid)
                if os.waitstatus_to_exitcode(status) != 0:
                    self.report_death(request)
                continue
            self.children.pop(pid, None)

    def report_death(self, request: dict[str, str]) -> None:
        """Have a killed run marked at once, by a fork: this process must not open a database."""
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                self.socket.close()
                from dataplatform.runtime.worker_run import report_dead

                report_dead(request["run_id"], request["instance_ref"])
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)

    def load_anew(self) -> None:
        """Start this program afresh in the same process: children and socket are kept."""
        self.watch.settle()
        os.environ[_CHILDREN] = json.dumps(self.children)
        os.set_inheritable(self.fd, True)
        os.environ[_PENDING] = self.pending.decode()
        os.execv(
            sys.executable,
            [sys.executable, "-m", "dataplatform.runtime.worker", str(self.fd), *self.preload],
        )

    def end_children(self) -> None:
        """Ask the workers to stop as a user's Ctrl-C would, and insist after a while."""
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.children and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.1)
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 2
        while self.children and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.05)


def _resolve_jobs(module: ModuleType) -> None:
    """Have the graph that a module defines, if it does, build its jobs ahead of their runs."""
    from dagster import Definitions

    definitions = getattr(module, "defs", None)
    if isinstance(definitions, Definitions):
        definitions.get_repository_def().get_all_jobs()


if __name__ == "__main__":
    warm = Warm(int(sys.argv[1]), sys.argv[2:])
    warm.load()
    warm.serve()
