"""What Dagster has recorded of runs, and when a declared clock ticks next, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dagster import DagsterInstance, RunsFilter


@dataclass(frozen=True)
class PastRun:
    """One run, as a line of a list.

    Attributes:
        status: Dagster's word in small letters, such as ``success``.
        seconds: how long it took; None while it lasts.
        parent: the run that it tries again, if any.
    """

    run_id: str
    job: str
    status: str
    began: datetime
    seconds: float | None
    parent: str | None


def last_runs(instance: DagsterInstance, limit: int, job: str | None = None) -> list[PastRun]:
    """Return the last runs, the newest first; of one job, if it is named."""
    records = instance.get_run_records(RunsFilter(job_name=job) if job else None, limit=limit)
    found = []
    for record in records:
        run = record.dagster_run
        began = record.start_time or record.create_timestamp.timestamp()
        found.append(
            PastRun(
                run_id=run.run_id,
                job=run.job_name,
                status=run.status.value.lower(),
                began=datetime.fromtimestamp(began).astimezone(),
                seconds=record.end_time - began if record.end_time else None,
                parent=run.parent_run_id,
            )
        )
    return found


def next_tick(cron: str, timezone: str) -> datetime:
    """Return when a clock ticks next, in its own time zone."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    now = datetime.now(ZoneInfo(timezone)).timestamp()
    return next(schedule_execution_time_iterator(now, cron, timezone))
