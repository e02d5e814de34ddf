"""One run in this process, on the project's lasting records: what `dataplatform run` does.

It makes the run, does it and tells what happened. What is in the graph, and how progress is
shown, is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.runtime.home import open_instance
from dataplatform.runtime.part import assets_of, checks_of, job_of, part_of
from dataplatform.runtime.preload import Preload
from dataplatform.runtime.process import PROCESS_TAG, mark_of
from dataplatform.runtime.recovery import recover

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterEvent, DagsterInstance, DagsterRun, JobDefinition
    from dagster._core.definitions.repository_definition import RepositoryDefinition
    from dagster._utils.error import SerializableErrorInfo

    from dataplatform.declarations.project import Project

# Every event would go to the terminal too, across the progress that the caller shows there.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

LOCATION = "dataplatform"
MODULE = "dataplatform.definitions"


@dataclass
class RunResult:
    """How a run ended.

    Attributes:
        run_id: Dagster's id of the run.
        success: whether every step succeeded.
        canceled: whether the user stopped it.
        failures: one text for each failed step, the first failure first.
        recovered: runs that were found dead, and marked, before this one began.
    """

    run_id: str
    success: bool = False
    canceled: bool = False
    failures: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)


def execute(
    project: Project,
    *,
    selection: str | None = None,
    job: str | None = None,
    tags: Mapping[str, str] | None = None,
    on_event: Callable[[DagsterEvent], None] | None = None,
    partitions: tuple[str, str] | None = None,
    repository: RepositoryDefinition | None = None,
    instance: DagsterInstance | None = None,
) -> RunResult:
    """Do one run here and now and return how it ended.

    Args:
        project: whose records hold the run.
        selection: what to run, in Dagster's asset selection language; with a job, of that job.
        job: the job to run; by default `everything`, or all assets where no such job is.
        tags: further tags of the run.
        on_event: called with every Dagster event as it happens.
        partitions: first and last partition, both included, for a backfill in one run.
        repository: the graph; by default that of ``dataplatform.definitions``.
        instance: the records; by default those of the project.

    Raises:
        UserError: the job or the selection names nothing.
    """
    graph = repository or load_repository()
    target = job_of(graph, job)
    chosen = assets_of(target, graph, selection) if selection else None
    # Who lends an instance goes on using it.
    with nullcontext(instance) if instance else open_instance(project) as records:
        recovered = recover(records)
        run = _create_run(records, graph, target, chosen, dict(tags or {}), partitions)
        result = RunResult(run.run_id, recovered=recovered)
        _do(records, graph, target, chosen, run, result, on_event or (lambda _event: None))
        return result


def load_repository() -> RepositoryDefinition:
    """Return the platform's graph."""
    from importlib import import_module

    return import_module(MODULE).defs.get_repository_def()


def _create_run(
    instance: DagsterInstance,
    graph: RepositoryDefinition,
    job: JobDefinition,
    chosen: set[AssetKey] | None,
    tags: dict[str, str],
    partitions: tuple[str, str] | None,
) -> DagsterRun:
    from dagster._core.execution.api import create_execution_plan
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.snap import snapshot_from_execution_plan
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
        REPOSITORY_LABEL_TAG,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import make_new_run_id

    run_id = make_new_run_id()
    if partitions:
        tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG] = partitions
    mark = mark_of()
    if mark is not None:
        tags[PROCESS_TAG] = mark.tag(run_id)
    # The user interface knows by these that the run belongs to the job it shows.
    tags[REPOSITORY_LABEL_TAG] = f"{graph.name}@{LOCATION}"
    origin = RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(
            LoadableTargetOrigin(module_name=MODULE, attribute="defs", working_directory="."),
            location_name=LOCATION,
        ),
        graph.name,
    ).get_job_origin(job.name)
    subset = part_of(job, chosen)
    if chosen is None:
        # They say what a whole run of the job will do, which a part of it will not.
        tags = {**job.run_tags, **tags}
    plan = create_execution_plan(job=subset, run_config=_QUIET, tags=tags)
    snapshot = snapshot_from_execution_plan(plan, subset.get_job_snapshot_id())
    # Dagster's own `create_run_for_job` takes no checks, and would choose all of the assets'.
    return instance.create_run(
        job_name=subset.name,
        run_id=run_id,
        run_config=_QUIET,
        status=None,
        tags=tags,
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=plan.step_keys_to_execute,
        execution_plan_snapshot=snapshot,
        job_snapshot=subset.get_job_snapshot(),
        parent_job_snapshot=subset.get_parent_job_snapshot(),
        asset_selection=frozenset(chosen) if chosen is not None else None,
        asset_check_selection=checks_of(job, chosen) if chosen is not None else None,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=origin,
        job_code_origin=None,
        asset_graph=subset.asset_layer.asset_graph,
    )


