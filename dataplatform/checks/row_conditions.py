"""What makes a row good or bad, and which rows a check looks at, as SQL conditions.

How failing rows are counted and judged is ``predicates``' business.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from dataplatform.checks.dialects import Dialect
from dataplatform.checks.portable_sql import translated
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import TABLE


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
    if "record" in check.arguments:
        match check.arguments["ignore"]:
            case "all_values_are_missing":
                return f"not ({' and '.join(f'{name} is null' for name in names)})"
            case "any_value_is_missing":
                return both(*(f"{name} is not null" for name in names))
    return None


def bad_row(check: Check, dialect: Dialect) -> str:
    """Return the condition of a failing row."""
    arguments = check.arguments
    if check.metric == "failing_rows":
        if "predicate" in arguments:
            return f"({translated(arguments['predicate'], dialect.name)})"
        if arguments.get("not_null"):
            return f"{dialect.identifier(check.columns[0])} is not null"
        if "record" in arguments:
            return both(_bad_record(check, dialect), scope_of(check, dialect))
        if "pairs" in arguments:
            return both(f"not {_among(check, dialect)}", scope_of(check, dialect))
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
    if "z_score" in arguments:
        return f"{column} is not null and not {_near(check, dialect)}"
    if "outliers" in arguments:
        return f"{column} is not null and not {_inside(check, dialect)}"
    return f"{column} is not null and not ({_valid(column, arguments, dialect)})"


def _bad_record(check: Check, dialect: Dialect) -> str:
    """What the columns of a row must not be to one another."""
    names = [dialect.identifier(column) for column in check.columns]
    if check.arguments["record"] == "sum":
        # A sum with a missing part is no number: as in PostgreSQL, nothing is said of such a row.
        total = dialect.literal(check.arguments["total"])
        return f"not coalesce({' + '.join(names)} = {total}, true)"

    def same(left: str, right: str) -> str:
        return f"coalesce({left} = {right}, {left} is null and {right} is null)"

    if check.arguments["record"] == "equal":
        return f"not ({both(*(same(names[0], name) for name in names[1:]))})"
    alike = [same(left, right) for left, right in itertools.combinations(names, 2)]
    return f"({' or '.join(alike)})"


def _among(check: Check, dialect: Dialect) -> str:
    """The pair of values is one of those listed."""
    names = [dialect.identifier(column) for column in check.columns]
    pairs = [
        both(
            *(
                f"{name} is null" if value is None else f"{name} = {dialect.literal(value)}"
                for name, value in zip(names, pair, strict=True)
            )
        )
        for pair in check.arguments["pairs"]
    ]
    return f"coalesce({' or '.join(f'({pair})' for pair in pairs)}, false)"


def _of_all(aggregate: str, check: Check, dialect: Dialect) -> str:
    """A figure of all rows that the check looks at."""
    condition = row_filter(check, dialect)
    where = f" where {condition}" if condition else ""
    return f"(select {aggregate} from {TABLE}{where})"


def _near(check: Check, dialect: Dialect) -> str:
    """The z-score is below its threshold; where nothing varies, every value is."""
    column, threshold = dialect.identifier(check.columns[0]), check.arguments["z_score"]
    mean = _of_all(f"avg({column})", check, dialect)
    deviation = _of_all(f"stddev_samp({column})", check, dialect)
    score = f"({column} - {mean}) / nullif({deviation}, 0)"
    if check.arguments["double_sided"]:
        score, threshold = f"abs({score})", abs(threshold)
    return f"coalesce({score} < {dialect.literal(threshold)}, true)"


def _inside(check: Check, dialect: Dialect) -> str:
    """The value is no outlier: within Tukey's fences, or so many deviations of the mean."""
    column = dialect.identifier(check.columns[0])
    times = dialect.literal(check.arguments["multiplier"])
    if check.arguments["outliers"] == "iqr":
        low = _of_all(dialect.quantile(column, 0.25, between=True), check, dialect)
        high = _of_all(dialect.quantile(column, 0.75, between=True), check, dialect)
        reach = f"{times} * ({high} - {low})"
        return f"coalesce({column} between {low} - {reach} and {high} + {reach}, true)"
    mean = _of_all(f"avg({column})", check, dialect)
    reach = f"{times} * {_of_all(f'stddev_samp({column})', check, dialect)}"
    near = f"abs({column} - {mean}) < {reach}"
    return f"coalesce(case when {reach} <= 0 then {column} = {mean} else {near} end, true)"


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
    text, escape = dialect.text(column), arguments.get("escape")
    for name, several in (
        ("patterns", [dialect.matches(text, one) for one in arguments.get("patterns") or ()]),
        ("likes", [dialect.like(text, one, escape) for one in arguments.get("likes") or ()]),
    ):
        if arguments.get(name) is not None:
            word = " and " if arguments.get("match_on") == "all" else " or "
            conditions.append(f"({word.join(several)})")
    for one in arguments.get("not_patterns") or ():
        conditions.append(f"not ({dialect.matches(text, one)})")
    for one in arguments.get("not_likes") or ():
        conditions.append(f"not ({dialect.like(text, one, escape)})")
    for name, operator in (("min_length", ">"), ("max_length", "<")):
        if arguments.get(name) is not None:
            operator = operator if arguments.get(f"strict_{name}") else f"{operator}="
            conditions.append(
                f"length({dialect.text(column)}) {operator} {dialect.literal(arguments[name])}"
            )
    return both(*conditions)
