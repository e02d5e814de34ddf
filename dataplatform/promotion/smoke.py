"""A look at published tables right after a promotion: are they what was published, and promised?

The rules of a contract are judged again, on the table that consumers read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import SCAN
from dataplatform.keys import Relation

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse


def smoke(project: Project, warehouse: Warehouse, tables: Iterable[Relation]) -> list[str]:
    """Return what is wrong with published tables; nothing where all is well.

    Args:
        project: whose contracts are judged.
        warehouse: where the tables are.
        tables: as consumers read them.
    """
    wrong = []
    wanted = list(tables)
    served = warehouse.published.served(wanted)
    contracts = {one.published: one for one in project.contracts}
    for table in wanted:
        columns = warehouse.columns(table)
        if columns is None or table not in served:
            wrong.append(f"{table} is not published.")
            continue
        rows = warehouse.row_count(table)
        if rows != served[table].row_count:
            wrong.append(f"{table} has {rows:,} rows and {served[table].row_count:,} were written.")
        contract = contracts.get(table)
        if contract is None:
            continue
        checks = [
            one
            for one in checks_of(replace(contract, relation=table))
            if one.engine == SCAN and one.severity == "ERROR"
        ]
        with warehouse.session(f"look at {table}") as session:
            verdicts = run_scan(session.execute, checks, warehouse.dialect, columns)
        wrong += [f"{table} breaks the rule {one.name}." for one in verdicts if not one.passed]
    return wrong
