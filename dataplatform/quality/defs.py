"""Checks that run outside dbt, as Dagster steps.

One step for each raw table with a contract: its rules in one scan. One step for each table with
rules that only Great Expectations can evaluate, which keeps a verdict as long as neither rule nor
build has changed. Rules of dbt models are judged inside the dbt step
and appear there. What a rule means and how it is computed lives in ``checks`` and ``gx``.
"""

# Dagster reads the annotations of a step, so they are not postponed in this module.

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetObservation,
    DagsterInstance,
    Definitions,
    MetadataValue,
)

from dataplatform.checks.contract_rules import checks_of, gx_checks, scan_checks
from dataplatform.checks.scope import INCREMENT, partition_column
from dataplatform.checks.spec import Check
from dataplatform.keys import asset_key, layer_of
from dataplatform.quality.measuring import Measuring
from dataplatform.quality.missed_defs import missed_sensors
from dataplatform.quality.monitor_defs import monitor_steps
from dataplatform.quality.monitoring import hidden, settings_of, watched
from dataplatform.quality.raw_scan import Judged, judge
from dataplatform.resources.check_results import (
    check_result,
    check_spec,
    repeated_result,
    summary_of,
)
from dataplatform.resources.instance import (
    RULE_VERSION,
    LastVerdict,
    Materialised,
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.steps import check_step
from dataplatform.resources.warehouse.resource import WarehouseResource

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

#: Checks come before the models that wait for them, when steps compete for a worker.
_BEFORE_MODELS = {"dagster/priority": "10"}

#: On a verdict about new rows: the sync time up to which the rule has looked.
JUDGED_UNTIL = "dataplatform/judged_until"

Evaluate = Callable[["Warehouse", Sequence[Check], Mapping[str, str], Materialised | None], Judged]


def build_definitions(project: "Project") -> Definitions:
    """Return the check steps of a project's contracts."""
    steps: list[AssetChecksDefinition] = []
    for contract in project.contracts:
        checks = checks_of(contract)
        name = f"{contract.relation.schema}_{contract.relation.table}"
        if layer_of(contract.relation) == "raw":
            steps.append(
                _step(f"check_{name}", contract, scan_checks(checks), _scan(project, contract))
            )
        only_gx = gx_checks(checks)
        if only_gx:
            steps.append(
                _step(f"gx_{name}", contract, only_gx, _expectations(project, contract), True)
            )
    return Definitions(
        asset_checks=[*steps, *monitor_steps(project)], sensors=missed_sensors(project)
    )


def _step(
    name: str,
    contract: "Contract",
    checks: Sequence[Check],
    evaluate: Evaluate,
    costly: bool = False,
) -> AssetChecksDefinition:
    by_name = {check.name: check for check in checks}

    def step(
        context: AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterable[AssetCheckResult]:
        chosen = set(context.selected_asset_check_keys)
        kept = _kept(context.instance, chosen, by_name) if costly else {}
        for verdict in kept.values():
            context.log.info(f"{contract.relation} {verdict.check.name}: unchanged")
            yield repeated_result(verdict)
        asked = [by_name[key.name] for key in sorted(chosen - set(kept))]
        if not asked:
            return
        key = asset_key(contract.relation)
        built = latest_materialisations(context.instance, [key]).get(key)
        since = _since(context.instance, chosen, by_name)
        judged = evaluate(warehouse.warehouse, asked, since, built)
        for found in judged.verdicts:
            if not found.passed:
                context.log.warning(f"{contract.relation} {found.name}: {summary_of(found)}")
            result = check_result(found, by_name[found.name])
            more = {RULE_VERSION: MetadataValue.text(_version(by_name[found.name]))}
            if found.name in judged.until:
                more[JUDGED_UNTIL] = MetadataValue.text(judged.until[found.name])
            yield result._replace(metadata={**result.metadata, **more})
        if any(found.page for found in judged.verdicts):
            context.op_execution_context.log_event(_documented(contract, judged))

    return check_step(
        step,
        name=name,
        checks=[check_spec(check) for check in checks],
        description=f"The promises of {contract.relation} (`{contract.file}`).",
        tags=_BEFORE_MODELS,
    )


def _version(check: Check) -> str:
    return hashlib.sha256(repr(check).encode()).hexdigest()[:32]


def _documented(contract: "Contract", judged: Judged) -> AssetObservation:
    """The page of the Data Docs, on the table's own page."""
    page = next(found.page for found in judged.verdicts if found.page)
    return AssetObservation(
        asset_key=asset_key(contract.relation),
        description="Great Expectations wrote its Data Docs.",
        metadata={"data_docs": MetadataValue.path(str(page))},
    )


def _since(
    instance: DagsterInstance, keys: set[AssetCheckKey], by_name: Mapping[str, Check]
) -> dict[str, str]:
    """Return up to which sync time each rule about new rows has looked, while it is the same."""
    asked = {key for key in keys if by_name[key.name].scope == INCREMENT}
    if not asked:
        return {}
    return {
        key.name: str(verdict.metadata[JUDGED_UNTIL].value)
        for key, verdict in latest_verdicts(instance, asked).items()
        if JUDGED_UNTIL in verdict.metadata and verdict.rule_version == _version(by_name[key.name])
    }


def _kept(
    instance: DagsterInstance, keys: set[AssetCheckKey], by_name: Mapping[str, Check]
) -> dict[AssetCheckKey, LastVerdict]:
    """Return the verdicts that still stand: the same rule, kept, on the table's last build."""
    built = latest_materialisations(instance, {key.asset_key for key in keys})
    return {
        key: verdict
        for key, verdict in latest_verdicts(instance, keys).items()
        if verdict.passed
        and key.asset_key in built
        and verdict.target == built[key.asset_key].storage_id
        and verdict.rule_version == _version(by_name[key.name])
    }


def _scan(project: "Project", contract: "Contract") -> Evaluate:
    day = partition_column(contract)
    relation = contract.relation

    def evaluate(
        warehouse: "Warehouse",
        checks: Sequence[Check],
        since: Mapping[str, str],
        built: Materialised | None,
    ) -> Judged:
        how = watched(project).get(relation)
        if built is None or how is None:
            return judge(warehouse, checks, since, day)
        settings, masked = settings_of(project, relation, how), hidden(project, relation)
        measuring = Measuring(relation, built.storage_id, built.data_version, settings, masked)
        return judge(warehouse, checks, since, day, measuring)

    return evaluate


def _expectations(project: "Project", contract: "Contract") -> Evaluate:
    def evaluate(
        warehouse: "Warehouse",
        checks: Sequence[Check],
        since: Mapping[str, str],
        built: Materialised | None,
    ) -> Judged:
        from dataplatform.quality.gx import validate

        return Judged(validate(project, contract, checks), {})

    return evaluate
