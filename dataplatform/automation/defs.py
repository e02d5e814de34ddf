"""The automation room's part of the graph: jobs, clocks, conditions, retries and notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
    Definitions,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from dataplatform.automation.conditions import (
    connected,
    gates_of,
    with_conditions,
    with_own_clock,
)
from dataplatform.automation.newsroom import Newsroom
from dataplatform.automation.notices import Cursor, deliver, gather
from dataplatform.automation.pipelines import EVERYTHING, build_jobs, build_schedules, selection_of
from dataplatform.automation.retries import build_retry_sensor
from dataplatform.resources import notifiers
from dataplatform.resources.executor import EXECUTOR

if TYPE_CHECKING:
    from dataplatform.declarations.pipeline import Pipeline
    from dataplatform.declarations.project import Project


def build_definitions(project: Project, rest: Definitions) -> Definitions:
    """Return the whole graph with its automation: what the rooms define, and when it runs.

    The result replaces ``rest``: its assets carry conditions now, so the two cannot be merged.

    Args:
        project: its pipelines and environment.
        rest: the merged definitions of all other rooms, with their resources.
    """
    found = [*(rest.assets or ()), *(rest.asset_checks or ())]
    pipelines = project.pipelines
    jobs = build_jobs(pipelines, with_own_clock(found))
    conditioned = with_conditions(found, gates_of(found), _coverage(pipelines, found))
    return Definitions(
        assets=conditioned,
        jobs=[*(rest.jobs or ()), *jobs],
        schedules=[*(rest.schedules or ()), *build_schedules(pipelines)],
        sensors=[
            *(rest.sensors or ()),
            _automation_sensor(),
            build_retry_sensor(pipelines, jobs[1:]),
            _notices_sensor(project, found),
        ],
        resources=rest.resources,
        loggers=rest.loggers,
        metadata=rest.metadata,
        # A run is one warm process; a process for each step would import everything anew.
        executor=EXECUTOR,
    )


def _coverage(
    pipelines: Sequence[Pipeline], definitions: Iterable[Any]
) -> dict[AssetKey, list[str]]:
    """Return the pipelines that make each asset whose runs are decided by conditions.

    A connection whose tables nobody reads needs none: there may be thousands of tables, and what
    stands alone changes nothing in what a selection finds among the rest.
    """
    graph = AssetGraph.from_assets(connected(definitions))
    covered: dict[AssetKey, list[str]] = {key: [EVERYTHING] for key in graph.get_all_asset_keys()}
    for pipeline in pipelines:
        for key in selection_of(pipeline).resolve(graph):
            covered[key].append(pipeline.name)
    return covered


def _automation_sensor() -> SensorDefinition:
    return AutomationConditionSensorDefinition(
        "automation",
        target=AssetSelection.all(),
        default_status=DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description=(
            "Runs what is downstream of an update that no pipeline made, such as a sync that "
            "Fivetran started itself, once the gates of all inputs have passed on that update."
        ),
        run_tags={"dataplatform/automation": "condition"},
    )


def _notices_sensor(project: Project, definitions: Iterable[Any]) -> SensorDefinition:
    owners = {
        spec.key: list(spec.owners)
        for definition in definitions
        if isinstance(definition, AssetsDefinition)
        for spec in definition.specs
    }

    @sensor(
        name="notify_failures",
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells people of failed runs and of error rules that begin to fail.",
    )
    def notify_failures(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        environment = project.environment
        cursor = Cursor.load(context.cursor, context.instance)
        newsroom = Newsroom(
            {pipeline.name: pipeline for pipeline in project.pipelines},
            owners,
            environment.dagster_url.rstrip("/"),
        )
        notices = gather(context.instance, cursor, newsroom)
        problems = deliver(
            cursor, notices, lambda notice, to: notifiers.send(environment, notice, to)
        )
        for problem in problems:
            context.log.error(problem)
        reason = _tell(len(notices), environment)
        return SensorResult(skip_reason=reason, cursor=cursor.dump())

    return notify_failures


def _tell(count: int, environment: Any) -> str:
    if not count:
        return "Nothing new has failed."
    if not notifiers.configured(environment):
        return (
            f"{count} things failed, but {environment.file} sets up neither mail nor a webhook "
            "under 'notifications', so nobody is told."
        )
    return f"{count} notices were written."
