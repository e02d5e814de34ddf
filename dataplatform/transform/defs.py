"""The transform room's part of the graph: the dbt step, the publish step, and who reads marts.

One step builds all models that a run selects, in one dbt invocation; a model that is rebuilt by
day is part of it, so that a pipeline builds everything and a backfill picks days.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Definitions,
    FreshnessPolicy,
    multi_asset,
)

from dataplatform.access.publishing import protector
from dataplatform.declarations.dbt_graph import marts_of
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.keys import asset_key
from dataplatform.resources.check_results import check_spec
from dataplatform.resources.executor import NEEDS
from dataplatform.transform.publish import publish_assets
from dataplatform.transform.publish_settings import kept_versions
from dataplatform.transform.rules import Rules, rules_of
from dataplatform.transform.translator import asset_spec, exposure_spec, test_spec

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def build_definitions(project: "Project") -> Definitions:
    """Return the assets and checks of the dbt project, and the published marts.

    Raises:
        UserError: dbt cannot parse the project, or a contract is wrong.
    """
    graph = load_graph(project)
    rules = rules_of(graph, project.contracts)
    promised = {
        contract.relation: contract.freshness_hours
        for contract in project.contracts
        if contract.freshness_hours
    }
    warehouse = project.environment.warehouse.type
    specs = [
        asset_spec(graph, node, warehouse, _freshness(promised.get(node.relation)))
        for node in graph.nodes
    ]
    assets: list[AssetsDefinition | AssetSpec] = []
    if specs:
        assets.append(_dbt_asset(project, rules, specs))
    marts = marts_of(graph)
    if marts:
        assets.append(
            publish_assets(
                marts,
                warehouse,
                {relation: _freshness(hours) for relation, hours in promised.items()},
                kept_versions(project.contracts),
                protector(project),
            )
        )
    published = {node.id: asset_key(node.relation.published) for node in marts}
    assets.extend(exposure_spec(graph, exposure, published) for exposure in graph.exposures)
    return Definitions(assets=assets)


def _freshness(hours: float | None) -> FreshnessPolicy | None:
    return None if not hours else FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))


def _dbt_asset(project: "Project", rules: Rules, specs: list[AssetSpec]) -> AssetsDefinition:
    checks = [test_spec(rules.graph, test) for test in rules.plain_tests]
    for found in rules.contract_checks.values():
        checks.extend(check_spec(check) for check in found)

    @multi_asset(
        name="dbt_build",
        specs=specs,
        check_specs=checks,
        can_subset=True,
        backfill_policy=BackfillPolicy.single_run(),
        required_resource_keys={"warehouse"},
        op_tags={"kind": "dbt", NEEDS: "dataplatform.transform.warm"},
        pool="warehouse",
    )
    def dbt_build(context: AssetExecutionContext) -> Iterator[Any]:
        # dbt itself is imported only where it runs.
        from dataplatform.transform.dbt_step import build

        yield from build(context, project, rules, context.resources.warehouse.warehouse)

    return dbt_build
