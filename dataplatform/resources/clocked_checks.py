"""Checks that keep a clock of their own, away from the runs that make their tables.

What such a check says of a table has nothing to do with the rows of a run: whether an account, a
grant or a budget is as declared. What is compared is the business of the rooms.
"""

from __future__ import annotations

from dagster import (
    AssetChecksDefinition,
    AssetSelection,
    DefaultScheduleStatus,
    Definitions,
    ScheduleDefinition,
    define_asset_job,
)

from dataplatform.resources.executor import EXECUTOR


def checks_by_clock(
    checks: AssetChecksDefinition,
    job: str,
    cron: str,
    *,
    job_description: str,
    clock_description: str,
) -> Definitions:
    """Return checks with the job that judges them all, and its clock, which starts switched on.

    Args:
        checks: the checks, in one step.
        job: the job's name; the clock's is made from it.
        cron: when, in UTC.
        job_description: what the job compares.
        clock_description: what the clock is good for.
    """
    judging = define_asset_job(
        job,
        selection=AssetSelection.checks(*sorted(checks.check_keys)),
        description=job_description,
        executor_def=EXECUTOR,
    )
    clock = ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=clock_description,
    )
    return Definitions(asset_checks=[checks], jobs=[judging], schedules=[clock])
