"""What Dagster has recorded: versions, materialisations, verdicts, and waiting for them.

The one place that reads Dagster's records. Every question is asked for many assets at once. What
follows from an answer (what runs, what is left out) is the rooms' business.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as db
from dagster import (
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
)
from dagster._core.definitions.data_version import CODE_VERSION_TAG, DATA_VERSION_TAG
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from dataplatform.resources.check_records import recorded_verdicts
from dataplatform.resources.table_metadata import ROW_COUNT

GATE = "dataplatform/gate"
SEVERITY = "dataplatform/severity"
#: On a check that its own schedule runs, and no pipeline or condition.
OWN_CLOCK = "dataplatform/own_clock"
RULE = "dataplatform/rule"
RULE_VERSION = "dataplatform/rule_version"


@dataclass(frozen=True)
class Materialised:
    """The last materialisation of an asset."""

    storage_id: int
    run_id: str
    timestamp: float
    data_version: str | None
    code_version: str | None
    row_count: int | None
    partition: str | None


@dataclass(frozen=True)
class LastVerdict:
    """The last verdict of a check, and the materialisation it was about."""

    check: AssetCheckKey
    passed: bool
    severity: str
    run_id: str
    target: int | None
    rule_version: str | None
    description: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def latest_materialisations(
    instance: DagsterInstance, keys: Collection[AssetKey]
) -> dict[AssetKey, Materialised]:
    """Return the last materialisation of each asset that has one, in one query."""
    found: dict[AssetKey, Materialised] = {}
    if not keys:
        return found
    for record in instance.get_asset_records(list(keys)):
        last = record.asset_entry.last_materialization_record
        if last is None or last.asset_materialization is None:
            continue
        tags = last.asset_materialization.tags or {}
        count = last.asset_materialization.metadata.get(ROW_COUNT)
        found[record.asset_entry.asset_key] = Materialised(
            storage_id=last.storage_id,
            run_id=last.run_id,
            timestamp=last.timestamp,
            data_version=tags.get(DATA_VERSION_TAG),
            code_version=tags.get(CODE_VERSION_TAG),
            row_count=None if count is None else int(str(count.value)),
            partition=last.partition_key,
        )
    return found


def latest_data_version(instance: DagsterInstance, key: AssetKey) -> str | None:
    """Return the data version of an asset's last materialisation, or None."""
    last = latest_materialisations(instance, [key]).get(key)
    return last.data_version if last else None


def latest_verdicts(
    instance: DagsterInstance, checks: Collection[AssetCheckKey]
) -> dict[AssetCheckKey, LastVerdict]:
    """Return the last verdict of each check that has one."""
    wanted = set(checks)
    found: dict[AssetCheckKey, LastVerdict] = {}
    assets = {key.asset_key for key in wanted}
    for entry, evaluation in recorded_verdicts(instance, 1, assets):
        key = evaluation.asset_check_key
        if key not in wanted:
            continue
        target = evaluation.target_materialization_data
        version = evaluation.metadata.get(RULE_VERSION)
        found[key] = LastVerdict(
            check=key,
            passed=evaluation.passed,
            severity="ERROR" if evaluation.severity == AssetCheckSeverity.ERROR else "WARN",
            run_id=entry.run_id,
            target=target.storage_id if target else None,
            rule_version=None if version is None else str(version.value),
            description=evaluation.description,
            metadata=evaluation.metadata,
        )
    return found


def gate_checks(context: Any, assets: Collection[AssetKey]) -> list[AssetCheckKey]:
    """Return the checks that gate what reads these assets, as the whole graph declares them.

    A run that knows only its own job (as tests make) takes what was ever recorded instead: the
    job's part of the graph would not hold the checks of what it merely reads.

    Args:
        context: a step's context.
        assets: the assets that are read.
    """
    run = getattr(context, "op_execution_context", context)
    step = run.get_step_execution_context()
    if step._execution_data.repository_def is None:
        return _recorded_checks(context.instance, assets)
    graph = step.repository_def.asset_graph
    wanted = set(assets)
    return [
        key
        for key in graph.asset_check_keys
        if key.asset_key in wanted and graph.get_check_spec(key).metadata.get(GATE)
    ]


def _recorded_checks(
    instance: DagsterInstance, assets: Collection[AssetKey]
) -> list[AssetCheckKey]:
    table = AssetCheckExecutionsTable.c
    query = (
        db.select(table.asset_key, table.check_name)
        .where(table.asset_key.in_([key.to_string() for key in assets]))
        .distinct()
    )
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(query).fetchall()
    found = [AssetCheckKey(AssetKey(json.loads(asset)), name) for asset, name in rows]
    gates = latest_verdicts(instance, found)
    # A check that was planned and never spoke gates too: nobody knows what it would have said.
    return [key for key in found if key not in gates or gates[key].severity == "ERROR"]


def latest_blocking_verdicts(
    context: Any, assets: Collection[AssetKey]
) -> dict[AssetKey, list[LastVerdict]]:
    """Return the error rules that assets break at their last verdict, by asset.

    Args:
        context: a step's context.
        assets: what the step reads and does not build itself.
    """
    verdicts = latest_verdicts(context.instance, gate_checks(context, assets))
    return broken(verdicts)


def broken(
    verdicts: Mapping[AssetCheckKey, LastVerdict],
) -> dict[AssetKey, list[LastVerdict]]:
    """Return the verdicts that gate, by asset."""
    found: dict[AssetKey, list[LastVerdict]] = {}
    for key, verdict in verdicts.items():
        if not verdict.passed and verdict.severity == "ERROR":
            found.setdefault(key.asset_key, []).append(verdict)
    return found


def wait_for_planned_checks(
    context: Any, assets: Collection[AssetKey], timeout: float = 600.0
) -> None:
    """Wait until checks that this very run still plans on these assets have spoken.

    Only steps that run beside this one can still speak: in a run that takes its steps one by
    one there is nothing to wait for.

    Args:
        context: a step's context.
        assets: what the step reads and does not build itself.
        timeout: seconds after which the last known verdicts have to do.
    """
    if "multiprocess" not in str(context.job_def.executor_def.name):
        return
    checks = gate_checks(context, assets)
    storage = context.instance.event_log_storage
    deadline = time.monotonic() + timeout
    while checks and time.monotonic() < deadline:
        records = storage.get_latest_asset_check_execution_by_key(checks)
        checks = [
            key
            for key, record in records.items()
            if record.run_id == context.run_id
            and record.status == AssetCheckExecutionRecordStatus.PLANNED
        ]
        if checks:
            time.sleep(0.5)
