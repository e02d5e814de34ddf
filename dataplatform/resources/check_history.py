"""Verdicts over time, and when tables were last made: what the check report shows of the past.

Reads Dagster's records in a handful of queries, however many checks there are. What is made of
them on the page is the quality room's business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as db
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from dataplatform.keys import Relation, relation_of
from dataplatform.resources.check_records import recorded_verdicts
from dataplatform.resources.profile_metadata import PROFILE
from dataplatform.resources.table_metadata import ROW_COUNT

_WRITTEN = DagsterEventType.ASSET_MATERIALIZATION.value
_FOUND = DagsterEventType.ASSET_OBSERVATION.value


@dataclass(frozen=True)
class Evaluation:
    """One recorded verdict of one check.

    Attributes:
        timestamp: seconds since 1970.
        severity: ERROR or WARN, as recorded then.
        metadata: plain values by name (expected, observed, failing_count, sample_keys ...).
    """

    timestamp: float
    run_id: str
    passed: bool
    severity: str
    description: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class TableState:
    """What is recorded of a table's making.

    Attributes:
        materialised: when rows were last written, seconds since 1970.
        confirmed: when a run last succeeded in making it or in finding it unchanged.
        row_count: rows at the last materialisation, where it was reported.
    """

    materialised: float | None
    confirmed: float | None
    row_count: int | None


def evaluations(
    instance: DagsterInstance, limit: int = 30
) -> dict[tuple[Relation, str], list[Evaluation]]:
    """Return the last verdicts of every check that was ever evaluated, the newest first.

    Args:
        instance: whose records are read.
        limit: how many verdicts of each check.
    """
    found: dict[tuple[Relation, str], list[Evaluation]] = {}
    for entry, verdict in recorded_verdicts(instance, limit):
        if len(verdict.asset_key.path) != 2:
            continue
        found.setdefault((relation_of(verdict.asset_key), verdict.check_name), []).append(
            Evaluation(
                timestamp=entry.timestamp,
                run_id=entry.run_id,
                passed=verdict.passed,
                severity=verdict.severity.value,
                description=verdict.description or "",
                metadata=_plain(verdict.metadata),
            )
        )
    return found


@dataclass(frozen=True)
class TableChange:
    """A table was made, or found as it was.

    Attributes:
        at: seconds since 1970.
        written: whether rows were written; False when it was only found unchanged.
    """

    at: float
    run_id: str
    written: bool


def table_changes(
    instance: DagsterInstance, since: float, limit: int = 50_000
) -> dict[Relation, list[TableChange]]:
    """Return when each table was made since a moment, the oldest first, in one query.

    Args:
        instance: whose records are read.
        since: seconds since 1970.
        limit: how many of the newest records are read.
    """
    table = SqlEventLogStorageTable.c
    query = (
        db.select(table.asset_key, table.timestamp, table.run_id, table.dagster_event_type)
        .where(table.dagster_event_type.in_((_WRITTEN, _FOUND)))
        # A profile is recorded without a run, and says nothing of freshness.
        .where(db.or_(table.dagster_event_type == _WRITTEN, table.run_id != ""))
        .where(table.timestamp >= datetime.fromtimestamp(since, UTC).replace(tzinfo=None))
        .order_by(table.id.desc())
        .limit(limit)
    )
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(query).fetchall()
    found: dict[Relation, list[TableChange]] = {}
    for text, at, run_id, kind in reversed(rows):
        path = json.loads(text) if text else ()
        if len(path) == 2:
            moment = at.replace(tzinfo=UTC).timestamp()
            change = TableChange(moment, run_id, kind == _WRITTEN)
            found.setdefault(Relation(*path), []).append(change)
    return found


def table_states(instance: DagsterInstance) -> dict[Relation, TableState]:
    """Return when each known table was last made, and how many rows it then had."""
    keys = [key for key in instance.all_asset_keys() if len(key.path) == 2]
    ended: dict[str, float | None] = {}
    found: dict[Relation, TableState] = {}
    for record in instance.get_asset_records(keys) if keys else ():
        entry = record.asset_entry
        last, watched = entry.last_materialization_record, entry.last_observation_record
        run_id = entry.last_run_id
        if run_id and run_id not in ended:
            ended[run_id] = _success(instance, run_id)
        times = [
            ended.get(run_id) if run_id and last else None,
            last.timestamp if last else None,
            watched.timestamp if watched and not _is_profile(watched) else None,
        ]
        known = [time for time in times if time is not None]
        found[relation_of(entry.asset_key)] = TableState(
            materialised=last.timestamp if last else None,
            confirmed=max(known, default=None),
            row_count=_row_count(last),
        )
    return found


def _success(instance: DagsterInstance, run_id: str) -> float | None:
    record = instance.get_run_record_by_id(run_id)
    if record is None or record.dagster_run.status != DagsterRunStatus.SUCCESS:
        return None
    return record.end_time


def _is_profile(watched: Any) -> bool:
    observation = watched.event_log_entry.asset_observation
    return observation is not None and PROFILE in observation.metadata


def _row_count(last: Any) -> int | None:
    if last is None or last.asset_materialization is None:
        return None
    count = last.asset_materialization.metadata.get(ROW_COUNT)
    return None if count is None else int(count.value)


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without Dagster's wrappers."""
    found: dict[str, Any] = {}
    for name, value in metadata.items():
        inner = getattr(value, "value", value)
        if isinstance(inner, AssetKey):
            inner = inner.to_user_string()
        if not isinstance(inner, str | int | float | bool | list | dict | None):
            inner = json.loads(json.dumps(inner, default=str))
        found[name] = inner
    return found
