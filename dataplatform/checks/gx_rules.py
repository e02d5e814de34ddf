"""Great Expectations expectations as checks.

What the neutral specification can say is translated, with GX's own meaning: only values that are
not null count, ``mostly`` is a share of those, bounds are included unless strict, and
``row_condition`` limits the rows. Every other expectation stays with the engine ``gx``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dataplatform.checks.gx_conditions import row_condition
from dataplatform.checks.sql_rules import read_query
from dataplatform.checks.threshold import Threshold

_AGGREGATES = {
    "expect_column_mean_to_be_between": "mean",
    "expect_column_min_to_be_between": "min",
    "expect_column_max_to_be_between": "max",
    "expect_column_sum_to_be_between": "sum",
    "expect_column_median_to_be_between": "median",
    "expect_column_stdev_to_be_between": "stddev",
    "expect_column_unique_value_count_to_be_between": "distinct_count",
    "expect_column_proportion_of_unique_values_to_be_between": "distinct_share",
}
_SETS = {
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
}
_NEUTRAL = {
    "column",
    "column_A",
    "column_B",
    "column_list",
    "mostly",
    "row_condition",
    "condition_parser",
    "min_value",
    "max_value",
    "strict_min",
    "strict_max",
    "value_set",
    "regex",
    "value",
    "ignore_row_if",
    "or_equal",
    "ties_okay",
    "unexpected_rows_query",
    "result_format",
    "catch_exceptions",
    "meta",
    "notes",
    "description",
    "severity",
}


@dataclass(frozen=True)
class Translated:
    """The neutral form of an expectation."""

    metric: str
    threshold: Threshold
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    filter: str | None = None


def translate(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation, or return None when only GX itself can evaluate it.

    Args:
        kind: the expectation's type, such as ``expect_column_values_to_not_be_null``.
        kwargs: its arguments.

    Raises:
        ValueError: an argument that the expectation needs is missing or wrong.
    """
    if set(kwargs) - _NEUTRAL or _special(kwargs):
        return None
    condition = kwargs.get("row_condition")
    if condition is not None:
        condition = row_condition(condition)
        if condition is None:
            return None
    found = _table(kind, kwargs) or _rows(kind, kwargs) or _column(kind, kwargs)
    if found is None:
        return None
    return Translated(found.metric, found.threshold, found.columns, found.arguments, condition)


def _special(kwargs: Mapping[str, Any]) -> bool:
    """Values that GX fills in at run time, or parses itself, are not ours to translate."""
    bounds = [kwargs.get(name) for name in ("min_value", "max_value", "value")]
    return any(isinstance(value, Mapping | list) for value in [*bounds, kwargs.get("regex")])


def _needed(kwargs: Mapping[str, Any], name: str, kind: str) -> Any:
    if kwargs.get(name) is None:
        raise ValueError(f"{kind} needs the argument {name!r}")
    return kwargs[name]


def _between(kwargs: Mapping[str, Any], kind: str) -> Threshold:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        raise ValueError(f"{kind} needs 'min_value', 'max_value' or both")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ValueError(f"{kind}: min_value {low} is above max_value {high}")
    return Threshold(
        "between", low, high, bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max"))
    )


def _mostly(kwargs: Mapping[str, Any]) -> Threshold:
    mostly = kwargs.get("mostly")
    mostly = 1.0 if mostly is None else mostly
    if not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        raise ValueError(f"'mostly' must be a number between 0 and 1, not {mostly!r}")
    return Threshold("mostly", float(mostly))


