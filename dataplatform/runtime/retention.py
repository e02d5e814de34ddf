"""Old runs and their events: which may be forgotten, and forgetting them.

What gates and versions read stays: a run that holds the last materialisation or the last verdict of
anything is kept, however old. Ticks and logs have a retention of their own (settings.py, the
bucket's lifecycle).
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

#: Runs that are asked for, and deleted, together.
_PAGE = 200


def old_runs(instance: DagsterInstance, before: datetime.datetime) -> list[str]:
    """Return the ids of the ended runs, oldest first, that nothing needs any more.

    Args:
        instance: whose runs.
        before: runs that were made earlier, with a time zone.
    """
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import FINISHED_STATUSES

    needed = _needed(instance)
    found: list[str] = []
    cursor: str | None = None
    wanted = RunsFilter(statuses=list(FINISHED_STATUSES), created_before=before)
    while page := instance.get_run_ids(wanted, cursor=cursor, limit=_PAGE):
        found += [run_id for run_id in page if run_id not in needed]
        cursor = page[-1]
    return found[::-1]


def forget(instance: DagsterInstance, run_ids: list[str]) -> None:
    """Delete runs with all their events; killed in between, it is simply asked again."""
    for run_id in run_ids:
        instance.delete_run(run_id)


def _needed(instance: DagsterInstance) -> set[str]:
    """Return the runs that hold the last word on an asset or a check."""
    from dataplatform.resources.check_records import recorded_verdicts
    from dataplatform.resources.instance import latest_materialisations

    made = latest_materialisations(instance, instance.all_asset_keys())
    verdicts = recorded_verdicts(instance, 1)
    return {one.run_id for one in made.values()} | {entry.run_id for entry, _ in verdicts}
