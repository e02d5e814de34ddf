"""Expectations about several columns of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks.gx_arguments import choice, listed, mostly, needed, number
from dataplatform.checks.gx_neutral import Translated

_PAIR = ("both_values_are_missing", "either_value_is_missing", "neither")
_SEVERAL = ("all_values_are_missing", "any_value_is_missing", "never")


def translate_records(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation about several columns, or return None for any other.

    Raises:
        ValueError: an argument is missing or wrong.
    """
    if kind.startswith("expect_column_pair_values_"):
        return _pair(kind, kwargs)
    record: dict[str, Any]
    match kind:
        case "expect_compound_columns_to_be_unique":
            metric, record, what = "nonunique_count", {}, ""
        case "expect_select_column_values_to_be_unique_within_record":
            metric, record, what = "failing_rows", {"record": "distinct"}, "all different"
        case "expect_multicolumn_values_to_be_equal":
            metric, record, what = "failing_rows", {"record": "equal"}, "all equal"
        case "expect_multicolumn_sum_to_equal":
            total = number(kwargs, "sum_total", kind)
            metric, record = "failing_rows", {"record": "sum", "total": total}
            what = f"adding up to {total}"
        case _:
            return None
    columns = tuple(str(name) for name in listed(kwargs, "column_list", kind))
    if len(columns) < 2:
        raise ValueError(f"{kind} compares at least two columns in 'column_list'")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{kind} names a column twice in 'column_list'")
    arguments = {**record, "ignore": choice(kwargs, "ignore_row_if", _SEVERAL)}
    if what:
        arguments |= {
            "words": f"rows whose {', '.join(columns)} are not {what}",
            "good": f"row with {', '.join(columns)} {what}",
        }
    return Translated(metric, mostly(kwargs), columns, arguments)


def _pair(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    arguments: dict[str, Any] = {}
    match kind.removeprefix("expect_column_pair_values_"):
        case "to_be_equal":
            arguments["pair"] = "eq"
        case "a_to_be_greater_than_b":
            arguments["pair"] = "ge" if kwargs.get("or_equal") else "gt"
        case "to_be_in_set":
            pairs = listed(kwargs, "value_pairs_set", kind)
            if any(not isinstance(pair, list | tuple) or len(pair) != 2 for pair in pairs):
                raise ValueError(f"{kind}: every item of 'value_pairs_set' is a pair of values")
            arguments |= {"pair": "in", "pairs": [list(pair) for pair in pairs]}
        case _:
            return None
    pair = (str(needed(kwargs, "column_A", kind)), str(needed(kwargs, "column_B", kind)))
    if pair[0] == pair[1]:
        raise ValueError(f"{kind} compares the column {pair[0]!r} with itself")
    arguments |= {
        "ignore": choice(kwargs, "ignore_row_if", _PAIR),
        "words": f"rows where {pair[0]} and {pair[1]} do not agree",
        "good": f"row with {pair[0]} and {pair[1]} in agreement",
    }
    return Translated("failing_rows", mostly(kwargs), pair, arguments)
