"""The steps that watch tables without rules, and their four checks for each table.

One step for each layer, so that raw tables are judged before the models that read them, and marts
before they are published. A table is measured once for each build of it. While a monitor learns,
its check says nothing: never a pass.
"""

# Dagster reads the annotations of a step, so they are not postponed in this module.

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AutomationCondition,
    MetadataValue,
)

from dataplatform.declarations.monitors import FILE
from dataplatform.keys import Relation, asset_key, layer_of, relation_of
from dataplatform.monitors.model import CHECKS, Finding
from dataplatform.quality.measuring import measure, repeated
from dataplatform.quality.monitoring import (
    calendar_of,
    columns_of,
    hidden,
    missed_updates,
    settings_of,
    watch,
    watched,
    with_upstream,
)
from dataplatform.resources.gates import asset_graph
from dataplatform.resources.instance import (
    GATE,
    MONITOR,
    RULE,
    SEVERITY,
    LastVerdict,
    Materialised,
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.monitor_waiting import drop, waiting
from dataplatform.resources.steps import check_step
from dataplatform.resources.warehouse.resource import WarehouseResource

if TYPE_CHECKING:
    from dataplatform.declarations.monitors import TableMonitors
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

_WORDS = {
    "usual_volume": "As many rows as this table usually has, in all and of the last day.",
    "usual_freshness": "The newest row is as young as it usually is.",
    "usual_values": "Nulls, uniqueness, distribution and categories of every column are as usual.",
    "usual_schema": "The columns and their types are those of before.",
}
_DIMENSIONS = {
    "usual_volume": "completeness",
    "usual_freshness": "timeliness",
    "usual_values": "accuracy",
    "usual_schema": "conformity",
}
#: Alarms of a table that are told in full; the rest are counted.
_TOLD = 3
#: Alarms of so many hours before count when it is asked what changed first.
_SAME_INCIDENT_HOURS = 24


def monitor_steps(project: "Project") -> list[AssetChecksDefinition]:
    """Return the steps that watch a project's tables."""
    layers: dict[str, dict[Relation, TableMonitors]] = {}
    for relation, how in watched(project).items():
        layers.setdefault(layer_of(relation), {})[relation] = how
    owners = {contract.relation: contract.owner for contract in project.contracts}
    return [_step(project, layer, tables, owners) for layer, tables in sorted(layers.items())]


def _step(
    project: "Project",
    layer: str,
    tables: Mapping[Relation, "TableMonitors"],
    owners: Mapping[Relation, str],
) -> AssetChecksDefinition:
    specs = [
        _spec(relation, name, owners.get(relation))
        for relation, how in tables.items()
        for name, kinds in CHECKS.items()
        if set(kinds) & set(how.monitors)
    ]

    def monitor(
        context: AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterable[AssetCheckResult]:
        yield from _watch(context, project, tables, warehouse.warehouse)

    return check_step(
        monitor,
        name=f"monitor_{layer}",
        checks=specs,
        description=f"What is usual for the tables of the layer {layer}, learned from history.",
    )


def _spec(relation: Relation, name: str, owner: str | None) -> AssetCheckSpec:
    metadata: dict[str, Any] = {
        GATE: True,
        MONITOR: True,
        SEVERITY: "ERROR",
        RULE: f"config/{FILE}",
        "dataplatform/engine": "monitor",
        "dataplatform/expected": _WORDS[name],
        "dataplatform/dimension": _DIMENSIONS[name],
    }
    if owner:
        metadata["dataplatform/owner"] = owner
    return AssetCheckSpec(
        name,
        asset=asset_key(relation),
        description=_WORDS[name],
        metadata=metadata,
        automation_condition=AutomationCondition.eager(),
    )


def _watch(
    context: AssetCheckExecutionContext,
    project: "Project",
    tables: Mapping[Relation, "TableMonitors"],
    warehouse: "Warehouse",
) -> Iterable[AssetCheckResult]:
    chosen = set(context.selected_asset_check_keys)
    relations = sorted({relation_of(key.asset_key) for key in chosen})
    built = {
        relation_of(key): one
        for key, one in latest_materialisations(
            context.instance, [asset_key(relation) for relation in relations]
        ).items()
    }
    verdicts = latest_verdicts(context.instance, chosen)
    found = _found(context, project, tables, warehouse, relations, built)
    for key in sorted(chosen):
        relation = relation_of(key.asset_key)
        result = _result(key, found.get(relation, ()))
        if result is not None:
            if not result.passed:
                context.log.warning(f"{relation} {key.name}: {result.description}")
            yield result
        elif key in verdicts and verdicts[key].target == _build(built.get(relation)):
            yield _again(verdicts[key])


def _found(
    context: AssetCheckExecutionContext,
    project: "Project",
    tables: Mapping[Relation, "TableMonitors"],
    warehouse: "Warehouse",
    relations: Sequence[Relation],
    built: Mapping[Relation, Materialised],
) -> dict[Relation, list[Finding]]:
    """Measure and judge the tables that were built since they were measured last."""
    found: dict[Relation, list[Finding]] = {}
    if not built:
        return found
    calendar, dialect = calendar_of(project), warehouse.dialect
    with warehouse.session(f"monitors of {len(relations)} tables") as session:
        store = MonitorStore(session, dialect)
        if not store.ready:
            store.prepare()
        known = store.builds(relations)
        fresh = [
            one
            for one in relations
            if one in built and (one not in known or known[one].build != built[one].storage_id)
        ]
        now = datetime.datetime.now(datetime.UTC)
        for relation, late in missed_updates(project, store, now).items():
            if relation in built and relation in relations and relation not in fresh:
                # One alarm for one missed update, however often it is looked for.
                since = datetime.datetime.fromtimestamp(built[relation].timestamp, datetime.UTC)
                store.raise_alarms(relation, since, [late], context.run.run_id)
                found[relation] = [late]
        if not fresh:
            return found
        columns = columns_of(session, dialect, fresh)
        taken = waiting(session, dialect, fresh)
        for relation in fresh:
            if relation not in columns:
                continue
            last = built[relation]
            at = datetime.datetime.fromtimestamp(last.timestamp, datetime.UTC)
            settings = settings_of(project, relation, tables[relation])
            try:
                figures = taken.get(relation)
                mine = figures is not None and figures.build == last.storage_id
                snapshot = repeated(
                    store, relation, known.get(relation), last.data_version,
                    columns[relation], at,
                ) or measure(
                    session, dialect, relation, columns[relation], at, settings,
                    hidden(project, relation), figures.values if figures and mine else None,
                )  # fmt: skip
            except Exception as error:
                reason = (str(error).strip().splitlines() or [repr(error)])[0]
                found[relation] = [_broken(reason)]
                continue
            # Dagster calls a code that has no version by the run.
            code = None if last.code_version == last.run_id else last.code_version
            snapshot = snapshot.made_by(context.op_execution_context.run_id, code)
            found[relation] = watch(
                store, relation, snapshot, settings, calendar, last.storage_id, last.data_version
            )
        drop(session, dialect, taken)
        found = _explained(context, store, found)
        oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(
            days=project.monitors.retention_days
        )
        store.forget(oldest)
    learning = sum(any(one.state == "learning" for one in many) for many in found.values())
    context.log.info(f"measured {len(found)} tables; the monitors of {learning} still learn")
    return found


def _explained(
    context: AssetCheckExecutionContext,
    store: MonitorStore,
    found: Mapping[Relation, list[Finding]],
) -> dict[Relation, list[Finding]]:
    """Say in each alarm which table above changed first, in this run or in the last day."""
    if not any(one.alarm for many in found.values() for one in many):
        return dict(found)
    now = datetime.datetime.now(datetime.UTC)
    since: dict[Relation, datetime.datetime] = {}
    everything: dict[Relation, list[Finding]] = {}
    for alarm in store.alarms(since=now - datetime.timedelta(hours=_SAME_INCIDENT_HOURS)):
        everything.setdefault(alarm.relation, []).append(alarm.finding)
        since[alarm.relation] = min(since.get(alarm.relation, alarm.at), alarm.at)
    graph = asset_graph(context)
    parents: dict[Relation, list[Relation]] = {}
    for key in graph.get_all_asset_keys():
        if len(key.path) == 2:
            above = [one for one in graph.get(key).parent_keys if len(one.path) == 2]
            parents[relation_of(key)] = [relation_of(one) for one in above]
    explained = with_upstream({**everything, **found}, parents, since)
    return {relation: explained[relation] for relation in found}


def _build(one: Materialised | None) -> int | None:
    return None if one is None else one.storage_id


def _broken(reason: str) -> Finding:
    """A table that could not be measured: never a pass."""
    return Finding(
        "volume", None, "error", "unusual", f"Could not be measured: {reason}", days="", score=0.0
    )


def _result(key: AssetCheckKey, findings: Sequence[Finding]) -> AssetCheckResult | None:
    """Return a check's result, or None while its monitors learn."""
    kinds = CHECKS[key.name]
    mine = [one for one in findings if one.kind in kinds]
    spoken = [one for one in mine if one.state != "learning"]
    if not spoken:
        return None
    alarms = [one for one in spoken if one.alarm]
    muted = [one for one in spoken if one.muted is not None]
    alarms.sort(key=lambda one: (one.state != "very_unusual", -one.score))
    grave = any(one.state == "very_unusual" for one in alarms)
    severity = AssetCheckSeverity.ERROR if grave else AssetCheckSeverity.WARN
    described = " ".join(one.sentence for one in alarms[:_TOLD])
    if len(alarms) > _TOLD:
        described += f" And {len(alarms) - _TOLD} more figures of this table."
    if not alarms:
        told = muted[:1] or spoken[:1]
        described = " ".join(f"{one.sentence} ({one.muted})" for one in muted) or told[0].sentence
    first = (alarms or muted or spoken)[0]
    metadata: dict[str, Any] = {
        "expected": _expected(first),
        "observed": "as usual" if first.observed is None else str(first.observed),
        SEVERITY: severity.value if alarms else "ERROR",
        GATE: grave,
        "learned_from": first.days or "history",
        "score": float(first.score),
        "alarms": MetadataValue.json([_plain(one) for one in alarms[:20]]),
    }
    if first.upstream:
        metadata["changed_first"] = first.upstream
    return AssetCheckResult(
        passed=not alarms,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=severity if alarms else AssetCheckSeverity.ERROR,
        description=described,
        metadata=metadata,
    )


def _expected(one: Finding) -> str:
    if one.low is None or one.high is None:
        return "as in the days before"
    return f"{one.low:,.6g} to {one.high:,.6g}"


def _plain(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "column": one.column,
        "metric": one.metric,
        "state": one.state,
        "low": one.low,
        "high": one.high,
        "observed": None if one.observed is None else str(one.observed),
        "score": one.score,
        "days": one.days,
        "sentence": one.sentence,
        "upstream": one.upstream,
    }


def _again(verdict: LastVerdict) -> AssetCheckResult:
    """Repeat what was said of the same build."""
    return AssetCheckResult(
        passed=verdict.passed,
        asset_key=verdict.check.asset_key,
        check_name=verdict.check.name,
        severity=AssetCheckSeverity(verdict.severity),
        description=verdict.description,
        metadata={**verdict.metadata, "dataplatform/judged_in_run": verdict.run_id},
    )
