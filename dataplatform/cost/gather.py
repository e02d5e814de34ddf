"""From a project to its ledger: which source is asked, and who owns what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from dataplatform.cost.builds import on_duckdb, on_ducklake
from dataplatform.cost.histories import on_bigquery, on_snowflake
from dataplatform.cost.measured import Asked, Measured
from dataplatform.cost.usage import Ledger
from dataplatform.declarations.dbt_project import load_graph

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project

#: Asked for twice the span, so that there is something to compare with.
_SPANS = 2
_SOURCES: dict[str, Callable[[Asked], Measured]] = {
    "duckdb": on_duckdb,
    "ducklake": on_ducklake,
    "snowflake": on_snowflake,
    "bigquery": on_bigquery,
}


def gather(
    project: Project, instance: DagsterInstance, days: int, today: date | None = None
) -> Ledger:
    """Return what a project's environment used.

    Args:
        project: its environment, prices and owners.
        instance: whose records tell of builds.
        days: how many days the span has.
        today: its last day; the present one, in UTC.

    Raises:
        UserError: the warehouse cannot be asked.
    """
    last = today or datetime.now(UTC).date()
    source = _SOURCES[project.environment.warehouse.type]
    found = source(Asked(project, instance, last, _SPANS * days))
    return Ledger(
        unit=found.unit,
        last=last,
        days=days,
        usages=found.usages,
        owners=owners_of(project),
        stored=found.stored,
        prices=project.budgets.prices,
    )


def owners_of(project: Project) -> dict[str, str]:
    """Return whom to call about each table: the contract's word, else the model's or source's."""
    found: dict[str, str] = {}
    for connection in project.connections:
        found |= {str(relation): connection.owner for relation in connection.relations}
    for node in load_graph(project).nodes:
        if node.owner:
            found[str(node.relation)] = node.owner
    for contract in project.contracts:
        found[str(contract.relation)] = found[str(contract.published)] = contract.owner
    return found
