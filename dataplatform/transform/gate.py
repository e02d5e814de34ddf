"""Which models a failed promise keeps from being built.

Plain Python over the dbt graph. Where the verdicts come from is ``resources.instance``'s business;
inside one dbt invocation dbt itself skips what is below a failed test.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dataplatform.declarations.dbt_graph import DbtGraph
from dataplatform.keys import Relation


@dataclass(frozen=True)
class LeftOut:
    """Why a model was not built."""

    relation: Relation
    upstream: Relation
    rules: tuple[str, ...]

    def sentence(self) -> str:
        """Return the reason as one sentence."""
        rules = ", ".join(self.rules)
        plural = "s" if len(self.rules) > 1 else ""
        return f"{self.relation} was left out: {self.upstream} breaks the rule{plural} {rules}."


def outside_parents(graph: DbtGraph, selected: Collection[str]) -> set[Relation]:
    """Return the relations that the selected nodes read and this step does not build."""
    chosen = set(selected)
    return {
        graph.relation(parent)
        for node in graph.nodes
        if node.id in chosen
        for parent in node.parents
        if parent not in chosen
    }


def left_out(
    graph: DbtGraph,
    selected: Collection[str],
    failed: Mapping[Relation, Sequence[str]],
) -> dict[str, LeftOut]:
    """Return the selected nodes that must not be built, by id, each with its first reason.

    Args:
        graph: the dbt graph.
        selected: ids of the nodes this step was asked to build.
        failed: names of the error rules that each relation outside this step breaks.
    """
    chosen = set(selected)
    found: dict[str, LeftOut] = {}
    for node in graph.nodes:
        if node.id not in chosen:
            continue
        for parent in node.parents:
            if parent in found:
                above = found[parent]
                found[node.id] = LeftOut(node.relation, above.upstream, above.rules)
                break
            if parent not in chosen and failed.get(graph.relation(parent)):
                upstream = graph.relation(parent)
                found[node.id] = LeftOut(node.relation, upstream, tuple(failed[upstream]))
                break
    return found
