"""Which models need not run: same code, same input data, promises kept, table present.

Plain Python over the dbt graph and what was recorded. A model's data version is a hash over its
code version and its parents' data versions, so it changes exactly when its content may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dataplatform.declarations.dbt_graph import DbtGraph, DbtNode
from dataplatform.keys import Relation


@dataclass(frozen=True)
class Recorded:
    """What the last materialisation of a relation left behind."""

    data_version: str | None = None
    code_version: str | None = None
    storage_id: int | None = None


@dataclass(frozen=True)
class RecordedVerdict:
    """The last verdict of one check, and what it was about."""

    passed: bool
    severity: str
    target: int | None
    rule_version: str | None


@dataclass(frozen=True)
class Expected:
    """What a check has to look like to count as kept: its rule's version."""

    rule_version: str | None


def data_version(code_version: str, parents: Mapping[Relation, str], set_aside: str = "") -> str:
    """Return the data version of a model built by this code from these inputs.

    Args:
        code_version: of the model.
        parents: the data version of each input.
        set_aside: which rows are set aside or brought back after it was built; empty for none.
    """
    lines = [code_version, *(f"{name}={parents[name]}" for name in sorted(parents))]
    text = "\n".join([*lines, set_aside] if set_aside else lines)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def expected_versions(
    graph: DbtGraph,
    building: Collection[str],
    recorded: Mapping[Relation, Recorded],
    set_aside: Mapping[Relation, str] | None = None,
) -> dict[str, str | None]:
    """Return the data version each node of ``building`` has after this step, by id.

    A node below an input whose version nobody recorded gets None: whether that input changed
    cannot be known, so the node always runs.
    """
    chosen = set(building)
    found: dict[str, str | None] = {}
    for node in graph.nodes:
        if node.id not in chosen:
            continue
        inputs: dict[Relation, str] = {}
        for parent in node.parents:
            relation = graph.relation(parent)
            known = recorded.get(relation, Recorded()).data_version
            version = found.get(parent, known)
            if version is None:
                break
            inputs[relation] = version
        complete = len(inputs) == len(node.parents)
        aside = (set_aside or {}).get(node.relation, "")
        found[node.id] = data_version(node.code_version, inputs, aside) if complete else None
    return found


def why_run(
    node: DbtNode,
    expected: str | None,
    recorded: Recorded | None,
    checks: Mapping[str, Expected],
    verdicts: Mapping[str, RecordedVerdict],
    present: bool,
) -> str | None:
    """Return why a node has to run, or None when it is unchanged.

    Args:
        node: the model, seed or snapshot.
        expected: its data version after this step, None where it cannot be known.
        recorded: what its last materialisation left behind.
        checks: the checks that judge it in this step, by name.
        verdicts: their last verdicts, by name.
        present: whether its relation exists in the warehouse.
    """
    if recorded is None or recorded.data_version is None:
        return "it was never materialised"
    if not present:
        return "its relation is missing"
    if recorded.code_version != node.code_version:
        return "its code changed"
    if expected is None:
        return "the version of an input is unknown"
    if recorded.data_version != expected:
        return "its input data changed"
    for name, check in checks.items():
        verdict = verdicts.get(name)
        if verdict is None or verdict.target != recorded.storage_id:
            return f"the rule {name} was not judged on its last materialisation"
        if verdict.rule_version != check.rule_version:
            return f"the rule {name} changed"
        if not verdict.passed and verdict.severity == "ERROR":
            return f"it broke the rule {name}"
    return None
