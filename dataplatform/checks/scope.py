"""Which rows of a table a rule looks at: all, or those that are new.

A rule of a large table may say in its contract ``customProperties: [{property: scope, value:
increment}]``: then it looks at the rows synced since its last pass, or at the days that a run
builds. A verdict on a part of the table says so. Which rows are new is found by the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataplatform.checks.spec import ROW_METRICS, Check
from dataplatform.checks.sql_rules import TABLE
from dataplatform.declarations.errors import nearest

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract

INCREMENT, WHOLE = "increment", "table"
#: Where dbt's macro puts the condition of the days that a run builds.
DAYS = "__dataplatform_days__"


def read_scope(spec: Mapping[str, Any]) -> str | None:
    """Return the scope that a quality rule asks for, or None.

    Raises:
        ValueError: a scope that does not exist.
    """
    for item in spec.get("customProperties") or ():
        if isinstance(item, Mapping) and item.get("property") == "scope":
            value = item.get("value")
            if value not in (INCREMENT, WHOLE):
                hint = nearest(str(value), (INCREMENT, WHOLE)).rstrip("?.")
                raise ValueError(
                    f"scope must be 'increment' or 'table', not {value!r}"
                    + (f".{hint}" if hint else "")
                )
            return str(value)
    return None


def partition_column(contract: Contract) -> str | None:
    """Return the column by which a contract says its table is partitioned, or None."""
    properties = contract.table.get("properties") or ()
    for column in contract.columns:
        if properties[column.index].get("partitioned"):
            return column.name
    return None


def by_day(check: Check) -> bool:
    """Whether a rule of a table that is built by day looks at the built days alone.

    A rule of single rows does, unless it says otherwise: the rows of other days are as they were.
    What a rule says of the table as a whole is true of the whole only.
    """
    return check.scope == INCREMENT or (check.scope is None and check.metric in ROW_METRICS)


def limited(check: Check, condition: str, words: str) -> Check:
    """Return a rule that looks at some rows only.

    Args:
        check: the rule.
        condition: SQL, as DuckDB reads it, that is true of those rows.
        words: which rows those are, to be said with the verdict.
    """
    arguments = check.arguments
    if check.metric == "sql":
        part = f"(select * from {TABLE} where {condition}) as limited_rows"
        arguments = {
            name: text.replace(TABLE, part) if isinstance(text, str) else text
            for name, text in arguments.items()
        }
        return replace(check, arguments=arguments, rows=words)
    both = condition if check.filter is None else f"({check.filter}) and ({condition})"
    return replace(check, filter=both, rows=words)
