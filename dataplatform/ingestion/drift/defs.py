"""Drift as asset checks: one for each raw table, all judged by one look at the account.

A check keeps a clock of its own: whether the account is as declared has nothing to do with the
rows of a run, and asking an account costs requests of its rate limit.
"""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetSelection,
    DefaultScheduleStatus,
    Definitions,
    MetadataValue,
    ScheduleDefinition,
    define_asset_job,
)

from dataplatform.declarations.connection import Connection, Table
from dataplatform.declarations.project import Project
from dataplatform.ingestion.drift.comparison import account_drift
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.executor import EXECUTOR
from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.resources.instance import OWN_CLOCK, RULE, SEVERITY
from dataplatform.resources.steps import check_step

CHECK_NAME = "account_as_declared"
JOB = "connection_drift"
#: Four times a day, away from the full hours at which syncs begin.
CRON = "40 */6 * * *"


def build_drift(project: Project) -> Definitions:
    """Return the checks, their job and its clock; nothing where no connection is declared."""
    if not project.connections:
        return Definitions()
    checks = _checks(project)
    job = define_asset_job(
        JOB,
        selection=AssetSelection.checks(*sorted(checks.check_keys)),
        description="Compares every connection's file with the account.",
        executor_def=EXECUTOR,
    )
    clock = ScheduleDefinition(
        name=f"{JOB}_schedule",
        job_name=JOB,
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Notices what somebody changed in the account by hand.",
    )
    return Definitions(asset_checks=[checks], jobs=[job], schedules=[clock])


def drift_checks(connection: Connection) -> list[AssetCheckKey]:
    """Return the checks of a connection's tables."""
    return [AssetCheckKey(asset_key(relation), CHECK_NAME) for relation in connection.relations]


def _checks(project: Project) -> AssetChecksDefinition:
    tables = {
        asset_key(relation): (connection, relation)
        for connection in project.connections
        for relation in connection.relations
    }

    def connection_drift(
        context: AssetCheckExecutionContext, fivetran: DeclaredWorkspace
    ) -> Iterator[AssetCheckResult]:
        found = account_drift(fivetran.project, fivetran.get_client())
        chosen: set[AssetCheckKey] = set(context.selected_asset_check_keys)
        for name in sorted({tables[key.asset_key][0].name for key in chosen}):
            context.log.info(f"{name}: {found[name].told()}")
        for key in sorted(chosen):
            connection, relation = tables[key.asset_key]
            told = found[connection.name].of(str(relation))
            yield AssetCheckResult(
                check_name=CHECK_NAME,
                asset_key=key.asset_key,
                passed=not told,
                severity=AssetCheckSeverity.WARN,
                description="; ".join(told) or f"{connection.name} is as declared.",
                metadata={
                    "differences": MetadataValue.json(told),
                    "failing_count": len(told),
                },
            )

    return check_step(
        connection_drift,
        # Another name than the job's: all jobs of a running code location are told apart by name.
        name="compare_connections_with_account",
        checks=[
            _spec(connection, relation, table)
            for connection in project.connections
            for relation, table in connection.relations.items()
        ],
        description="Whether the account holds the connections as their files declare them.",
    )


def _spec(connection: Connection, relation: Relation, table: Table) -> AssetCheckSpec:
    return AssetCheckSpec(
        CHECK_NAME,
        asset=asset_key(relation),
        description=f"The account syncs this table as {connection.file} declares.",
        metadata={OWN_CLOCK: True, SEVERITY: "WARN", RULE: f"{connection.file}:{table.line}"},
    )
