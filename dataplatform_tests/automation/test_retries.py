"""A failed pipeline is tried again: later, once for each attempt, and only what failed of it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    Definitions,
    Failure,
    MaterializeResult,
    RunRequest,
    SkipReason,
    asset,
    asset_check,
    build_sensor_context,
    multi_asset,
)

from dataplatform.automation.pipelines import PIPELINE_TAG, build_jobs
from dataplatform.automation.retries import (
    ATTEMPT_TAG,
    WINDOW_SECONDS,
    build_retry_sensor,
    due_retries,
    what_is_left,
)
from dataplatform_tests.automation.conftest import pipeline

BROKEN: set[str] = set()
MODELS = [AssetKey(["staging", name]) for name in ("one", "two", "three", "four")]


@asset(key=["raw", "orders"])
def orders() -> None:
    if "orders" in BROKEN:
        raise Failure("the source is down")


@asset_check(asset=orders, name="fresh")
def fresh() -> AssetCheckResult:
    return AssetCheckResult(passed=True)


@multi_asset(
    specs=[AssetSpec(key, deps=[orders], skippable=True) for key in MODELS],
    check_specs=[AssetCheckSpec("rule", asset=key) for key in MODELS],
    can_subset=True,
    name="dbt_build",
)
def dbt_build(context):  # type: ignore[no-untyped-def]
    """As dbt does: go on where one model fails, and fail at the end."""
    for key in MODELS:
        if key not in context.selected_asset_keys or key.path[-1] in BROKEN:
            continue
        yield MaterializeResult(key)
        yield AssetCheckResult(
            asset_key=key,
            check_name="rule",
            passed=f"rule of {key.path[-1]}" not in BROKEN,
            severity=AssetCheckSeverity.ERROR,
        )
    if BROKEN:
        raise Failure("some models failed")


@asset(key=["marts", "sales"], deps=MODELS)
def sales() -> None:
    """Nothing."""


PIPELINES = [
    pipeline("daily"),
    pipeline("patient", retries=2, delay=30),
    pipeline("once", retries=0),
]
GRAPH = Definitions(
    assets=[orders, dbt_build, sales], asset_checks=[fresh], jobs=build_jobs(PIPELINES)
)


@pytest.fixture(autouse=True)
def _well() -> Any:
    yield
    BROKEN.clear()


def _fail(
    instance: DagsterInstance, *broken: str, job: str = "daily", **tags: str
) -> tuple[str, float]:
    """Run a pipeline in which something is broken; return the run and when it ended."""
    BROKEN.update(broken)
    run = GRAPH.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, tags={PIPELINE_TAG: job, **tags}
    )
    BROKEN.clear()
    assert not run.success
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None and record.end_time is not None
    return run.run_id, record.end_time


def _due(instance: DagsterInstance, now: float) -> list[RunRequest]:
    return due_retries(instance, PIPELINES, now, GRAPH.resolve_asset_graph())


def test_nothing_is_due_before_the_delay_and_nothing_after_the_window(
    instance: DagsterInstance,
) -> None:
    _, ended = _fail(instance, "two")
    assert _due(instance, ended + 299) == []
    assert len(_due(instance, ended + 301)) == 1
    assert len(_due(instance, ended + 300 + WINDOW_SECONDS - 60)) == 1
    assert _due(instance, ended + 300 + WINDOW_SECONDS + 60) == []


def test_a_retry_starts_from_what_failed(instance: DagsterInstance) -> None:
    run_id, ended = _fail(instance, "two", "rule of three")
    (request,) = _due(instance, ended + 301)
    # A model that was not made, a model that breaks its own rule, and what reads the step.
    assert request.asset_selection == [
        AssetKey(["marts", "sales"]),
        AssetKey(["staging", "three"]),
        AssetKey(["staging", "two"]),
    ]
    assert request.asset_check_keys == [
        AssetCheckKey(AssetKey(["staging", "three"]), "rule"),
        AssetCheckKey(AssetKey(["staging", "two"]), "rule"),
    ]
    assert request.job_name == "daily"
    assert request.run_key == f"retry-{run_id}"
    assert request.tags["dagster/parent_run_id"] == run_id
    assert request.tags["dagster/root_run_id"] == run_id
    assert request.tags[ATTEMPT_TAG] == "1"


def test_a_failed_source_takes_everything_after_it_along(instance: DagsterInstance) -> None:
    _, ended = _fail(instance, "orders")
    (request,) = _due(instance, ended + 301)
    assert set(request.asset_selection or ()) == {
        AssetKey(["raw", "orders"]),
        *MODELS,
        AssetKey(["marts", "sales"]),
    }
    assert AssetCheckKey(AssetKey(["raw", "orders"]), "fresh") in (request.asset_check_keys or ())


def test_a_pipeline_without_retries_and_a_run_of_no_pipeline_are_left(
    instance: DagsterInstance,
) -> None:
    _, ended = _fail(instance, "two", job="once")
    _fail(instance, "two", job="everything")
    assert _due(instance, ended + 3600) == []


def test_attempts_are_counted_and_end(instance: DagsterInstance) -> None:
    first, ended = _fail(instance, "two", job="patient")
    (request,) = _due(instance, ended + 1801)
    second, ended = _fail(instance, "two", job="patient", **request.tags)
    (request,) = _due(instance, ended + 1801)
    assert request.tags[ATTEMPT_TAG] == "2"
    assert request.tags["dagster/parent_run_id"] == second
    assert request.tags["dagster/root_run_id"] == first
    _, ended = _fail(instance, "two", job="patient", **request.tags)
    assert _due(instance, ended + 1801) == []


def test_who_ran_the_pipeline_since_has_taken_the_matter_over(instance: DagsterInstance) -> None:
    _, ended = _fail(instance, "two")
    GRAPH.resolve_job_def("daily").execute_in_process(
        instance=instance, tags={PIPELINE_TAG: "daily"}
    )
    assert _due(instance, ended + 301) == []


def test_the_same_retry_has_the_same_key_so_that_the_daemon_starts_it_once(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ended = _fail(instance, "two")
    retry = build_retry_sensor(PIPELINES, GRAPH.jobs[1:])  # type: ignore[index]
    definitions = Definitions(
        assets=GRAPH.assets, asset_checks=GRAPH.asset_checks, jobs=GRAPH.jobs, sensors=[retry]
    )

    def tick() -> Any:
        context = build_sensor_context(instance=instance, definitions=definitions)
        return retry(context)

    assert isinstance(tick(), SkipReason)
    monkeypatch.setattr(time, "time", lambda: ended + 301)
    keys = [[request.run_key for request in tick()] for _ in range(2)]
    assert keys[0] == keys[1] and len(keys[0]) == 1


def test_what_is_left_can_be_run_and_then_nothing_is_left(instance: DagsterInstance) -> None:
    _, ended = _fail(instance, "two", "rule of three")
    (request,) = _due(instance, ended + 301)
    run = GRAPH.resolve_job_def("daily").execute_in_process(
        instance=instance, asset_selection=list(request.asset_selection or ()), tags=request.tags
    )
    assert run.success
    made = {event.asset_key for event in run.get_asset_materialization_events()}
    assert made == set(request.asset_selection or ())
    assert what_is_left(instance, instance.get_run_by_id(run.run_id)) == (set(), set())  # type: ignore[arg-type]
