"""A table is measured, compared with its history, and what was found is kept.

Plain Python over an open session. Which tables are watched, and when, is the business of
``monitor_defs``; what is unusual is decided in ``monitors``.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.checks.dialects import dialect
from dataplatform.checks.masking import masked
from dataplatform.keys import Relation, layer_of
from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.judge import judge, missed
from dataplatform.monitors.model import Finding, History, Settings, Snapshot
from dataplatform.resources.monitor_store import MonitorStore

if TYPE_CHECKING:
    from dataplatform.declarations.monitors import TableMonitors
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse.interface import Session

#: With more raw tables than these, only those with a contract, or named in the file, are watched.
MANY_RAW_TABLES = 300


def watched(project: Project) -> dict[Relation, TableMonitors]:
    """Return the tables that are watched, and how."""
    declared = project.monitors
    contracts = {contract.relation for contract in project.contracts}
    found = {
        relation: how
        for relation in sorted(project.relations)
        if (how := declared.of(relation)) is not None
    }
    raw = [relation for relation in found if layer_of(relation) == "raw"]
    if len(raw) <= MANY_RAW_TABLES:
        return found
    return {
        relation: how
        for relation, how in found.items()
        if relation in contracts or layer_of(relation) != "raw" or declared.names(relation)
    }


def calendar_of(project: Project) -> Calendar:
    """Return the days of the project's country."""
    declared = project.monitors
    return Calendar(declared.country, declared.region, declared.timezone)


def settings_of(project: Project, relation: Relation, how: TableMonitors) -> Settings:
    """Return how a table's monitors are set."""
    declared = project.monitors
    contract = next((one for one in project.contracts if one.relation == relation), None)
    column = how.time_column or (contract.freshness_column if contract else None)
    return Settings(
        sensitivity=how.sensitivity,
        kinds=tuple(how.monitors),
        measurements=declared.measurements,
        days=declared.days,
        relearn=declared.relearn,
        fresh_column=column,
        unwatched=tuple(how.unwatched),
    )


def hidden(project: Project, relation: Relation) -> frozenset[str]:
    """Return the columns whose values must never be shown."""
    return frozenset(
        column.name
        for contract in project.contracts
        if contract.relation == relation
        for column in contract.columns
        if masked(column.classification)
    )


def columns_of(
    session: Session, dialect_name: str, relations: Collection[Relation]
) -> dict[Relation, dict[str, str]]:
    """Return the columns and types of tables, in one query; what does not exist is left out."""
    if not relations:
        return {}
    listed = dialect(dialect_name).listing("columns", {relation.schema for relation in relations})
    rows = session.execute(
        "select lower(table_schema), lower(table_name), column_name, data_type "
        f"from {listed} order by table_schema, table_name, ordinal_position"
    )
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        name = str(column).lower() if dialect_name == "snowflake" else str(column)
        found.setdefault(Relation(schema, table), {})[name] = str(kind)
    return {relation: found[relation] for relation in relations if relation in found}


def watch(
    store: MonitorStore,
    relation: Relation,
    snapshot: Snapshot,
    settings: Settings,
    calendar: Calendar,
    build: int | None = None,
    version: str | None = None,
) -> list[Finding]:
    """Compare a measurement with the table's history, and keep it with its alarms.

    Args:
        store: the monitors' memory.
        relation: the table.
        snapshot: what was measured.
        settings: how the table is watched.
        calendar: the country's days.
        build: which build of the table was measured.
        version: the version of its data, where it is known.

    Returns:
        What was found, alarms first within each kind.
    """
    since = snapshot.at - datetime.timedelta(days=settings.window_days)
    history = store.history([relation], since, snapshot.at)[relation]
    answers = store.answers([relation]).get(relation, [])
    found = judge(history, snapshot, settings, calendar, answers)
    store.write(relation, snapshot, build, version)
    store.raise_alarms(relation, snapshot.at, found, snapshot.run_id)
    return found


def missed_updates(
    project: Project,
    store: MonitorStore,
    at: datetime.datetime,
    among: Collection[Relation] | None = None,
) -> dict[Relation, Finding]:
    """Return the raw tables whose next update should have come by now, and did not.

    Args:
        project: says what is watched.
        store: the monitors' memory.
        at: the moment.
        among: of these tables; None for all.
    """
    tables = {
        one: how
        for one, how in watched(project).items()
        if layer_of(one) == "raw" and (among is None or one in among)
    }
    if not tables:
        return {}
    calendar = calendar_of(project)
    found: dict[Relation, Finding] = {}
    since = at - datetime.timedelta(days=Settings().window_days)
    answers = store.answers(list(tables))
    for relation, moments in store.moments(list(tables), since).items():
        history = History(tuple(Snapshot(moment, {}) for moment in moments))
        settings = settings_of(project, relation, tables[relation])
        late = missed(history, at, settings, calendar, answers.get(relation, ()))
        if late is not None and late.alarm:
            found[relation] = late
    return found


def with_upstream(
    findings: Mapping[Relation, Sequence[Finding]],
    parents: Mapping[Relation, Iterable[Relation]],
    since: Mapping[Relation, datetime.datetime],
) -> dict[Relation, list[Finding]]:
    """Name, in each alarm, the table above that changed first.

    Args:
        findings: alarms by table: those of this run and those of the last day.
        parents: what each table is made from.
        since: when each table's first alarm was measured.
    """
    alarmed = {table for table, found in findings.items() if any(one.alarm for one in found)}
    result: dict[Relation, list[Finding]] = {}
    for table, found in findings.items():
        first = _first_above(table, alarmed, parents, since)
        if first is None:
            result[table] = list(found)
            continue
        result[table] = [
            replace(
                one,
                upstream=str(first),
                sentence=f"{one.sentence} {first}, above it, was unusual first.",
            )
            if one.alarm
            else one
            for one in found
        ]
    return result


def _first_above(
    table: Relation,
    alarmed: Collection[Relation],
    parents: Mapping[Relation, Iterable[Relation]],
    since: Mapping[Relation, datetime.datetime],
) -> Relation | None:
    """Return the alarmed table above that has no alarmed table above itself; the earliest."""
    seen: set[Relation] = {table}
    above, waiting = [], list(parents.get(table, ()))
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in alarmed:
            above.append(one)
        waiting += parents.get(one, ())
    roots = [one for one in above if not any(p in above for p in parents.get(one, ()))]
    chosen = roots or above
    latest = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return min(chosen, key=lambda one: (since.get(one, latest), str(one)), default=None)
