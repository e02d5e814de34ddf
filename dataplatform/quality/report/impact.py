"""What lies around an incident: what changed upstream before it, and who reads what is downstream.

Reads the parsed dbt project and the declarations; nothing is asked of a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dataplatform.keys import CANDIDATE, CURATED, Relation
from dataplatform.quality.report.incident_words import Change, Incident, Reader
from dataplatform.quality.report.model import TableReport

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.check_history import TableChange

#: How far back a change may lie when the table was never judged before: a week, in seconds.
_LOOK_BACK = 7 * 86400.0
_UPSTREAM_TOLD = 8


@dataclass(frozen=True)
class Lineage:
    """What is made from what, and who reads it.

    Attributes:
        parents: a table to the tables it is made from.
        readers: dashboards and applications.
    """

    parents: Mapping[Relation, Sequence[Relation]]
    readers: Sequence[Reader]

    @cached_property
    def children(self) -> Mapping[Relation, list[Relation]]:
        """A table to the tables made from it."""
        found: dict[Relation, list[Relation]] = {}
        for child in sorted(self.parents):
            for parent in self.parents[child]:
                found.setdefault(parent, []).append(child)
        return found

    def above(self, relation: Relation) -> list[Relation]:
        """Return everything a table is made from, the nearest first."""
        return _reach(relation, self.parents)

    def below(self, relation: Relation) -> list[Relation]:
        """Return everything that is made from a table, the nearest first."""
        return _reach(relation, self.children)


def lineage_of(project: Project, known: Iterable[Relation]) -> Lineage:
    """Return the lineage that the dbt project tells, with what is published and exported.

    Args:
        project: whose dbt project is read; it may have none.
        known: tables that exist, for the exports among them.
    """
    if not (project.dbt / "dbt_project.yml").exists():
        return Lineage({}, ())
    from dataplatform.declarations.dbt_project import load_graph

    graph, exports = load_graph(project), set(known)
    parents: dict[Relation, tuple[Relation, ...]] = {}
    for node in graph.nodes:
        parents[node.relation] = tuple(sorted({graph.relation(one) for one in node.parents}))
        if node.relation.schema == CANDIDATE:
            published = node.relation.published
            parents[published] = (node.relation,)
            if published.curated in exports:
                parents[Relation(CURATED, published.table)] = (published,)
    readers = tuple(
        Reader(
            name=exposure.label or exposure.name,
            kind=exposure.type,
            owner=exposure.owner or "",
            url=exposure.url or "",
            reads=tuple(graph.relation(one) for one in exposure.parents),
        )
        for exposure in graph.exposures
    )
    return Lineage(parents, readers)


def with_impact(
    incidents: Sequence[Incident],
    lineage: Lineage,
    changes: Mapping[Relation, Sequence[TableChange]],
    tables: Mapping[Relation, TableReport],
) -> list[Incident]:
    """Add to each incident what changed before it, what it touches, and the runbook.

    Args:
        incidents: of every table.
        lineage: what is made from what.
        changes: when tables were made, the oldest first.
        tables: the report's tables.
    """
    by_table: dict[Relation, list[Incident]] = {}
    for incident in incidents:
        by_table.setdefault(incident.relation, []).append(incident)
    found = []
    for incident in incidents:
        below = lineage.below(incident.relation)
        touched = {incident.relation, *below}
        found.append(
            replace(
                incident,
                runbook=tables[incident.relation].runbook,
                upstream=_upstream(incident, lineage, changes, by_table),
                downstream=tuple(below),
                readers=tuple(
                    one for one in lineage.readers if touched & {*one.reads, *_published(one)}
                ),
            )
        )
    return found


def _upstream(
    incident: Incident,
    lineage: Lineage,
    changes: Mapping[Relation, Sequence[TableChange]],
    incidents: Mapping[Relation, Sequence[Incident]],
) -> tuple[Change, ...]:
    since = incident.kept_until or incident.began - _LOOK_BACK
    found = []
    # The table itself comes last: where nothing above it changed, its own rows did.
    for relation in (*lineage.above(incident.relation), incident.relation):
        own = next(
            (
                one
                for one in incidents.get(relation, ())
                if one.id != incident.id
                and one.began <= incident.began
                and (one.ended is None or one.ended > since)
            ),
            None,
        )
        fresh = [
            change
            for change in changes.get(relation, ())
            if change.written and since < change.at <= incident.began
        ]
        if own is not None:
            found.append(Change(relation, own.began, own.run_id, own.id))
        elif fresh:
            found.append(Change(relation, fresh[0].at, fresh[0].run_id))
    # What was broken upstream says more than what merely changed.
    found.sort(key=lambda change: (not change.incident, change.at))
    return tuple(found[:_UPSTREAM_TOLD])


def _published(reader: Reader) -> set[Relation]:
    return {one.published for one in reader.reads if one.schema == CANDIDATE}


def _reach(start: Relation, edges: Mapping[Relation, Sequence[Relation]]) -> list[Relation]:
    found: list[Relation] = []
    pending = [*edges.get(start, ())]
    while pending:
        relation = pending.pop(0)
        if relation not in found:
            found.append(relation)
            pending.extend(edges.get(relation, ()))
    return found
