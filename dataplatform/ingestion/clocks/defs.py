"""A job and a schedule for each connection that declares a cron.

Fivetran knows frequencies only; the connection itself is on manual, so that nobody else syncs it.
"""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    Definitions,
    ScheduleDefinition,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dataplatform.declarations.connection import Connection
from dataplatform.declarations.project import Project
from dataplatform.ingestion.drift.defs import drift_checks
from dataplatform.keys import asset_key
from dataplatform.resources.executor import EXECUTOR


def build_clocks(project: Project) -> Definitions:
    """Return the jobs and schedules of a project's connections that declare a cron."""
    clocked = [connection for connection in project.connections if connection.schedule]
    return Definitions(
        jobs=[_job(connection) for connection in clocked],
        schedules=[_schedule(connection) for connection in clocked],
    )


def job_name(connection: Connection) -> str:
    """Return the name of the job that syncs one connection."""
    return f"connection_{connection.name}"


def _job(connection: Connection) -> UnresolvedAssetJobDefinition:
    return define_asset_job(
        job_name(connection),
        selection=AssetSelection.assets(*(asset_key(one) for one in connection.relations))
        - AssetSelection.checks(*drift_checks(connection)),
        description=f"Syncs {connection.name}; declared in `{connection.file}`.",
        owners=[connection.owner],
        executor_def=EXECUTOR,
    )


def _schedule(connection: Connection) -> ScheduleDefinition:
    assert connection.schedule is not None
    return ScheduleDefinition(
        name=f"{job_name(connection)}_schedule",
        job_name=job_name(connection),
        cron_schedule=connection.schedule.cron,
        execution_timezone=connection.schedule.timezone,
        default_status=DefaultScheduleStatus.STOPPED
        if connection.paused
        else DefaultScheduleStatus.RUNNING,
        description=f"Syncs {connection.name}; declared in `{connection.file}`.",
    )
