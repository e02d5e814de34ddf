"""From candidates to what consumers read: one step, all good marts of a run together.

A mart is published when its candidate is new, and keeps every error rule as all tables above it do:
a monitor of a staging table speaks only after dbt has built what reads it. One that breaks a rule
stays as it was, with its last good rows, and the step says so at its end; so does one that a person
rolled back, until its candidate changes. How tables are published is the warehouse's business.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    Failure,
    FreshnessPolicy,
    multi_asset,
)

from dataplatform.declarations.dbt_graph import DbtNode
from dataplatform.declarations.errors import UserError
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, asset_key, relation_of
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
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse.publication import Note, Protect, Publication
from dataplatform.resources.warehouse.version_book import held_sentence
from dataplatform.transform.publish_events import CODE, served_event
from dataplatform.transform.publish_settings import keep_of
from dataplatform.transform.records import let_downstream_go_on, record, version_tags
from dataplatform.transform.translator import owners


def publish_assets(
    marts: Sequence[DbtNode],
    warehouse: str,
    freshness: Mapping[Relation, FreshnessPolicy | None],
    kept: Mapping[Relation, int],
    protector: Callable[[Relation], Protect],
) -> AssetsDefinition:
    """Return the step that publishes marts.

    Args:
        marts: the nodes that build candidates.
        warehouse: the warehouse's type, shown as a kind.
        freshness: the policy that each candidate's contract promises.
        kept: how many versions are kept of a table, where that is declared.
        protector: says how a table is protected from its readers.
    """
    specs = [
        AssetSpec(
            key=asset_key(node.relation.published),
            deps=[asset_key(node.relation)],
            description=node.description or None,
            group_name=PUBLISHED,
            owners=owners(node.owner),
            tags={"layer": PUBLISHED},
            kinds={warehouse, "table"},
            code_version=CODE,
            metadata={"dagster/table_name": str(node.relation.published)},
            skippable=True,
            freshness_policy=freshness.get(node.relation),
        )
        for node in marts
    ]

    described = {
        asset_key(node.relation.published): {
            name: column["description"]
            for name, column in node.columns.items()
            if column["description"]
        }
        for node in marts
    }

    @multi_asset(
        name="publish_marts",
        specs=specs,
        can_subset=True,
        required_resource_keys={"warehouse"},
        pool="warehouse",
    )
    def publish_marts(context: AssetExecutionContext) -> Iterator[Any]:
        yield from publish(
            context, context.resources.warehouse.warehouse, described, kept, protector
        )

    return publish_marts


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


def publish(
    context: AssetExecutionContext,
    warehouse: Any,
    described: Mapping[AssetKey, Mapping[str, str]],
    kept_of: Mapping[Relation, int],
    protector: Callable[[Relation], Protect],
) -> Iterator[Any]:
    """Publish the selected marts.

    Args:
        context: the step's context.
        warehouse: where candidates are copied from and to.
        described: what each column of a mart means, shown with the published table.
        kept_of: how many versions are kept of a table, where that is declared.
        protector: says how a table is protected from its readers.

    Raises:
        Failure: a mart kept its last rows because its candidate breaks a rule or could not be
            copied; a sentence for each.
    """
    selected = sorted(context.op_execution_context.selected_asset_keys)
    step = context.op_execution_context.get_step_execution_context()
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
    publisher = warehouse.published
    for sentence in publisher.repair(force=False):
        context.log.warning(sentence)
    served = publisher.served(relation_of(key) for key in selected)
    present = warehouse.relations()
    wrong: list[str] = []
    unchanged: list[AssetKey] = []
    group: list[AssetKey] = []
    late: list[AssetKey] = []
    for key in selected:
        source, target = candidate[key], relation_of(key)
        built, last, now = known.get(source), known.get(key), served.get(target)
        if now is not None and (last is None or last.data_version != now.data_version):
            # It was published or rolled back, and the process ended before it was recorded.
            late.append(key)
        if now is not None and now.held and built is not None and now.held == _version(built):
            context.log.warning(held_sentence(now))
            continue
        same = (
            built is not None
            and now is not None
            and now.present
            and now.data_version == _version(built)
        )
        # Tables above may have got worse since: what is served already was good when it was made.
        above = [one for one in stands if one.check.asset_key in made_from[source] and not same]
        reasons = refusals(source, built, gates, verdicts, monitors, accepted, above)
        if reasons:
            kept = " and keeps its last good rows" if target in present else ""
            wrong.append(
                f"{target} was not published{kept}: of {relation_of(source)}, {'; '.join(reasons)}."
            )
            continue
        assert built is not None
        if relation_of(source) not in present:
            wrong.append(f"{target} was not published: {relation_of(source)} does not exist.")
        elif same and (last is None or last.code_version == CODE) and target in present:
            unchanged.append(key)
        else:
            group.append(key)
    yield from record(
        step, [served_event(served[relation_of(key)]) for key in late if key not in group]
    )
    wanted = [
        Publication(
            candidate=relation_of(candidate[key]),
            target=relation_of(key),
            data_version=_version(known[candidate[key]]),
            keep=keep_of(kept_of, relation_of(key)),
            protect=protector(relation_of(key)),
        )
        for key in group
    ]
    try:
        done = publisher.publish(wanted, Note(who="a run", run_id=context.run_id))
    except UserError as error:
        done = {}
        names = ", ".join(str(one.target) for one in wanted)
        wrong.append(f"Not published: {names}. {error}")
    events = []
    for key in [key for key in group if relation_of(key) in done]:
        built, facts = known[candidate[key]], done[relation_of(key)]
        version = _version(built)
        tags = version_tags(version, CODE, {candidate[key]: (version, built.storage_id)})
        facts = replace(facts, comments={**described.get(key, {}), **facts.comments})
        metadata = observed_metadata(relation_of(key), facts)
        events.append(AssetMaterialization(key, metadata=metadata, tags=tags))
    yield from record(step, events)
    if unchanged:
        names = ", ".join(str(relation_of(key)) for key in unchanged)
        context.log.info(f"unchanged: {len(unchanged)} published marts ({names})")
    yield from let_downstream_go_on(context, selected)
    for sentence in wrong:
        context.log.error(sentence)
    if wrong:
        raise Failure("\n".join(wrong), allow_retries=False)


def _version(built: Materialised) -> str:
    return built.data_version or str(built.storage_id)
