"""Drift as asset checks: one for each connection, all judged by one look at the account.

The check stands on the connection's first table and judges the whole of it: the connection itself
and all its tables. A check for each table would double what a large account's graph holds.

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
    Definitions,
    MetadataValue,
)

from dataplatform.declarations.connection import Connection
from dataplatform.declarations.project import Project
from dataplatform.ingestion.drift.comparison import account_drift
from dataplatform.keys import asset_key
from dataplatform.resources.clocked_checks import checks_by_clock
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
    return checks_by_clock(
        checks,
        JOB,
        CRON,
        job_description="Compares every connection's file with the account.",
        clock_description="Notices what somebody changed in the account by hand.",
    )


def drift_checks(connection: Connection) -> list[AssetCheckKey]:
    """Return the check of a connection; none where it declares no table."""
    return [AssetCheckKey(asset_key(one), CHECK_NAME) for one in list(connection.relations)[:1]]


def _checks(project: Project) -> AssetChecksDefinition:
    judged = {
        key: connection for connection in project.connections for key in drift_checks(connection)
    }

    def connection_drift(
        context: AssetCheckExecutionContext, fivetran: DeclaredWorkspace
    ) -> Iterator[AssetCheckResult]:
        found = account_drift(fivetran.project, fivetran.get_client())
        chosen: set[AssetCheckKey] = set(context.selected_asset_check_keys)
        for key in sorted(chosen):
            connection = judged[key]
            drift = found[connection.name]
            context.log.info(f"{connection.name}: {drift.told()}")
            yield AssetCheckResult(
                check_name=CHECK_NAME,
                asset_key=key.asset_key,
                passed=not drift.sentences,
                severity=AssetCheckSeverity.WARN,
                description=f"{connection.name}: {drift.told()}.",
                metadata={
                    "differences": MetadataValue.json(drift.sentences),
                    "failing_count": len(drift.sentences),
                },
            )

    return check_step(
        connection_drift,
        # Another name than the job's: all jobs of a running code location are told apart by name.
        name="compare_connections_with_account",
        checks=[_spec(key, connection) for key, connection in judged.items()],
        description="Whether the account holds the connections as their files declare them.",
    )


def _spec(key: AssetCheckKey, connection: Connection) -> AssetCheckSpec:
    return AssetCheckSpec(
        CHECK_NAME,
        asset=key.asset_key,
        description=(
            f"The account holds the connection {connection.name} and all its tables as "
            f"{connection.file} declares."
        ),
        metadata={OWN_CLOCK: True, SEVERITY: "WARN", RULE: f"{connection.file}"},
    )
