"""Pipelines to jobs and schedules; nothing here knows what a table is."""

from __future__ import annotations

from collections.abc import Sequence

from dagster import (
    AssetCheckKey,
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dataplatform.declarations.pipeline import Pipeline
from dataplatform.declarations.project import EVERYTHING
from dataplatform.resources.executor import EXECUTOR

PIPELINE_TAG = "dataplatform/pipeline"
"""On each run of a pipeline; the conditions know by it what the run will do."""


def build_jobs(
    pipelines: Sequence[Pipeline], apart: Sequence[AssetCheckKey] = ()
) -> list[UnresolvedAssetJobDefinition]:
    """Return one job for each pipeline, and one for the whole graph.

    Args:
        pipelines: the declared ones.
        apart: checks that a schedule of their own runs, which are in none of these jobs.
    """
    left_out = AssetSelection.checks(*apart)
    jobs = [
        define_asset_job(
            EVERYTHING,
            selection=AssetSelection.all() - left_out,
            description="Every asset and check of the platform in one run.",
            run_tags={PIPELINE_TAG: EVERYTHING},
            # One warm process does the whole run: a process for each step would import anew.
            executor_def=EXECUTOR,
        )
    ]
    return jobs + [_job(pipeline, left_out) for pipeline in pipelines]


def build_schedules(pipelines: Sequence[Pipeline]) -> list[ScheduleDefinition]:
    """Return the clocks of the pipelines that have one; each runs its whole selection as one run.

    They run from the start, in every environment: a declared clock that does not tick would be
    no promise. The user interface can stop and start each.
    """
    return [
        ScheduleDefinition(
            name=f"{pipeline.name}_schedule",
            job_name=pipeline.name,
            cron_schedule=pipeline.cron,
            execution_timezone=pipeline.timezone,
            default_status=DefaultScheduleStatus.RUNNING,
            description=f"{pipeline.description.strip()}\n\nDeclared in `{pipeline.file}`.",
            tags={PIPELINE_TAG: pipeline.name},
        )
        for pipeline in pipelines
        if pipeline.cron
    ]


def selection_of(pipeline: Pipeline) -> AssetSelection:
    """Return what a pipeline runs; where a step makes several assets or none, all of them."""
    return AssetSelection.from_string(pipeline.selection).required_multi_asset_neighbors()


def _job(pipeline: Pipeline, left_out: AssetSelection) -> UnresolvedAssetJobDefinition:
    clock = f"`{pipeline.cron}` ({pipeline.timezone})" if pipeline.cron else "none"
    retries = (
        f"{pipeline.retries.max}, each after {pipeline.retries.delay_minutes} minutes"
        if pipeline.retries.max
        else "none"
    )
    return define_asset_job(
        pipeline.name,
        selection=selection_of(pipeline) - left_out,
        description=(
            f"{pipeline.description.strip()}\n\n"
            f"- Clock: {clock}\n- Retries: {retries}\n"
            f"- Notified: {', '.join(pipeline.notify) or 'nobody'}\n"
            f"- Declared in `{pipeline.file}`"
        ),
        metadata={
            "dataplatform/file": str(pipeline.file),
            "dataplatform/selection": pipeline.selection,
        },
        owners=[pipeline.owner],
        run_tags={PIPELINE_TAG: pipeline.name},
        executor_def=EXECUTOR,
    )
