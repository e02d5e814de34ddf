"""What Dagster has recorded: versions, materialisations and verdicts.

The one place that reads Dagster's records. Every question is asked for many assets at once. Which
verdicts gate is said in ``gates``; what follows from that (what runs, what is left out) is the
rooms' business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
)
from dagster._core.definitions.data_version import CODE_VERSION_TAG, DATA_VERSION_TAG

from dataplatform.resources.check_records import recorded_verdicts
from dataplatform.resources.table_metadata import ROW_COUNT

GATE = "dataplatform/gate"
SEVERITY = "dataplatform/severity"
#: On a check that its own schedule runs, and no pipeline or condition.
OWN_CLOCK = "dataplatform/own_clock"
#: On a check that compares with history: while it has none, it says nothing and gates nothing.
MONITOR = "dataplatform/monitor"
#: On a verdict that a person accepted as it is.
ACCEPTED_BY = "dataplatform/accepted_by"
ACCEPTED_WHY = "dataplatform/accepted_why"
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
