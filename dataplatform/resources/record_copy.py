"""The last state of every asset and check, told to another instance of Dagster.

Whatever keeps the records: what is asked and told goes through Dagster's own interface. History
stays behind; what a run asks for, so that it builds only what changed, comes along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster_shared.record import replace

from dataplatform.resources.check_records import recorded_verdicts

if TYPE_CHECKING:
    from collections.abc import Collection

    from dagster import AssetKey, DagsterInstance


def copy_last(source: DagsterInstance, target: DagsterInstance) -> int:
    """Tell an instance the last materialisation of each asset and the last verdict of each check.

    A verdict that was about an asset's last materialisation is about it there as well.

    Args:
        source: what is asked.
        target: what is told; it knows nothing yet.

    Returns:
        How many assets were told of.
    """
    known = _last(source, source.all_asset_keys())
    for record in known.values():
        target.report_runless_asset_event(record.asset_materialization)
    told = _last(target, list(known))
    for _, verdict in recorded_verdicts(source, 1, set(known)):
        about = verdict.target_materialization_data
        of = known[verdict.asset_check_key.asset_key]
        if about is not None:
            there = told[verdict.asset_check_key.asset_key]
            same = about.storage_id == of.storage_id
            # What was about an older build is about none that is known there.
            about = (
                replace(
                    about,
                    storage_id=there.storage_id,
                    run_id=there.run_id,
                    timestamp=there.timestamp,
                )
                if same
                else None
            )
        target.report_runless_asset_event(replace(verdict, target_materialization_data=about))
    return len(known)


def _last(instance: DagsterInstance, keys: Collection[AssetKey]) -> dict[AssetKey, Any]:
    records = instance.get_asset_records(list(keys)) if keys else []
    return {
        record.asset_entry.asset_key: last
        for record in records
        if (last := record.asset_entry.last_materialization_record) is not None
    }
