"""Budgets as asset checks, judged once a day; what tables cost as their assets' metadata.

A budget of a table is told by a check of that table. Every other budget, of a pipeline, an owner or
everything, is told by one check of the first published mart. The checks gate nothing: an exceeded
budget is a notice to people, and no reason to publish yesterday's rows.
"""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    DagsterInstance,
    Definitions,
)

from dataplatform.cost.gather import gather
from dataplatform.cost.judged import Judged, judge
from dataplatform.cost.usage import Ledger, amount_told
from dataplatform.declarations.cost import Budget
from dataplatform.declarations.dbt_project import load_graph, published_marts
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.keys import PUBLISHED, Relation, asset_key, relation_of
from dataplatform.resources.clocked_checks import checks_by_clock
from dataplatform.resources.cost_metadata import record_cost
from dataplatform.resources.instance import OWN_CLOCK, RULE, SEVERITY
from dataplatform.resources.steps import check_step

CHECK_NAME = "within_budget"
JOB = "cost_of_tables"
#: Late enough for yesterday to be whole in the warehouse's history.
CRON = "10 6 * * *"
DAYS = 31


def build_definitions(project: Project) -> Definitions:
    """Return the checks, their job and its clock; nothing where no budget is declared.

    Args:
        project: its budgets and its published marts.
    """
    placed = placed_budgets(project)
    if not placed:
        return Definitions()
    checks = _checks(project, placed)
    return checks_by_clock(
        checks,
        JOB,
        CRON,
        job_description="Holds what was spent this month against config/budgets.yml.",
        clock_description="Tells when a budget is nearly or wholly spent.",
    )


def placed_budgets(project: Project) -> dict[Relation, list[Budget]]:
    """Return the budgets by the table whose check tells of them; none without a published mart."""
    marts = sorted(mart.name for mart in published_marts(project))
    if not marts:
        return {}
    placed: dict[Relation, list[Budget]] = {}
    for budget in project.budgets.budgets:
        schema, _, table = budget.name.partition(".")
        own = Relation(schema, table) if budget.scope == "asset" else None
        placed.setdefault(own or Relation(PUBLISHED, marts[0]), []).append(budget)
    return placed


def record_costs(instance: DagsterInstance, project: Project, ledger: Ledger) -> int:
    """Attach what each model cost to its asset and return how many were told.

    Args:
        instance: where it is recorded.
        project: its models.
        ledger: what was used.
    """
    models = {str(node.relation): node.relation for node in load_graph(project).nodes}
    spent = [one for one in ledger.by("asset") if one.name in models and one.amount]
    for one in spent:
        told = amount_told(ledger.unit, one.amount)
        currency = project.budgets.currency
        record_cost(instance, models[one.name], ledger.days, told, one.money, currency)
    return len(spent)


def _checks(project: Project, placed: dict[Relation, list[Budget]]) -> AssetChecksDefinition:
    def judge_budgets(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        chosen: set[AssetCheckKey] = set(context.selected_asset_check_keys)
        try:
            ledger = gather(project, context.instance, DAYS)
        except UserError as error:
            # No table is worse for it: a warning, so that a run of the tables can go on.
            yield from (_unknown(key, error) for key in sorted(chosen))
            return
        verdicts = {one.budget: one for one in judge(ledger, project.budgets)}
        count = record_costs(context.instance, project, ledger)
        context.log.info(f"what {count} models cost is told by their assets")
        for key in sorted(chosen):
            found = [verdicts[budget] for budget in placed[relation_of(key.asset_key)]]
            yield _result(key, found, project.budgets.currency)

    return check_step(
        judge_budgets,
        name="hold_costs_against_budgets",
        checks=[_spec(project, relation) for relation in placed],
        description="Whether this month's cost is within config/budgets.yml.",
    )


def _result(key: AssetCheckKey, found: list[Judged], currency: str) -> AssetCheckResult:
    bad = [one for one in found if one.state in ("over", "warned")]
    over = any(one.state == "over" for one in found)
    return AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=key.asset_key,
        passed=not bad,
        # An error is told to people; what is merely near its end is a warning to see.
        severity=AssetCheckSeverity.ERROR if over else AssetCheckSeverity.WARN,
        description="; ".join(one.told(currency) for one in (bad or found)) + ".",
        metadata={
            "failing_count": len(bad),
            **{
                f"expected {currency} of {one.budget.told}": round(one.expected, 2)
                for one in found
                if one.expected is not None
            },
        },
    )


def _unknown(key: AssetCheckKey, error: UserError) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=key.asset_key,
        passed=False,
        severity=AssetCheckSeverity.WARN,
        description=f"Nobody knows what was spent: {error}",
    )


def _spec(project: Project, relation: Relation) -> AssetCheckSpec:
    return AssetCheckSpec(
        CHECK_NAME,
        asset=asset_key(relation),
        description=f"What is spent this month is within {project.budgets.file}.",
        metadata={OWN_CLOCK: True, SEVERITY: "ERROR", RULE: f"{project.budgets.file}"},
    )
