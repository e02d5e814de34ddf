"""What one dbt step will do: which nodes run, which are unchanged, which are left out.

Plain Python: joins the gate and the unchanged rule. Running the plan is ``dbt_step``'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dataplatform.declarations.dbt_graph import DbtGraph
from dataplatform.keys import Relation
from dataplatform.transform.gate import LeftOut, left_out
from dataplatform.transform.unchanged import (
    Expected,
    Recorded,
    RecordedVerdict,
    expected_versions,
    why_run,
)


@dataclass(frozen=True)
class StepPlan:
    """Ids of the selected nodes, sorted by what happens to them."""

    run: dict[str, str] = field(default_factory=dict)
    unchanged: tuple[str, ...] = ()
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    code_changed: frozenset[str] = frozenset()


def plan_step(
    graph: DbtGraph,
    selected: Collection[str],
    *,
    failed: Mapping[Relation, Sequence[str]],
    recorded: Mapping[Relation, Recorded],
    checks: Mapping[Relation, Mapping[str, Expected]],
    verdicts: Mapping[Relation, Mapping[str, RecordedVerdict]],
    present: Collection[Relation],
    always: Collection[str] = (),
    set_aside: Mapping[Relation, str] | None = None,
) -> StepPlan:
    """Return the plan of a step.

    Args:
        graph: the dbt graph.
        selected: ids of the nodes the step was asked to build.
        failed: error rules that relations outside the step break.
        recorded: last materialisations of the selected nodes and of what they read.
        checks: the checks of each relation that this step evaluates.
        verdicts: the last verdicts of those checks.
        present: relations that exist in the warehouse.
        always: ids that run even when unchanged (days asked for by name).
        set_aside: which rows of a relation are set aside or brought back after it was built.
    """
    kept_out = left_out(graph, selected, failed)
    building = [node for node in graph.nodes if node.id in set(selected) - kept_out.keys()]
    versions = expected_versions(graph, [node.id for node in building], recorded, set_aside)
    run: dict[str, str] = {}
    unchanged: list[str] = []
    code_changed: set[str] = set()
    for node in building:
        last = recorded.get(node.relation)
        why = why_run(
            node,
            versions[node.id],
            last,
            checks.get(node.relation, {}),
            verdicts.get(node.relation, {}),
            node.relation in present,
        )
        if why is None and node.id in always:
            why = "it was asked for"
        # A parent that broke a rule runs again; what is below it waits for the new verdict.
        if why is None and any(
            parent in run and run[parent].startswith("it broke") for parent in node.parents
        ):
            why = "an input is judged again"
        if why is None:
            unchanged.append(node.id)
        else:
            run[node.id] = why
            if last and last.code_version and last.code_version != node.code_version:
                code_changed.add(node.id)
    return StepPlan(run, tuple(unchanged), kept_out, versions, frozenset(code_changed))
