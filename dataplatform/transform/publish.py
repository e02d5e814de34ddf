"""From candidates to what consumers read: one step, all good marts of a run together.

Which marts are good is ``publish_choice``'s business. One that is not stays as it was, with its
last good rows, and the step says so at its end; so does one that a person rolled back, until its
candidate changes. How tables are published is the warehouse's business.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from dataplatform.keys import PUBLISHED, Relation, asset_key
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse.interface import TableFacts
from dataplatform.resources.warehouse.publication import Note, Protect, Publication
from dataplatform.transform.publish_choice import Ready, choose, version_of
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
    publisher = warehouse.published
    for sentence in publisher.repair(force=False):
        context.log.warning(sentence)
    choice = choose(context, warehouse, publisher)
    step = context.op_execution_context.get_step_execution_context()
    yield from record(step, [served_event(one) for one in choice.late])
    wanted = [
        Publication(
            candidate=one.candidate,
            target=one.target,
            data_version=version_of(one.built),
            keep=keep_of(kept_of, one.target),
            protect=protector(one.target),
        )
        for one in choice.ready
    ]
    wrong = list(choice.refused)
    try:
        done = publisher.publish(wanted, Note(who="a run", run_id=context.run_id))
    except UserError as error:
        done = {}
        names = ", ".join(str(one.target) for one in wanted)
        wrong.append(f"Not published: {names}. {error}")
    events = [
        _published(one, done[one.target], described.get(asset_key(one.target), {}))
        for one in choice.ready
        if one.target in done
    ]
    yield from record(step, events)
    if choice.unchanged:
        names = ", ".join(map(str, choice.unchanged))
        context.log.info(f"unchanged: {len(choice.unchanged)} published marts ({names})")
    yield from let_downstream_go_on(
        context, sorted(context.op_execution_context.selected_asset_keys)
    )
    for sentence in wrong:
        context.log.error(sentence)
    if wrong:
        raise Failure("\n".join(wrong), allow_retries=False)


def _published(one: Ready, facts: TableFacts, described: Mapping[str, str]) -> AssetMaterialization:
    version = version_of(one.built)
    inputs = {asset_key(one.candidate): (version, one.built.storage_id)}
    told = replace(facts, comments={**described, **facts.comments})
    return AssetMaterialization(
        asset_key(one.target),
        metadata=observed_metadata(one.target, told),
        tags=version_tags(version, CODE, inputs),
    )
