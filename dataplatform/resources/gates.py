"""Which verdicts keep what is downstream from being built, and waiting for them.

A gate is an error rule that was broken when it last spoke, in whichever run, until it passes or a
person accepts it. What is left out because of it is the rooms' business.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as db
from dagster import AssetCheckKey, AssetKey, DagsterEventType, DagsterInstance
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from dataplatform.resources.acceptance import accepted_before
from dataplatform.resources.instance import (
    GATE,
    MONITOR,
    LastVerdict,
    latest_verdicts,
)


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


def monitors_among(context: Any, checks: Collection[AssetCheckKey]) -> set[AssetCheckKey]:
    """Return the checks that compare with history, and so say nothing while it is too short.

    Args:
        context: a step's context.
        checks: some checks that gate.
    """
    graph = asset_graph(context)
    specs = graph.asset_check_keys
    return {
        key for key in checks if key in specs and graph.get_check_spec(key).metadata.get(MONITOR)
    }


def asset_graph(context: Any) -> Any:
    """Return the whole asset graph, or the job's where a run knows only its own job."""
    run = getattr(context, "op_execution_context", context)
    step = run.get_step_execution_context()
    known = step._execution_data.repository_def is not None
    return step.repository_def.asset_graph if known else step.job_def.asset_layer.asset_graph


def tables_above(context: Any, asset: AssetKey) -> set[AssetKey]:
    """Return the tables that a table is made from, however many tables lie between.

    Args:
        context: a step's context.
        asset: the table.
    """
    graph = asset_graph(context)
    known = graph.get_all_asset_keys()
    found: set[AssetKey] = set()
    waiting = [asset]
    while waiting:
        key = waiting.pop()
        if key in known:
            above = {one for one in graph.get(key).parent_keys if len(one.path) == 2} - found
            found |= above
            waiting += above
    return found - {asset}


def latest_blocking_verdicts(
    context: Any, assets: Collection[AssetKey]
) -> dict[AssetKey, list[LastVerdict]]:
    """Return the error rules that assets break at their last verdict, by asset.

    What a person accepted for the very rows that were judged again is left out.

    Args:
        context: a step's context.
        assets: what the step reads and does not build itself.
    """
    return standing(
        context.instance, latest_verdicts(context.instance, gate_checks(context, assets))
    )


def standing(
    instance: DagsterInstance, verdicts: Mapping[AssetCheckKey, LastVerdict]
) -> dict[AssetKey, list[LastVerdict]]:
    """Return the verdicts that gate and that nobody accepted, by asset."""
    found = broken(verdicts)
    if found:
        accepted = accepted_before(instance, [one for many in found.values() for one in many])
        found = {
            asset: [one for one in many if one.check not in accepted]
            for asset, many in found.items()
        }
    return {asset: many for asset, many in found.items() if many}


def broken(
    verdicts: Mapping[AssetCheckKey, LastVerdict],
) -> dict[AssetKey, list[LastVerdict]]:
    """Return the verdicts that gate, by asset; a monitor that never spoke is not among them."""
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
    one there is nothing to wait for. A step that has ended says no more, as a monitor does that
    has too little history, or a step that died.

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
        checks = _of_steps_that_run(context, checks) if checks else []
        if checks:
            time.sleep(0.5)


def _of_steps_that_run(context: Any, checks: Collection[AssetCheckKey]) -> list[AssetCheckKey]:
    """Return the checks whose step has not ended in this run."""
    ended = {
        record.event_log_entry.step_key
        for record in context.instance.get_records_for_run(
            context.run_id,
            of_type={
                DagsterEventType.STEP_SUCCESS,
                DagsterEventType.STEP_FAILURE,
                DagsterEventType.STEP_SKIPPED,
            },
        ).records
    }
    wanted = set(checks)
    silent = {
        key
        for step in context.job_def.asset_layer.data
        if str(step.node_handle) in ended
        for key in wanted & set(step.assets_def.check_keys)
    }
    return sorted(wanted - silent)
