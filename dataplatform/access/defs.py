"""Drift of access as asset checks: one for each published mart, all judged by one look a day.

A mart's check tells of grants, masks and views of that mart; what is about no table, such as who
holds a role, is told by the first mart's. The checks keep a clock of their own: who may read has
nothing to do with the rows of a run.
"""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    Definitions,
    MetadataValue,
)

from dataplatform.access.items import Change
from dataplatform.access.opening import open_engine
from dataplatform.access.plan import make_plan
from dataplatform.declarations.dbt_project import published_marts
from dataplatform.declarations.project import Project
from dataplatform.keys import PUBLISHED, Relation, asset_key, relation_of
from dataplatform.resources.clocked_checks import checks_by_clock
from dataplatform.resources.instance import OWN_CLOCK, RULE, SEVERITY
from dataplatform.resources.steps import check_step

CHECK_NAME = "access_as_declared"
JOB = "access_drift"
CRON = "20 5 * * *"


def build_definitions(project: Project) -> Definitions:
    """Return the checks, their job and its clock; nothing where no access is declared.

    Nothing either for an environment that was made from another one: nobody is granted anything
    there.

    Args:
        project: its access file and its published marts.
    """
    if project.access.file is None or project.environment.made is not None:
        return Definitions()
    marts = [Relation(PUBLISHED, mart.name) for mart in published_marts(project)]
    if not marts:
        return Definitions()
    checks = _checks(project, sorted(marts))
    return checks_by_clock(
        checks,
        JOB,
        CRON,
        job_description="Compares who may read what with config/access.yml.",
        clock_description="Notices what somebody granted or took away by hand.",
    )


def sorted_by_mart(changes: list[Change], marts: list[Relation]) -> dict[Relation, list[str]]:
    """Return what differs as sentences, by the mart whose check tells it.

    Args:
        changes: every difference.
        marts: the published marts; the first tells what is about none of them.
    """
    found: dict[Relation, list[str]] = {mart: [] for mart in marts}
    named = {str(mart): mart for mart in marts}
    for change in changes:
        found[named.get(change.item.table, marts[0])].append(change.sentence())
    return found


def _checks(project: Project, marts: list[Relation]) -> AssetChecksDefinition:
    def compare_access(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        planned = make_plan(project, open_engine(project))
        found = sorted_by_mart(planned.changes, marts)
        chosen: set[AssetCheckKey] = set(context.selected_asset_check_keys)
        for key in sorted(chosen):
            sentences = found[relation_of(key.asset_key)]
            told = "; ".join(sentences[:10]) or "as declared"
            more = f"; and {len(sentences) - 10} more" if len(sentences) > 10 else ""
            yield AssetCheckResult(
                check_name=CHECK_NAME,
                asset_key=key.asset_key,
                passed=not sentences,
                severity=AssetCheckSeverity.WARN,
                description=f"{told}{more}.",
                metadata={
                    "differences": MetadataValue.json(sentences),
                    "failing_count": len(sentences),
                },
            )

    return check_step(
        compare_access,
        name="compare_access_with_warehouse",
        checks=[_spec(project, mart) for mart in marts],
        description="Whether the warehouse grants and hides what config/access.yml says.",
    )


def _spec(project: Project, mart: Relation) -> AssetCheckSpec:
    return AssetCheckSpec(
        CHECK_NAME,
        asset=asset_key(mart),
        description=f"Who may read {mart}, and what of it, is as {project.access.file} declares.",
        metadata={OWN_CLOCK: True, SEVERITY: "WARN", RULE: f"{project.access.file}"},
    )
