"""Who reads a table that differs: tables below it, the lake's files, and what dbt calls exposures.

The more read it, the more important a table is, and the earlier it is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.declarations.dbt_project import load_graph
from dataplatform.diff.found import TableDiff
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation

if TYPE_CHECKING:
    from dataplatform.declarations.dbt_graph import DbtGraph
    from dataplatform.declarations.project import Project

#: What a table is worth by itself, by its schema: consumers read marts.
_LAYERS = {PUBLISHED: 1000, "intermediate": 10, "snapshots": 10, "staging": 5}
_EXPOSURE, _TABLE = 100, 1


def with_readers(project: Project, tables: Iterable[TableDiff]) -> list[TableDiff]:
    """Return tables with who reads them; what differs first, the most important of it first.

    Args:
        project: whose models and exposures are meant.
        tables: what was compared.
    """
    graph = load_graph(project)
    found = []
    for one in tables:
        assets, exposures = _readers(graph, one.table)
        weight = _LAYERS.get(one.table.schema, 0)
        weight += _EXPOSURE * len(exposures) + _TABLE * len(assets)
        found.append(replace(one, assets=assets, exposures=exposures, importance=weight))
    return sorted(found, key=lambda one: (not one.differs, -one.importance, str(one.table)))


def _readers(graph: DbtGraph, table: Relation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    is_mart = table.schema == PUBLISHED
    built = Relation(CANDIDATE, table.table) if is_mart else table
    start = [node.id for node in graph.nodes if node.relation == built]
    start += [source.id for source in graph.sources if source.relation == table]
    below = graph.descendants(start)
    reached = {*start, *below}
    nodes = [node for node in graph.nodes if node.id in below]
    marts = {node.table for node in nodes if node.schema == CANDIDATE}
    assets = {str(node.relation) for node in nodes if node.schema != CANDIDATE}
    assets |= {str(Relation(PUBLISHED, name)) for name in marts}
    assets |= {str(Relation(CANDIDATE, name).curated) for name in marts}
    if is_mart and start:
        assets.add(str(table.curated))
    exposures = (
        one.label or one.name for one in graph.exposures if reached.intersection(one.parents)
    )
    return tuple(sorted(assets)), tuple(sorted(exposures))
