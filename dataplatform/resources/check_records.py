"""Recorded verdicts, newest first: the one query that reads them out of Dagster's tables.

The order is that in which checks judged. Dagster's own order is that in which their runs were
planned, so that of two runs queued together the one that judged first could have the last word.
What the verdicts mean is said in ``instance`` (now) and ``check_history`` (over time).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as db
from dagster import AssetCheckEvaluation, AssetKey, DagsterInstance, EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._serdes import deserialize_value

_DONE = (
    AssetCheckExecutionRecordStatus.SUCCEEDED.value,
    AssetCheckExecutionRecordStatus.FAILED.value,
)


def recorded_verdicts(
    instance: DagsterInstance, limit: int, assets: Collection[AssetKey] | None = None
) -> Iterator[tuple[EventLogEntry, AssetCheckEvaluation]]:
    """Yield the last verdicts of each check with the events that hold them, the newest first.

    A check that is only planned, in this run or in one that died, keeps its verdicts of before.

    Args:
        instance: whose records are read.
        limit: how many verdicts of each check.
        assets: only their checks; None for all.
    """
    table = AssetCheckExecutionsTable.c
    order = table.evaluation_event_storage_id.desc()
    place = db.func.row_number().over(
        partition_by=[table.asset_key, table.check_name], order_by=order
    )
    done: db.ColumnElement[bool] = table.execution_status.in_(_DONE)
    if assets is not None:
        done = db.and_(done, table.asset_key.in_({key.to_string() for key in assets}))
    ranked = (
        db.select(table.evaluation_event, table.evaluation_event_storage_id, place.label("place"))
        .where(done)
        .subquery()
    )
    query = (
        db.select(ranked.c.evaluation_event)
        .where(ranked.c.place <= limit)
        .order_by(ranked.c.evaluation_event_storage_id.desc())
    )
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(query).fetchall()
    for (text,) in rows:
        entry = deserialize_value(text, EventLogEntry)
        if entry.dagster_event is not None:
            yield entry, entry.dagster_event.asset_check_evaluation_data
