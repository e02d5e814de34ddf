"""A bare `dagster dev` in a project's folder: warm launches, killed runs, stops, a ticking clock."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance

from dataplatform.runtime.home import open_instance
from dataplatform.runtime.process import mark_in
from dataplatform.runtime.settings import HOME, instance_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PACKAGE = Path(__file__).parents[2]
LAUNCH = """
mutation($job: String!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "dataplatform", repositoryName: "__repository__",
               jobName: $job}
    mode: "default"
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
STOP = """
mutation($run: String!) {
  terminateRun(runId: $run) { __typename ... on TerminateRunFailure { message } }
}"""


class Server:
    """One `dagster dev`, and questions to it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{PACKAGE}{os.pathsep}{folder}",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        environment.pop("DAGSTER_HOME", None)
        self.log = folder / "dev.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "dagster"), "dev"]
                + ["--host", "127.0.0.1", "--port", str(self.port)],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_warm(self) -> None:
        self.until(lambda: self.up() and bool(self.workers()), 120)
        # Everything imported: the worker goes to sleep in its wait for work.
        time.sleep(6)

    def up(self) -> bool:
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=5):
                return True
        return False

    def ask(self, query: str, **variables: str) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, job: str) -> str:
        return str(self.ask(LAUNCH, job=job)["launchRun"]["run"]["runId"])

    def workers(self) -> list[int]:
        """Return the warm processes below this server."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = stat.read_bytes().split(b"\0")
                if b"dataplatform.runtime.worker" in words and self._below(int(stat.parent.name)):
                    found.append(int(stat.parent.name))
        return found

    def _below(self, pid: int) -> bool:
        while pid > 1:
            if pid == self.process.pid:
                return True
            stat = Path(f"/proc/{pid}/stat").read_text()
            pid = int(stat.rpartition(")")[2].split()[1])
        return False

    def until(self, true: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if found := true():
                    return found
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    settings = instance_settings(HOME)
    settings["run_launcher"]["config"]["preload"] = ["small_graph"]
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    (folder / "workspace.yaml").write_text(
        "load_from: [{python_module: {module_name: small_graph, attribute: defs, "
        "working_directory: ., location_name: dataplatform}}]"
    )
    (folder / "tick").touch()
    found = Server(folder)
    yield found
    found.stop()


def _status(instance: DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_a_bare_dagster_dev(server: Server, folder: Path, project: Any) -> None:
    server.wait_until_warm()
    with open_instance(project) as instance:
        # Launched through the interface, the first step runs within two seconds.
        waits = []
        for _ in range(3):
            asked = time.time()
            run_id = server.launch("only_a")
            server.until(lambda run_id=run_id: _status(instance, run_id) == "SUCCESS", 30)  # type: ignore[misc]
            (step,) = instance.get_run_step_stats(run_id)
            waits.append(step.start_time - asked)  # type: ignore[operator]
        assert min(waits) < 2, waits
        logs = list((folder / HOME / "compute_logs" / run_id / "compute_logs").glob("*.out"))
        assert [log.read_text() for log in logs] == ["printed by a\n"]

        # A run that is killed is noticed at once, and its slot is free for the next.
        killed = server.launch("only_slow")
        server.until((folder / "started").exists, 30)
        run = instance.get_run_by_id(killed)
        mark = mark_in(dict(run.tags), killed) if run else None
        assert mark is not None and str(mark.pid) == (folder / "started").read_text()
        os.kill(mark.pid, signal.SIGKILL)
        server.until(lambda: _status(instance, killed) == "FAILURE", 10)
        assert not instance.event_log_storage.get_concurrency_run_ids()

        # A run is stopped by its user.
        (folder / "started").unlink()
        stopped = server.launch("only_slow")
        server.until((folder / "started").exists, 30)
        answer = server.ask(STOP, run=stopped)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
        server.until(lambda: _status(instance, stopped) == "CANCELED", 20)

        # Changed code is what the next run runs.
        source = folder / "small_graph.py"
        source.write_text(source.read_text().replace('"rows": 3', '"rows": 4'))
        changed = server.launch("only_a")
        server.until(lambda: _status(instance, changed) == "SUCCESS", 60)
        from dagster import AssetKey

        last = instance.get_latest_materialization_event(AssetKey(["raw", "a"]))
        assert last is not None and last.run_id == changed
        assert last.asset_materialization.metadata["rows"].value == 4  # type: ignore[union-attr]

        # The daemon ticks a declared clock.
        server.until(lambda: _scheduled(instance), 90)

    workers = server.workers()
    server.stop()
    time.sleep(1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    with open_instance(project) as instance:
        assert {killed, stopped, changed} <= {run.run_id for run in instance.get_runs()}


def _scheduled(instance: DagsterInstance) -> bool:
    return any(run.tags.get("dagster/schedule_name") == "minutely" for run in instance.get_runs())
