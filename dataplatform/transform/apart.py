"""Rules of a model whose dbt test broke, judged beside dbt.

One rule whose SQL fails at run time breaks the one statement of all rules of its model, and dbt
reports the test as broken. Here the rules are judged again without dbt, so that only the broken
one is an error. What a verdict leads to is ``step_recorder``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataplatform.checks.scan import errored, run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import Verdict
from dataplatform.keys import Relation
from dataplatform.transform.table_probe import probe


def judge_apart(
    look: Any, relation: Relation, checks: Sequence[Check], reason: str
) -> list[Verdict]:
    """Return a verdict for each rule of a model.

    Args:
        look: a connection to the DuckDB file beside dbt's own, or None on another warehouse, where
            every rule is an error.
        relation: the model's table.
        checks: its rules.
        reason: what dbt said.
    """
    found = None if look is None else probe(look, [relation]).get(relation)
    if found is None:
        return [errored(check, reason) for check in checks]

    def execute(sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = look.execute(sql).fetchall()
        return rows

    return run_scan(execute, checks, "duckdb", found.columns)
