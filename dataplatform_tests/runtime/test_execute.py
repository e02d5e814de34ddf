"""A run in this process: how it ends, what it leaves, and how its user stops it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetKey,
    AssetSelection,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    asset,
    asset_check,
    define_asset_job,
)

from dataplatform.declarations.errors import UserError
from dataplatform.resources.gates import gate_checks
from dataplatform.resources.instance import GATE
from dataplatform.runtime.execute import execute
from dataplatform.runtime.process import PROCESS_TAG


@asset(key=["raw", "a"])
def a() -> None:
    """Nothing."""


@asset(key=["raw", "bad"], deps=[a])
def bad() -> None:
    raise ValueError("no file")


GRAPH = Definitions(
    assets=[a, bad],
    jobs=[
        define_asset_job("everything", "*", run_tags={"dataplatform/pipeline": "everything"}),
        define_asset_job("only_a", 'key:"raw/a"'),
    ],
).get_repository_def()


def test_a_good_run_is_in_the_records_as_the_interface_would_have_made_it(
    project: Any, instance: DagsterInstance
) -> None:
    events = []
    result = execute(project, job="only_a", repository=GRAPH, on_event=events.append)
    assert result.success and not result.failures
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.status == DagsterRunStatus.SUCCESS
    assert run.tags[".dagster/repository"] == "__repository__@dataplatform"
    assert run.remote_job_origin is not None
    assert run.tags[PROCESS_TAG].startswith(result.run_id)
    assert DagsterEventType.ASSET_MATERIALIZATION in {event.event_type for event in events}
    assert instance.get_latest_materialization_event(AssetKey(["raw", "a"])) is not None


def test_a_failed_run_says_why(project: Any) -> None:
    result = execute(project, repository=GRAPH)
    assert not result.success
    assert len(result.failures) == 1
    assert "raw__bad" in result.failures[0]


@pytest.mark.parametrize("selection", [None, 'key:"raw/reader"'])
def test_a_step_knows_the_checks_of_what_it_only_reads(project: Any, selection: str | None) -> None:
    seen: list[AssetCheckKey] = []

    @asset_check(asset=a, metadata={GATE: True})
    def rule() -> AssetCheckResult:
        return AssetCheckResult(passed=True)

    @asset(key=["raw", "reader"], deps=[a])
    def reader(context):  # type: ignore[no-untyped-def]  # Dagster reads the annotation
        seen.extend(gate_checks(context, [a.key]))

    graph = Definitions(assets=[a, reader], asset_checks=[rule]).get_repository_def()
    assert execute(project, selection=selection, repository=graph).success
    assert seen == [AssetCheckKey(a.key, "rule")]


def test_a_selection_is_part_of_the_job_and_does_not_claim_to_be_all_of_it(
    project: Any, instance: DagsterInstance
) -> None:
    result = execute(project, selection='key:"raw/a"', tags={"why": "test"}, repository=GRAPH)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.asset_selection == {AssetKey(["raw", "a"])}
    assert run.tags["why"] == "test"
    assert "dataplatform/pipeline" not in run.tags


def test_a_selection_leaves_out_the_checks_that_its_job_leaves_out(
    project: Any, instance: DagsterInstance
) -> None:
    judged: list[str] = []

    @asset_check(asset=a)
    def rule() -> AssetCheckResult:
        judged.append("rule")
        return AssetCheckResult(passed=True)

    @asset_check(asset=a)
    def by_its_own_clock() -> AssetCheckResult:
        judged.append("by its own clock")
        return AssetCheckResult(passed=True)

    apart = AssetSelection.checks(AssetCheckKey(a.key, "by_its_own_clock"))
    graph = Definitions(
        assets=[a],
        asset_checks=[rule, by_its_own_clock],
        jobs=[define_asset_job("everything", AssetSelection.all() - apart)],
    ).get_repository_def()
    result = execute(project, selection='key:"raw/a"', repository=graph)
    assert result.success and judged == ["rule"]
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.asset_check_selection == {AssetCheckKey(a.key, "rule")}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"job": "only_b"}, "There is no pipeline or job 'only_b'. Did you mean 'only_a'?"),
        ({"selection": "(("}, "The selection '((' cannot be read"),
        ({"selection": 'key:"raw/nothing"'}, "names nothing that can be run"),
    ],
)
def test_a_mistake_is_one_sentence(project: Any, arguments: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        execute(project, repository=GRAPH, **arguments)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_ctrl_c_cancels_the_run(
    folder: Path,
    instance: DagsterInstance,
    execute_elsewhere: Callable[[str], subprocess.Popen[str]],
) -> None:
    process = execute_elsewhere('job="only_slow"')
    _wait_for(folder / "started", process)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert "canceled=True" in (folder / "result").read_text()
    (run,) = instance.get_runs()
    assert run.status == DagsterRunStatus.CANCELED


def _wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