def _do(
    instance: DagsterInstance,
    graph: RepositoryDefinition,
    job: JobDefinition,
    chosen: set[AssetKey] | None,
    run: DagsterRun,
    result: RunResult,
    on_event: Callable[[DagsterEvent], None],
) -> None:
    from dagster import DagsterRunStatus
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run_iterator

    class JobOfGraph(InMemoryJob):
        """A job that knows the whole graph: gates read the checks of what a run only reads."""

        def get_repository_definition(self) -> RepositoryDefinition:
            return graph

        def get_subset(self, **selected: Any) -> JobOfGraph:
            return JobOfGraph(super().get_subset(**selected).get_definition())

    subset = part_of(job, chosen)
    needs = _needs(subset)
    preload = Preload(dict.fromkeys(needs.values()))
    try:
        for event in execute_run_iterator(JobOfGraph(subset), run, instance):
            if _interrupted(event):
                # Said before the iterator goes on: else Dagster takes the end for a failure.
                instance.report_run_canceling(run, "The run was stopped by its user.")
            _note(event, result)
            on_event(event)
            if event.is_step_start and event.step_key in needs:
                # The step's own code runs when the iterator goes on.
                preload.wait(needs[event.step_key])
    except KeyboardInterrupt:
        result.canceled = True
    finally:
        ended = instance.get_run_by_id(run.run_id)
        if ended is not None and not ended.is_finished:
            if result.canceled:
                instance.report_run_canceled(ended, "The run was stopped by its user.")
            else:
                instance.report_run_failed(ended, "The run ended without saying why.")
    ended = instance.get_run_by_id(run.run_id)
    result.success = ended is not None and ended.is_success
    result.canceled = ended is not None and ended.status == DagsterRunStatus.CANCELED


def _needs(job: JobDefinition) -> dict[str, str]:
    """Return the slow module that a step needs, by the step's key, upstream steps first."""
    from dataplatform.resources.executor import NEEDS

    ordered = job.graph.nodes_in_topological_order
    return {
        node.name: node.definition.tags[NEEDS] for node in ordered if NEEDS in node.definition.tags
    }


def _interrupted(event: DagsterEvent) -> bool:
    from dagster._core.execution.plan.objects import ErrorSource

    return event.is_step_failure and (event.step_failure_data.error_source == ErrorSource.INTERRUPT)


def _cause(error: SerializableErrorInfo | None) -> str:
    """Return what went wrong at the bottom, without Dagster's own words around it."""
    if error is None:
        return "failed"
    while error.cause is not None:
        error = error.cause
    # A user's mistake is its sentence alone; of anything else the kind helps.
    return error.message.strip().removeprefix("dataplatform.declarations.errors.UserError: ")


def _note(event: DagsterEvent, result: RunResult) -> None:
    """Keep what the closing lines of a run need of an event."""
    from dagster import DagsterEventType

    if event.is_step_failure and not _interrupted(event):
        data = event.step_failure_data
        error = data.user_failure_data.description if data.user_failure_data else None
        result.failures.append(f"{event.step_key}: {error or _cause(data.error)}")
    elif event.event_type == DagsterEventType.RUN_FAILURE and not result.failures:
        failure = event.job_failure_data
        message = failure.error.message.strip() if failure and failure.error else event.message
        result.failures.append(message or "The run failed.")
