"""What a dbt step has to say when it ends: one sentence for each thing that went wrong.

Plain Python over the dbt graph and what dbt reported.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataplatform.declarations.dbt_graph import DbtGraph
from dataplatform.transform.dbt_run import NodeDone
from dataplatform.transform.gate import LeftOut

_BAD_TEST = {"fail", "error", "runtime error"}


def sentences(
    graph: DbtGraph,
    kept_out: Mapping[str, LeftOut],
    reported: Mapping[str, NodeDone],
    broken_rules: Mapping[str, list[str]],
) -> list[str]:
    """Return what went wrong, causes before what they kept from running.

    Args:
        graph: the dbt graph.
        kept_out: nodes that the gate left out.
        reported: what dbt reported, by id.
        broken_rules: sentences on the error rules that each node breaks, by node id.
    """
    found = [kept_out[node.id].sentence() for node in graph.nodes if node.id in kept_out]
    failed: dict[str, str] = {}
    for node in graph.nodes:
        done = reported.get(node.id)
        if done is not None and done.status == "error":
            failed[node.id] = str(node.relation)
            found.append(f"{node.relation} failed: {done.message.rstrip('.')}.")
        if broken_rules.get(node.id):
            failed[node.id] = str(node.relation)
            found.extend(f"{node.relation}: {text}" for text in broken_rules[node.id])
    for node in graph.nodes:
        done = reported.get(node.id)
        if done is not None and done.status == "skipped":
            cause = _cause(graph, node.id, failed)
            found.append(f"{node.relation} was left out{cause}.")
    return found


def is_bad(done: NodeDone) -> bool:
    """Return whether a test's report is a failure with the severity of an error."""
    return done.status in _BAD_TEST


def _cause(graph: DbtGraph, node_id: str, failed: Mapping[str, str]) -> str:
    """Name the closest input that failed."""
    pending = list(graph.by_id[node_id].parents)
    seen: set[str] = set()
    while pending:
        parent = pending.pop(0)
        if parent in failed:
            return f", because {failed[parent]} failed"
        if parent not in seen and parent in graph.by_id:
            seen.add(parent)
            pending.extend(graph.by_id[parent].parents)
    return ", because an input failed"
