"""The statements that put events into the log: few for all of a batch, not several for each.

Which table an event concerns, and the transaction around a batch, are event_store.py's business;
which events come together is Dagster's, and instance.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from sqlalchemy import Executable
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

Row = dict[str, Any]
Stored = tuple[EventLogEntry, Row, int]
"""An event, its row in the log and its id there."""


def insert_events(connection: Connection, rows: Sequence[Row]) -> list[int]:
    """Insert the rows of events, in their order, and return their ids.

    Args:
        connection: within a transaction.
        rows: at least one, as Dagster's own store makes them of events.
    """
    # The first insert takes SQLite's only write lock, so that until the transaction ends nobody
    # else can use an id above the one it was given.
    result = connection.execute(SqlEventLogStorageTable.insert(), rows[0])
    assert result.inserted_primary_key is not None
    first: int = result.inserted_primary_key[0]
    rest = [{"id": first + number, **row} for number, row in enumerate(rows[1:], start=1)]
    if rest:
        connection.execute(SqlEventLogStorageTable.insert(), rest)
    return list(range(first, first + len(rows)))


def upsert_assets(connection: Connection, rows: Sequence[Row]) -> None:
    """Write what the assets' table tells of events, the later row of an asset over the earlier.

    Args:
        connection: within a transaction.
        rows: each with its `asset_key` and the columns that its event changes.
    """
    # Stock inserts, fails on nearly every event, then updates.
    for columns, alike in groupby(rows, key=tuple):
        connection.execute(_asset_upsert(columns), list(alike))


@lru_cache
def _asset_upsert(columns: tuple[str, ...]) -> Executable:
    statement = upsert(AssetKeyTable)
    changed = {name: statement.excluded[name] for name in columns if name != "asset_key"}
    return statement.on_conflict_do_update(index_elements=["asset_key"], set_=changed)


def insert_planned_checks(
    connection: Connection,
    planned: Sequence[Stored],
    moment: Callable[[EventLogEntry], Any],
) -> None:
    """Write the checks that runs intend to do.

    Args:
        connection: within a transaction.
        planned: events that announce a check.
        moment: what turns an event into the time that is stored.
    """
    rows = []
    for event, row, event_id in planned:
        data = event.get_dagster_event().asset_check_planned_data
        subset = data.partitions_subset
        partitions: list[str | None] = list(subset.get_partition_keys()) if subset else [None]
        rows += [
            {
                "asset_key": data.asset_key.to_string(),
                "check_name": data.check_name,
                "partition": partition,
                "run_id": event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": row["event"],
                "evaluation_event_timestamp": moment(event),
                "evaluation_event_storage_id": event_id,
            }
            for partition in partitions
        ]
    if rows:
        connection.execute(AssetCheckExecutionsTable.insert(), rows)
