"""Rules of a model whose dbt test broke, judged beside dbt.

One rule whose SQL fails at run time breaks the one statement of all rules of its model, and dbt
reports the test as broken. Here the rules are judged again without dbt, so that only the broken
one is an error. What a verdict leads to is ``step_verdicts``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dataplatform.checks.scan import errored, run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import Verdict
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.transform.table_probe import probe

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Warehouse


def judge_apart(
    warehouse: Warehouse, look: Any, relation: Relation, checks: Sequence[Check], reason: str
) -> list[Verdict]:
    """Return a verdict for each rule of a model; errors all where its table is not there.

    Args:
        warehouse: where the table is.
        look: a connection to the DuckDB file beside dbt's own, or None on a warehouse that anybody
            may ask while dbt works.
        relation: the model's table.
        checks: its rules.
        reason: what dbt said.
    """
    if look is not None:

        def execute(sql: str) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = look.execute(sql).fetchall()
            return rows

        found = probe(look, [relation]).get(relation)
        if found is not None:
            return run_scan(execute, checks, warehouse.dialect, found.columns)
        return [errored(check, reason) for check in checks]
    try:
        with warehouse.session(f"rules of {relation}") as session:
            columns = warehouse.columns(relation, session)
            if columns is not None:
                return run_scan(session.execute, checks, warehouse.dialect, columns)
    except UserError as error:
        # The warehouse went away: dbt's reason is the older one, and this the nearer.
        reason = str(error)
    return [errored(check, reason) for check in checks]