def _table(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    match kind:
        case "expect_table_row_count_to_be_between":
            return Translated("row_count", _between(kwargs, kind))
        case "expect_table_row_count_to_equal":
            return Translated("row_count", Threshold("eq", _needed(kwargs, "value", kind)))
        case "unexpected_rows_expectation":
            query = _needed(kwargs, "unexpected_rows_query", kind)
            rule = read_query(str(query), None)
            counted = f"select count(*) from ({rule.query}) as unexpected_rows"
            return Translated("sql", Threshold("eq", 0), (), {"query": counted, "rows": rule.query})
        case "expect_compound_columns_to_be_unique":
            columns = tuple(_needed(kwargs, "column_list", kind))
            ignore = kwargs.get("ignore_row_if") or "all_values_are_missing"
            return Translated("nonunique_count", _mostly(kwargs), columns, {"ignore": ignore})
    return None


def _rows(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Expectations about every row: what makes a row bad, and how many may be."""
    if kind.startswith("expect_column_pair_values_"):
        return _pair(kind, kwargs)
    arguments: dict[str, Any] = {"share_of": "values"}
    metric = "invalid_count"
    match kind:
        case "expect_column_values_to_not_be_null":
            metric, arguments = "null_count", {"share_of": "rows"}
        case "expect_column_values_to_be_null":
            metric, arguments = "failing_rows", {"share_of": "rows", "not_null": True}
        case "expect_column_values_to_be_unique":
            metric, arguments = "nonunique_count", {"ignore": "all_values_are_missing"}
        case "expect_column_values_to_match_regex":
            arguments["pattern"] = _regex(kwargs, kind)
        case "expect_column_values_to_not_match_regex":
            arguments["not_pattern"] = _regex(kwargs, kind)
        case "expect_column_values_to_be_in_set" | "expect_column_distinct_values_to_be_in_set":
            arguments["values"] = list(_needed(kwargs, "value_set", kind))
        case "expect_column_values_to_not_be_in_set":
            arguments["not_values"] = list(_needed(kwargs, "value_set", kind))
        case "expect_column_values_to_be_between":
            bounds = _between(kwargs, kind)
            arguments |= {
                "minimum": bounds.value,
                "maximum": bounds.upper,
                "strict_minimum": bounds.strict_lower,
                "strict_maximum": bounds.strict_upper,
            }
        case "expect_column_value_lengths_to_be_between":
            bounds = _between(kwargs, kind)
            if bounds.strict_lower or bounds.strict_upper:
                return None
            arguments |= {"min_length": bounds.value, "max_length": bounds.upper}
        case "expect_column_value_lengths_to_equal":
            length = _needed(kwargs, "value", kind)
            arguments |= {"min_length": length, "max_length": length}
        case _:
            return None
    return Translated(metric, _mostly(kwargs), (_needed(kwargs, "column", kind),), arguments)


def _pair(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    if kind == "expect_column_pair_values_to_be_equal":
        operator = "eq"
    elif kind == "expect_column_pair_values_a_to_be_greater_than_b":
        operator = "ge" if kwargs.get("or_equal") else "gt"
    else:
        return None
    pair = (_needed(kwargs, "column_A", kind), _needed(kwargs, "column_B", kind))
    ignore = kwargs.get("ignore_row_if") or "both_values_are_missing"
    arguments = {
        "pair": operator,
        "ignore": ignore,
        "words": f"rows where {pair[0]} and {pair[1]} do not agree",
        "good": f"row with {pair[0]} and {pair[1]} in agreement",
    }
    return Translated("failing_rows", _mostly(kwargs), pair, arguments)


def _column(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Expectations about a column as a whole: an aggregate, or the set of its values."""
    if kind in _AGGREGATES:
        column = _needed(kwargs, "column", kind)
        return Translated(_AGGREGATES[kind], _between(kwargs, kind), (column,))
    if kind not in _SETS:
        return None
    column, values = _needed(kwargs, "column", kind), _values(_needed(kwargs, "value_set", kind))
    if values is None:
        return None
    if kind == "expect_column_most_common_value_to_be_in_set":
        arguments = {"values": values, "ties": bool(kwargs.get("ties_okay"))}
        return Translated("most_common", Threshold("eq", True), (column,), arguments)
    return Translated("absent_values", Threshold("eq", 0), (column,), {"values": values})


def _values(given: Any) -> list[Any] | None:
    """Return the values of a set, or None where GX compares them in a way of its own."""
    values = list(given)
    plain = {type(value) for value in values} in ({str}, {int})
    return values if plain and len(set(values)) == len(values) else None


def _regex(kwargs: Mapping[str, Any], kind: str) -> str:
    """Return the pattern; one that no engine can read is refused when it is declared."""
    pattern = str(_needed(kwargs, "regex", kind))
    return checked_pattern(pattern)


def checked_pattern(pattern: str) -> str:
    """Return a regular expression that can be read.

    Raises:
        ValueError: it cannot, or it uses look-around, which DuckDB and Snowflake do not know.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from error
    if re.search(r"\(\?(=|!|<=|<!)|\\[1-9]", pattern):
        raise ValueError(
            f"the pattern {pattern!r} uses look-around or a back reference, "
            "which warehouses do not know"
        )
    return pattern
