"""A bare `dagster dev` in a folder: warm launches, killed runs, stops, a ticking clock."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from dataplatform.runtime.home import open_instance
from dataplatform.runtime.process import mark_in
from dataplatform.runtime.settings import HOME
from dataplatform_tests.runtime.dev_server import STOP, Server, prepare_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    prepare_folder(folder, "small_graph")
    (folder / "tick").touch()
    found = Server(folder)
    yield found
    found.stop()


def _status(instance: DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


@pytest.mark.prove
def test_a_bare_dagster_dev(server: Server, folder: Path, project: Any) -> None:
    server.wait_until_warm()
    with open_instance(project) as instance:
        # How soon a launch reaches its first step is measured in benchmarks/launch.py.
        run_id = server.launch("only_a")
        server.until(lambda: _status(instance, run_id) == "SUCCESS", 60)
        logs = list((folder / HOME / "compute_logs" / run_id / "compute_logs").glob("*.out"))
        assert [log.read_text() for log in logs] == ["printed by a\n"]

        # A run that is killed is noticed at once, and its slot is free for the next.
        killed = server.launch("only_slow")
        server.until((folder / "started").exists, 60)
        run = instance.get_run_by_id(killed)
        mark = mark_in(dict(run.tags), killed) if run else None
        assert mark is not None and str(mark.pid) == (folder / "started").read_text()
        os.kill(mark.pid, signal.SIGKILL)
        server.until(lambda: _status(instance, killed) == "FAILURE", 10)
        server.until(lambda: not instance.event_log_storage.get_concurrency_run_ids(), 10)

        # A run is stopped by its user.
        (folder / "started").unlink()
        stopped = server.launch("only_slow")
        server.until((folder / "started").exists, 60)
        answer = server.ask(STOP, run=stopped)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
        server.until(lambda: _status(instance, stopped) == "CANCELED", 60)

        # Changed code is what the next run runs.
        source = folder / "small_graph.py"
        source.write_text(source.read_text().replace('"rows": 3', '"rows": 4'))
        changed = server.launch("only_a")
        server.until(lambda: _status(instance, changed) == "SUCCESS", 60)
        last = instance.get_latest_materialization_event(AssetKey(["raw", "a"]))
        assert last is not None and last.run_id == changed
        assert last.asset_materialization.metadata["rows"].value == 4  # type: ignore[union-attr]

        # The daemon ticks a declared clock.
        server.until(lambda: _scheduled(instance), 90)

    workers = server.workers()
    server.stop()
    deadline = time.monotonic() + 60
    while left := [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.2)
    with open_instance(project) as instance:
        assert {killed, stopped, changed} <= {run.run_id for run in instance.get_runs()}


def _scheduled(instance: DagsterInstance) -> bool:
    return any(run.tags.get("dagster/schedule_name") == "minutely" for run in instance.get_runs())
