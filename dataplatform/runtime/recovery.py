"""Runs whose process is gone: found, marked as ended, and their pool slots freed.

Dagster's default launcher leaves such a run started for ever, and with it its slots and every
condition that waits for the run. Starting the work again is not done here.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from dataplatform.declarations.environment import deployed_home
from dataplatform.runtime.process import ProcessMark, mark_in, mark_of

_UNENDED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def recover(instance: DagsterInstance, run_ids: Iterable[str] | None = None) -> list[str]:
    """Mark every run failed whose process is gone, and free the pool slots of all ended runs.

    Args:
        instance: whose runs.
        run_ids: only these; by default all that have not ended.

    Returns:
        The ids of the runs that were marked.
    """
    if deployed_home() is not None:
        # Runs live in other containers, whose process numbers say nothing here; the launchers of
        # a deployment look after their own.
        return []
    chosen = None if run_ids is None else list(run_ids)
    runs = instance.get_runs(RunsFilter(statuses=_UNENDED, run_ids=chosen))
    marked = [run.run_id for run in runs if _bury(instance, run)]
    free_slots(instance)
    return marked


def process_gone(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Return whether the process that did a run is known and gone."""
    mark = mark_in(dict(run.tags), run.run_id)
    if mark is not None:
        return not mark.alive
    return _gone_by_its_own_words(instance, run)


def free_slots(instance: DagsterInstance) -> None:
    """Free the pool slots that ended or deleted runs still hold."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    holders = storage.get_concurrency_run_ids()
    if not holders:
        return
    runs = {run.run_id: run for run in instance.get_runs(RunsFilter(run_ids=list(holders)))}
    for run_id in holders:
        run = runs.get(run_id)
        if run is None or run.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


def _bury(instance: DagsterInstance, run: DagsterRun) -> bool:
    if not process_gone(instance, run):
        return False
    # Read after the process was seen to be gone: it may have ended well between two looks.
    last = instance.get_run_by_id(run.run_id)
    if last is None or last.is_finished:
        return False
    if last.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(last, "The run's process ended while it was being canceled.")
    else:
        instance.report_run_failed(
            last, "The run's process was killed or crashed, so the run is marked failed."
        )
    return True


def _gone_by_its_own_words(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Judge a run without a mark, as Dagster's own command line makes, by the pid it logged."""
    if run.status != DagsterRunStatus.STARTED:
        return False
    records = instance.get_records_for_run(
        run.run_id, of_type=DagsterEventType.ENGINE_EVENT
    ).records
    for record in reversed(records):
        entry = record.event_log_entry
        metadata = entry.get_dagster_event().engine_event_data.metadata
        if "pid" not in metadata:
            continue
        text = str(metadata["pid"].value)
        mark = mark_of(int(text)) if text.isdigit() else None
        return mark is None or _younger(mark, entry.timestamp)
    return False


def _younger(mark: ProcessMark, moment: float) -> bool:
    """Return whether a process started after a moment: then it is another one with that number."""
    import os
    import time
    from pathlib import Path

    uptime = Path("/proc/uptime")
    if not (mark.started.isdigit() and uptime.exists()):
        return False
    boot = time.time() - float(uptime.read_text().split()[0])
    return boot + int(mark.started) / os.sysconf("SC_CLK_TCK") > moment + 2
