"""Which marts of a run are published: the new ones that keep every error rule.

All tables above a mart must keep theirs too: a monitor of a staging table speaks only after dbt
has built what reads it. Nothing is published here; ``publish`` does that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster import AssetExecutionContext, AssetKey

from dataplatform.keys import CANDIDATE, Relation, relation_of
from dataplatform.resources.acceptance import accepted_before
from dataplatform.resources.gates import (
    broken,
    gate_checks,
    monitors_among,
    tables_above,
    wait_for_planned_checks,
)
from dataplatform.resources.instance import (
    LastVerdict,
    Materialised,
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.warehouse import Warehouse
from dataplatform.resources.warehouse.publication import Served
from dataplatform.resources.warehouse.publishing import Publisher
from dataplatform.resources.warehouse.version_book import held_sentence
from dataplatform.transform.publish_events import CODE


@dataclass(frozen=True)
class Ready:
    """A mart that may be published: its candidate, as it was built last, and its target."""

    candidate: Relation
    target: Relation
    built: Materialised


@dataclass
class Choice:
    """What is to become of the marts of a run.

    Attributes:
        ready: those to publish.
        unchanged: those whose candidate is served already.
        late: what is served of those whose last change was never recorded, as its process ended.
        refused: a sentence for each that must keep its rows.
    """

    ready: list[Ready] = field(default_factory=list)
    unchanged: list[Relation] = field(default_factory=list)
    late: list[Served] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def choose(context: AssetExecutionContext, warehouse: Warehouse, publisher: Publisher) -> Choice:
    """Say what is to become of each selected mart, after its gates have spoken.

    Args:
        context: the step's context.
        warehouse: where candidates and published tables are.
        publisher: knows what is served of them.
    """
    selected = sorted(context.op_execution_context.selected_asset_keys)
    candidate = {key: AssetKey([CANDIDATE, key.path[-1]]) for key in selected}
    instance = context.instance
    made_from = {source: tables_above(context, source) for source in candidate.values()}
    gating = sorted(set(candidate.values()).union(*made_from.values()))
    wait_for_planned_checks(context, gating)
    known = latest_materialisations(instance, [*selected, *candidate.values()])
    gates = gate_checks(context, gating)
    verdicts = latest_verdicts(instance, gates)
    monitors = monitors_among(context, gates)
    blocking = [one for many in broken(verdicts).values() for one in many]
    accepted = accepted_before(instance, blocking)
    stands = [one for one in blocking if one.check not in accepted]
    served = publisher.served(relation_of(key) for key in selected)
    present = warehouse.relations()
    choice = Choice()
    for key in selected:
        source, target = candidate[key], relation_of(key)
        built, last, now = known.get(source), known.get(key), served.get(target)
        # It was published or rolled back, and the process ended before it was recorded.
        late = now is not None and (last is None or last.data_version != now.data_version)
        if now is not None and late:
            choice.late.append(now)
        if now is not None and now.held and built is not None and now.held == version_of(built):
            context.log.warning(held_sentence(now))
            continue
        same = (
            built is not None
            and now is not None
            and now.present
            and now.data_version == version_of(built)
        )
        # Tables above may have got worse since: what is served already was good when it was made.
        above = [one for one in stands if one.check.asset_key in made_from[source] and not same]
        reasons = refusals(source, built, gates, verdicts, monitors, accepted, above)
        if reasons:
            kept = " and keeps its last good rows" if target in present else ""
            choice.refused.append(
                f"{target} was not published{kept}: of {relation_of(source)}, {'; '.join(reasons)}."
            )
            continue
        assert built is not None
        if relation_of(source) not in present:
            choice.refused.append(
                f"{target} was not published: {relation_of(source)} does not exist."
            )
        elif same and (last is None or last.code_version == CODE) and target in present:
            choice.unchanged.append(target)
        else:
            choice.ready.append(Ready(relation_of(source), target, built))
            if now is not None and late:
                # What is published now is told by that.
                choice.late.remove(now)
    return choice


def refusals(
    candidate: AssetKey,
    built: Materialised | None,
    gates: Sequence[Any],
    verdicts: Mapping[Any, LastVerdict],
    monitors: Collection[Any] = (),
    accepted: Collection[Any] = (),
    above: Sequence[LastVerdict] = (),
) -> list[str]:
    """Return why a candidate must not be published, in words; empty when it may.

    Args:
        candidate: its key.
        built: its last materialisation.
        gates: the checks that gate it.
        verdicts: the last verdicts of those checks.
        monitors: those of them that say nothing while they learn.
        accepted: those whose broken verdict on these very rows was accepted before.
        above: the verdicts that gate, and that nobody accepted, on the tables it is made from.
    """
    if built is None:
        return ["it was never built"]
    found = []
    for check in gates:
        if check.asset_key != candidate:
            continue
        verdict = verdicts.get(check)
        bad = verdict is not None and not verdict.passed and verdict.severity == "ERROR"
        judged = verdict is not None and verdict.target == built.storage_id
        if not judged and not (check in monitors and not bad):
            found.append(f"the rule {check.name} was not judged on it")
        elif bad and check not in accepted:
            found.append(f"it breaks the rule {check.name}")
    found += sorted(
        f"{relation_of(one.check.asset_key)}, above it, breaks the rule {one.check.name}"
        for one in above
    )
    return found


def version_of(built: Materialised) -> str:
    """Return the version of a build's data, or its place in the records where it has none."""
    return built.data_version or str(built.storage_id)
