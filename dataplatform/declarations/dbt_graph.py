"""The dbt project as the platform needs it: models, tests, sources and exposures, slim and typed.

Kept as JSON. How it is read from dbt's manifest is ``dbt_manifest.py``, when it is stale
``dbt_project.py``; what Dagster makes of it is the transform room's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from dataplatform.keys import CANDIDATE, Relation


@dataclass(frozen=True)
class DbtNode:
    """A model, seed or snapshot. ``code_version`` changes when its SQL, macros or settings do."""

    id: str
    kind: str
    name: str
    schema: str
    table: str
    description: str
    owner: str | None
    tags: tuple[str, ...]
    columns: dict[str, dict[str, str]]
    materialized: str
    parents: tuple[str, ...]
    path: str
    code_version: str
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def relation(self) -> Relation:
        """The relation it builds."""
        return Relation(self.schema, self.table)

    @property
    def volatile(self) -> tuple[str, ...]:
        """Columns whose values may differ between two equal builds."""
        return tuple(self.meta.get("volatile") or ())

    @property
    def partition(self) -> dict[str, Any] | None:
        """``{"by": "day", "column": ..., "start": ...}`` of a model that is rebuilt by day."""
        if not self.meta.get("partitioned_by"):
            return None
        return {
            "by": self.meta["partitioned_by"],
            "column": self.meta["column"],
            "start": str(self.meta["start"]),
        }


@dataclass(frozen=True)
class DbtTest:
    """A data test or unit test, with the node that its verdict is about."""

    id: str
    name: str
    node: str
    touches: tuple[str, ...]
    severity: str
    description: str
    path: str
    code_version: str
    contract: bool = False
    unit: bool = False


@dataclass(frozen=True)
class DbtSource:
    """A raw table that models read."""

    id: str
    schema: str
    table: str
    description: str

    @property
    def relation(self) -> Relation:
        """The relation it reads."""
        return Relation(self.schema, self.table)


@dataclass(frozen=True)
class DbtExposure:
    """Something outside dbt that reads models."""

    name: str
    label: str
    type: str
    url: str | None
    owner: str | None
    description: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class DbtGraph:
    """Everything the platform knows of one parsed dbt project, in topological order."""

    version: str
    nodes: tuple[DbtNode, ...]
    tests: tuple[DbtTest, ...]
    sources: tuple[DbtSource, ...]
    exposures: tuple[DbtExposure, ...]

    @cached_property
    def by_id(self) -> dict[str, DbtNode]:
        """Nodes by dbt's unique id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def by_relation(self) -> dict[Relation, DbtNode]:
        """Nodes by the relation they build."""
        return {node.relation: node for node in self.nodes}

    @cached_property
    def source_by_id(self) -> dict[str, DbtSource]:
        """Sources by dbt's unique id."""
        return {source.id: source for source in self.sources}

    @cached_property
    def test_by_id(self) -> dict[str, DbtTest]:
        """Tests by dbt's unique id."""
        return {test.id: test for test in self.tests}

    @cached_property
    def tests_of(self) -> dict[str, tuple[DbtTest, ...]]:
        """Tests by the id of the node they judge."""
        found: dict[str, list[DbtTest]] = {}
        for test in self.tests:
            found.setdefault(test.node, []).append(test)
        return {node: tuple(tests) for node, tests in found.items()}

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Ids of the nodes that read a node or source."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            for parent in node.parents:
                found.setdefault(parent, []).append(node.id)
        return {parent: tuple(ids) for parent, ids in found.items()}

    def relation(self, node_id: str) -> Relation:
        """Return the relation of a node or source id."""
        if node_id in self.by_id:
            return self.by_id[node_id].relation
        return self.source_by_id[node_id].relation

    def descendants(self, ids: Iterable[str]) -> set[str]:
        """Return the ids of everything that reads these nodes or sources, however far down."""
        found: set[str] = set()
        pending = list(ids)
        while pending:
            for child in self.children.get(pending.pop(), ()):
                if child not in found:
                    found.add(child)
                    pending.append(child)
        return found

    def to_json(self) -> str:
        """Return the text that :func:`graph_from_json` reads."""
        return json.dumps(asdict(self), separators=(",", ":"), default=str)


def graph_from_json(text: str) -> DbtGraph:
    """Read a graph that :meth:`DbtGraph.to_json` wrote."""
    data = json.loads(text)

    def tuples(row: dict[str, Any], *names: str) -> dict[str, Any]:
        return {**row, **{name: tuple(row[name]) for name in names}}

    return DbtGraph(
        version=data["version"],
        nodes=tuple(DbtNode(**tuples(row, "tags", "parents")) for row in data["nodes"]),
        tests=tuple(DbtTest(**tuples(row, "touches")) for row in data["tests"]),
        sources=tuple(DbtSource(**row) for row in data["sources"]),
        exposures=tuple(DbtExposure(**tuples(row, "parents")) for row in data["exposures"]),
    )


def marts_of(graph: DbtGraph) -> tuple[DbtNode, ...]:
    """Return the nodes that are published: those that build in the schema of candidates."""
    return tuple(node for node in graph.nodes if node.schema == CANDIDATE)
