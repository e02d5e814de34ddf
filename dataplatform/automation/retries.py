"""Failed pipelines tried again after a delay, from what failed, with no worker held meanwhile.

Dagster's own run retries know no delay, and an op's holds its worker while it waits. Here a sensor
looks at what failed, and asks for the rest once the time has come. What a run still has to do is
read from its own events.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARENT_RUN_ID_TAG,
    PARTITION_NAME_TAG,
    ROOT_RUN_ID_TAG,
)

from dataplatform.automation.pipelines import PIPELINE_TAG
from dataplatform.declarations.pipeline import Pipeline

ATTEMPT_TAG = "dataplatform/retry"
WINDOW_SECONDS = 6 * 3600
"""How long after it was due a retry still makes sense: a daemon may have been down."""

_KEPT_TAGS = (
    PIPELINE_TAG,
    PARTITION_NAME_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    ASSET_PARTITION_RANGE_END_TAG,
)


def build_retry_sensor(pipelines: Sequence[Pipeline], jobs: Sequence[Any]) -> SensorDefinition:
    """Return the sensor that tries failed pipelines again.

    Args:
        pipelines: what is declared.
        jobs: their jobs.
    """

    @sensor(
        name="delayed_retries",
        jobs=list(jobs),
        minimum_interval_seconds=15,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Runs what failed of a pipeline once more, after the pipeline's declared delay and as "
            "often as it declares. What had succeeded is not run again."
        ),
    )
    def delayed_retries(context: SensorEvaluationContext) -> list[RunRequest] | SkipReason:
        graph = context.repository_def.asset_graph if context.repository_def else None
        due = due_retries(context.instance, pipelines, time.time(), graph)
        return due or SkipReason("No failed pipeline is due for a retry.")

    return delayed_retries


def due_retries(
    instance: DagsterInstance,
    pipelines: Sequence[Pipeline],
    now: float,
    graph: BaseAssetGraph[Any] | None = None,
) -> list[RunRequest]:
    """Return the retries whose time has come; asking twice returns the same, with the same key.

    Args:
        instance: whose runs.
        pipelines: which are tried again, how often and after how long.
        now: the moment, in seconds since 1970.
        graph: knows which assets a step can only make together.
    """
    requests = []
    for pipeline in pipelines:
        if pipeline.retries.max < 1:
            continue
        delay = pipeline.retries.delay_minutes * 60
        records = instance.get_run_records(
            RunsFilter(
                job_name=pipeline.name,
                updated_after=datetime.fromtimestamp(now - delay - WINDOW_SECONDS, UTC),
            ),
            limit=100,
        )
        for record in records:
            if _due(record, records, pipeline, now - delay):
                requests.append(_request(instance, record.dagster_run, graph))
    return requests


def attempts_left(pipeline: Pipeline, run: DagsterRun) -> int:
    """Return how often a run that failed will still be tried again."""
    return max(0, pipeline.retries.max - _attempt(run))


def _attempt(run: DagsterRun) -> int:
    text = run.tags.get(ATTEMPT_TAG, "0")
    return int(text) if text.isdigit() else 0


def _due(
    record: RunRecord, others: Sequence[RunRecord], pipeline: Pipeline, latest_end: float
) -> bool:
    run = record.dagster_run
    if run.status != DagsterRunStatus.FAILURE or not attempts_left(pipeline, run):
        return False
    ended = record.end_time or record.update_timestamp.timestamp()
    if ended > latest_end:
        return False
    # Whoever ran the pipeline since, a clock, a user or this sensor, has taken the matter over.
    return not any(
        other.storage_id > record.storage_id and other.create_timestamp.timestamp() >= ended - 1
        for other in others
    )


def _request(
    instance: DagsterInstance, run: DagsterRun, graph: BaseAssetGraph[Any] | None
) -> RunRequest:
    assets, checks = what_is_left(instance, run)
    if graph is not None:
        _complete(assets, checks, graph)
    tags = {name: run.tags[name] for name in _KEPT_TAGS if name in run.tags}
    # A launch through the interface's API carries no tags of its job; the retry does.
    tags[PIPELINE_TAG] = run.job_name
    tags[PARENT_RUN_ID_TAG] = run.run_id
    tags[ROOT_RUN_ID_TAG] = run.root_run_id or run.tags.get(ROOT_RUN_ID_TAG) or run.run_id
    tags[ATTEMPT_TAG] = str(_attempt(run) + 1)
    return RunRequest(
        run_key=f"retry-{run.run_id}",
        job_name=run.job_name,
        run_config=run.run_config,
        tags=tags,
        asset_selection=sorted(assets) if assets or checks else None,
        asset_check_keys=sorted(checks) if assets or checks else None,
    )


def _complete(
    assets: set[AssetKey], checks: set[AssetCheckKey], graph: BaseAssetGraph[Any]
) -> None:
    """Drop what the graph no longer has; add what a step can only do together with the rest."""
    assets &= graph.get_all_asset_keys()
    checks &= graph.asset_check_keys
    keys: list[AssetKey | AssetCheckKey] = [*assets, *checks]
    for key in keys:
        for together in graph.get_execution_set_asset_and_check_keys(key):
            if isinstance(together, AssetKey):
                assets.add(together)
            else:
                checks.add(together)


def what_is_left(
    instance: DagsterInstance, run: DagsterRun
) -> tuple[set[AssetKey], set[AssetCheckKey]]:
    """Return the assets and checks that a run planned and did not bring to a good end.

    Done are an asset that was materialised and breaks no error rule, and all that a step did
    which succeeded. Nothing is returned for a run that planned nothing, or only failed outside
    its steps: all of it is left.
    """
    assets: set[AssetKey] = set()
    checks: set[AssetCheckKey] = set()
    made: set[AssetKey] = set()
    judged: set[AssetCheckKey] = set()
    broken: set[AssetKey] = set()
    step_of: dict[AssetKey | AssetCheckKey, str | None] = {}
    good_steps: set[str | None] = set()
    for entry in instance.all_logs(run.run_id):
        if entry.dagster_event is None:
            continue
        event, kind = entry.dagster_event, entry.dagster_event.event_type
        if kind == DagsterEventType.ASSET_MATERIALIZATION_PLANNED and event.asset_key:
            assets.add(event.asset_key)
            step_of[event.asset_key] = event.step_key
        elif kind == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            check = event.asset_check_planned_data.asset_check_key
            checks.add(check)
            step_of[check] = event.step_key
        elif kind == DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            made.add(event.asset_key)
        elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            judged.add(evaluation.asset_check_key)
            if not evaluation.passed and evaluation.severity == AssetCheckSeverity.ERROR:
                broken.add(evaluation.asset_key)
        elif kind == DagsterEventType.STEP_SUCCESS:
            good_steps.add(event.step_key)
    left = {
        key
        for key in assets
        if step_of[key] not in good_steps and (key not in made or key in broken)
    }
    left_checks = {
        check
        for check in checks
        if (check.asset_key in left and check.asset_key in assets)
        or (check not in judged and step_of[check] not in good_steps)
    }
    return left, left_checks
