"""Steps over many tables are the ones that Dagster's own decorators would make."""

from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    ConfigurableResource,
    Definitions,
    MaterializeResult,
    define_asset_job,
    materialize,
    multi_asset,
    multi_asset_check,
)

from dataplatform.resources.steps import CHECKS_FIRST, check_step, table_step


class Account(ConfigurableResource):  # type: ignore[type-arg]
    """What a step needs."""


SPECS = [
    AssetSpec(["raw", name], deps=[["lake", "orders"]], skippable=True, description=name)
    for name in ("orders", "returns")
]
CHECKS = [AssetCheckSpec("columns", asset=spec.key) for spec in SPECS]
TAGS = {"dagster/priority": "5"}


def sync(context: AssetExecutionContext, account: Account) -> Any:
    """Make the first table only; the other is gone from its source."""
    yield MaterializeResult(
        SPECS[0].key, check_results=[AssetCheckResult(passed=True, check_name="columns")]
    )


def judge(context: AssetCheckExecutionContext, account: Account) -> Any:
    """Judge what is asked for."""
    for key in context.selected_asset_check_keys:
        yield AssetCheckResult(
            passed=key.asset_key == SPECS[0].key, asset_key=key.asset_key, check_name=key.name
        )


def told(step: AssetsDefinition) -> dict[str, Any]:
    """What Dagster makes of a step."""
    node = step.node_def
    return {
        "name": node.name,
        "reads": {(key.path[-1], kind) for key, kind in _types(step).items()},
        "writes": {
            (one.name, one.dagster_type.display_name, one.is_required) for one in node.output_defs
        },
        "needs": step.required_resource_keys,
        "tags": node.tags,
        "subset": step.can_subset,
        "specs": {spec.key: (spec.description, spec.skippable) for spec in step.specs},
        "checks": step.check_keys,
    }


def _types(step: AssetsDefinition) -> dict[AssetKey, str]:
    kinds = {one.name: one.dagster_type.display_name for one in step.node_def.input_defs}
    return {key: kinds[name] for name, key in step.keys_by_input_name.items()}


def test_a_step_of_tables_is_the_decorators() -> None:
    theirs = multi_asset(name="sync", specs=SPECS, check_specs=CHECKS, op_tags=TAGS)(sync)
    ours = table_step(sync, name="sync", specs=SPECS, checks=CHECKS, description=None, tags=TAGS)
    assert told(ours) == told(theirs)


def test_a_step_of_checks_is_the_decorators() -> None:
    theirs = multi_asset_check(name="judge", specs=CHECKS, can_subset=True, op_tags=CHECKS_FIRST)(
        judge
    )
    ours = check_step(judge, name="judge", checks=CHECKS, description="")
    assert told(ours) == told(theirs)


def test_a_table_that_is_gone_is_left_out() -> None:
    step = table_step(sync, name="sync", specs=SPECS, checks=CHECKS[:1], description=None, tags={})
    result = materialize([step], resources={"account": Account()})
    made = [event.asset_key for event in result.get_asset_materialization_events()]
    assert made == [SPECS[0].key]
    assert [one.passed for one in result.get_asset_check_evaluations()] == [True]


def test_only_the_checks_that_are_asked_for_are_judged() -> None:
    tables = table_step(sync, name="sync", specs=SPECS, checks=[], description=None, tags={})
    graph = Definitions(
        assets=[tables],
        asset_checks=[check_step(judge, name="judge", checks=CHECKS, description="Judges.")],
        jobs=[define_asset_job("look", selection=AssetSelection.checks(CHECKS[1].key))],
        resources={"account": Account()},
    )
    result = graph.get_repository_def().get_job("look").execute_in_process()
    judged = {one.asset_key: one.passed for one in result.get_asset_check_evaluations()}
    assert judged == {CHECKS[1].asset_key: False}
