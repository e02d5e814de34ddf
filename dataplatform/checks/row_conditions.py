"""What makes a row good or bad, and which rows a check looks at, as SQL conditions.

How failing rows are counted and judged is ``predicates``' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks.dialects import Dialect
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import translated


def row_filter(check: Check, dialect: Dialect) -> str | None:
    """Return the condition of the rows that a check looks at, or None for all."""
    return None if check.filter is None else f"({translated(check.filter, dialect.name)})"


def both(*conditions: str | None) -> str:
    """Join the conditions that there are."""
    return " and ".join(condition for condition in conditions if condition) or "true"


def scope_of(check: Check, dialect: Dialect) -> str | None:
    """Return which rows a check looks at, beyond its filter."""
    names = [dialect.identifier(column) for column in check.columns]
    if check.arguments.get("share_of") == "values":
        return f"{names[0]} is not null"
    if "pair" in check.arguments:
        match check.arguments["ignore"]:
            case "both_values_are_missing":
                return f"not ({names[0]} is null and {names[1]} is null)"
            case "either_value_is_missing":
                return f"{names[0]} is not null and {names[1]} is not null"
    return None


def bad_row(check: Check, dialect: Dialect) -> str:
    """Return the condition of a failing row."""
    arguments = check.arguments
    if check.metric == "failing_rows":
        if "predicate" in arguments:
            return f"({translated(arguments['predicate'], dialect.name)})"
        if arguments.get("not_null"):
            return f"{dialect.identifier(check.columns[0])} is not null"
        left, right = (dialect.identifier(column) for column in check.columns)
        sign = {"eq": "=", "gt": ">", "ge": ">="}[arguments["pair"]]
        good = f"coalesce({left} {sign} {right}, false)"
        return both(f"not {good}", scope_of(check, dialect))
    column = dialect.identifier(check.columns[0])
    if check.metric == "null_count":
        return f"{column} is null"
    if check.metric == "missing_count":
        values = [value for value in arguments.get("values") or () if value is not None]
        if not values:
            return f"{column} is null"
        return f"({column} is null or {within(column, values, dialect)})"
    return f"{column} is not null and not ({_valid(column, arguments, dialect)})"


def within(column: str, values: list[Any], dialect: Dialect) -> str:
    """Return the condition that a column's value is one of those listed."""
    if not values:
        return "false"
    if all(isinstance(value, str) for value in values):
        # A contract may list text for a column of another type, such as an enum or a date.
        column = dialect.text(column)
    return f"{column} in ({', '.join(dialect.literal(value) for value in values)})"


def _valid(column: str, arguments: Mapping[str, Any], dialect: Dialect) -> str:
    conditions = []
    if arguments.get("values") is not None:
        conditions.append(within(column, list(arguments["values"]), dialect))
    if arguments.get("not_values") is not None:
        conditions.append(f"not ({within(column, list(arguments['not_values']), dialect)})")
    if arguments.get("pattern") is not None:
        conditions.append(dialect.matches(dialect.text(column), arguments["pattern"]))
    if arguments.get("not_pattern") is not None:
        found = dialect.matches(dialect.text(column), arguments["not_pattern"])
        conditions.append(f"not ({found})")
    for name, sign, strict in (
        ("minimum", ">", "strict_minimum"),
        ("maximum", "<", "strict_maximum"),
    ):
        if arguments.get(name) is not None:
            operator = sign if arguments.get(strict) else f"{sign}="
            conditions.append(f"{column} {operator} {dialect.literal(arguments[name])}")
    for name, operator in (("min_length", ">="), ("max_length", "<=")):
        if arguments.get(name) is not None:
            conditions.append(
                f"length({dialect.text(column)}) {operator} {dialect.literal(arguments[name])}"
            )
    return both(*conditions)
