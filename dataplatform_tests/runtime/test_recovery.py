"""Runs whose process was killed are found, marked, and let go of their slots."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter, job, op
from dagster._core.launcher.base import WorkerStatus

from dataplatform.runtime.launcher import WarmRunLauncher
from dataplatform.runtime.process import PROCESS_TAG, ProcessMark, mark_in, mark_of
from dataplatform.runtime.recovery import recover


@op
def nothing() -> None:
    """Nothing."""


@job
def empty() -> None:
    nothing()


def _run(instance: DagsterInstance, status: DagsterRunStatus, tag: str | None) -> DagsterRun:
    run = instance.create_run_for_job(empty, status=status)
    if tag is not None:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: tag.replace("RUN", run.run_id)})
    return run


def _dead() -> ProcessMark:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = mark_of(process.pid)
    assert mark is not None and mark.alive
    process.kill()
    # Not reaped yet: a zombie counts as gone.
    deadline = time.monotonic() + 60
    while mark.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not mark.alive
    process.wait()
    return mark


def test_a_number_that_another_process_took_over_is_not_the_same_process() -> None:
    mine = mark_of()
    assert mine is not None and mine.alive
    assert not ProcessMark(mine.pid, str(int(mine.started) - 1), mine.boot).alive
    assert not ProcessMark(mine.pid, mine.started, "another boot").alive


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTING, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED),
    ],
)
def test_a_dead_run_ends(
    instance: DagsterInstance, status: DagsterRunStatus, becomes: DagsterRunStatus
) -> None:
    run = _run(instance, status, _dead().tag("RUN"))
    assert recover(instance) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status == becomes  # type: ignore[union-attr]
    assert recover(instance) == []


def test_what_lives_or_waits_or_is_unknown_is_left_alone(instance: DagsterInstance) -> None:
    mine = mark_of()
    assert mine is not None
    dead = _dead()
    for status, tag in [
        (DagsterRunStatus.STARTED, mine.tag("RUN")),
        (DagsterRunStatus.STARTED, None),
        # A re-execution begins with the tags of the run it repeats.
        (DagsterRunStatus.STARTING, dead.tag("another-run")),
        (DagsterRunStatus.SUCCESS, dead.tag("RUN")),
        (DagsterRunStatus.STARTED, "nonsense"),
    ]:
        _run(instance, status, tag)
    before = {run.run_id: run.status for run in instance.get_runs()}
    assert recover(instance) == []
    assert {run.run_id: run.status for run in instance.get_runs()} == before


def test_only_the_asked_runs_are_looked_at(instance: DagsterInstance) -> None:
    mark = _dead()
    one, other = (_run(instance, DagsterRunStatus.STARTED, mark.tag("RUN")) for _ in range(2))
    assert recover(instance, [other.run_id]) == [other.run_id]
    assert instance.get_run_by_id(one.run_id).status == DagsterRunStatus.STARTED  # type: ignore[union-attr]


def test_slots_of_ended_and_deleted_runs_are_freed(instance: DagsterInstance) -> None:
    storage = instance.event_log_storage
    storage.set_concurrency_slots("warehouse", 3)
    ended = _run(instance, DagsterRunStatus.FAILURE, None)
    mine = mark_of()
    assert mine is not None
    alive = _run(instance, DagsterRunStatus.STARTED, mine.tag("RUN"))
    for run_id in (ended.run_id, alive.run_id, "deleted"):
        assert storage.claim_concurrency_slot("warehouse", run_id, "step").is_claimed
    recover(instance)
    assert storage.get_concurrency_run_ids() == {alive.run_id}


def test_the_monitor_hears_of_a_dead_worker(instance: DagsterInstance) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    dead = _run(instance, DagsterRunStatus.STARTED, _dead().tag("RUN"))
    unknown = _run(instance, DagsterRunStatus.STARTED, None)

    def status(run: DagsterRun) -> WorkerStatus:
        return launcher.check_run_worker_health(instance.get_run_by_id(run.run_id)).status  # type: ignore[arg-type]

    assert status(dead) == WorkerStatus.FAILED
    assert status(unknown) == WorkerStatus.RUNNING


def test_stopping_a_run_without_a_process_ends_it(instance: DagsterInstance) -> None:
    run = _run(instance, DagsterRunStatus.STARTED, _dead().tag("RUN"))
    assert instance.run_launcher.terminate(run.run_id)
    assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.CANCELED  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_run_killed_with_its_slot_is_recovered_by_the_next(
    folder: Path,
    instance: DagsterInstance,
    execute_elsewhere: Callable[[str], subprocess.Popen[str]],
) -> None:
    killed = execute_elsewhere('job="only_slow"')
    deadline = time.monotonic() + 60
    while not (folder / "started").exists():
        assert killed.poll() is None, killed.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert instance.event_log_storage.get_concurrency_run_ids()
    os.kill(killed.pid, 9)
    killed.wait()
    (folder / "go").touch()
    again = execute_elsewhere('job="only_slow"')
    assert again.wait(60) == 0, again.communicate()[0]
    assert "success=True" in (folder / "result").read_text()
    first = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    assert len(first) == 1
    assert mark_in(dict(first[0].tags), first[0].run_id).pid == killed.pid  # type: ignore[union-attr]
    assert not instance.event_log_storage.get_concurrency_run_ids()


@pytest.mark.slow
def test_a_run_of_dagsters_own_command_line_is_recovered_too(
    folder: Path, instance: DagsterInstance, spawn: Callable[[str], Any]
) -> None:
    process = spawn(
        "import small_graph, pathlib\n"
        "from types import SimpleNamespace\n"
        "from dataplatform.runtime.home import open_instance\n"
        "with open_instance(SimpleNamespace(state=pathlib.Path('.dataplatform'))) as instance:\n"
        "    small_graph.defs.resolve_job_def('only_slow').execute_in_process(instance=instance)\n"
    )
    deadline = time.monotonic() + 60
    while not (folder / "started").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert recover(instance) == []
    process.kill()
    process.wait()
    assert len(recover(instance)) == 1
