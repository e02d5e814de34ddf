"""What a contract's dbt test measures beside its rules, for the monitors.

The figures are those of the contract's columns, compiled once for each warehouse's SQL. In dbt, a
figure is left out where the column turns out to be of another type, so that it cannot break the
rules' statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataplatform.checks import families
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.measures import lately_rows, time_column
from dataplatform.checks.sql_rules import TABLE
from dataplatform.quality.measuring import asked
from dataplatform.quality.monitoring import hidden, settings_of

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project


def compiled_measures(project: Project, contract: Contract, sql: Dialect) -> dict[str, Any]:
    """Return the figures of a contract's table as the macro reads them; empty if nobody watches.

    Args:
        project: says how the table is watched.
        contract: the contract of a table that dbt builds.
        sql: the warehouse's SQL.
    """
    how = project.monitors.of(contract.relation)
    if how is None:
        return {}
    settings = settings_of(project, contract.relation, how)
    columns = _columns(contract)
    found = asked(columns, sql.name, settings, hidden(project, contract.relation))
    return {
        # Jinja has no null.
        "lately": lately_rows(TABLE, found, sql) or "",
        "recent": (time_column(columns, settings.fresh_column) or "").lower(),
        "families": measured_families(contract),
        "figures": [[one.name, one.column or "", one.sql, one.lately is not None] for one in found],
    }


def measured_families(contract: Contract) -> dict[str, str]:
    """Return the family of each column's type, by its name in small letters."""
    found = {name.lower(): families.family_of(kind) for name, kind in _columns(contract).items()}
    return {name: family for name, family in found.items() if family is not None}


def _columns(contract: Contract) -> dict[str, str]:
    return {column.name: column.physical_type or column.logical_type for column in contract.columns}
