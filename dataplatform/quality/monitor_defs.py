"""The steps that watch tables without rules, and their four checks for each table.

One step for each layer, so that raw tables are judged before the models that read them, and marts
before they are published. A table is measured once for each build of it. While a monitor learns,
its check says nothing: never a pass.
"""

# Dagster reads the annotations of a step, so they are not postponed in this module.

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
)

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
from dataplatform.resources.check_results import repeated_result
from dataplatform.resources.gates import asset_graph
from dataplatform.resources.instance import (
    Materialised,
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.monitor_results import monitor_result, monitor_spec
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.monitor_waiting import drop, waiting
from dataplatform.resources.steps import check_step
from dataplatform.resources.warehouse.resource import WarehouseResource

if TYPE_CHECKING:
    from dataplatform.declarations.monitors import TableMonitors
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

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
        monitor_spec(relation, name, owners.get(relation))
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
        result = monitor_result(key, found.get(relation, ()))
        if result is not None:
            if not result.passed:
                context.log.warning(f"{relation} {key.name}: {result.description}")
            yield result
        elif key in verdicts and verdicts[key].target == _build(built.get(relation)):
            yield repeated_result(verdicts[key])


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
        still = [one for one in relations if one in built and one not in fresh]
        for relation, late in missed_updates(project, store, now, still).items():
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
