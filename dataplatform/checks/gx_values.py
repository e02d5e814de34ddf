"""Expectations about the values of one column: what makes a value good, and how many must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks.gx_arguments import (
    between,
    checked_pattern,
    choice,
    listed,
    mostly,
    needed,
    number,
    patterns,
    sized,
)
from dataplatform.checks.gx_neutral import Translated


def translate_values(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation about every value, or return None for any other.

    Raises:
        ValueError: an argument is missing or wrong.
    """
    arguments: dict[str, Any] = {"share_of": "values"}
    metric = "invalid_count"
    match kind:
        case "expect_column_values_to_not_be_null":
            metric, arguments = "null_count", {"share_of": "rows"}
        case "expect_column_values_to_be_null":
            metric, arguments = "failing_rows", {"share_of": "rows", "not_null": True}
        case "expect_column_values_to_be_unique":
            metric, arguments = "nonunique_count", {"ignore": "all_values_are_missing"}
        case "expect_column_values_to_be_in_set" | "expect_column_distinct_values_to_be_in_set":
            arguments["values"] = listed(kwargs, "value_set", kind)
        case "expect_column_values_to_not_be_in_set":
            arguments["not_values"] = listed(kwargs, "value_set", kind)
        case "expect_column_values_to_be_between":
            bounds = between(kwargs, kind)
            arguments |= {
                "minimum": bounds.value,
                "maximum": bounds.upper,
                "strict_minimum": bounds.strict_lower,
                "strict_maximum": bounds.strict_upper,
            }
        case "expect_column_value_lengths_to_be_between":
            bounds = sized(kwargs, kind)
            arguments |= {
                "min_length": bounds.value,
                "max_length": bounds.upper,
                "strict_min_length": bounds.strict_lower,
                "strict_max_length": bounds.strict_upper,
            }
        case "expect_column_value_lengths_to_equal":
            length = number(kwargs, "value", kind)
            if length < 0:
                raise ValueError(f"{kind}: no text has the length {length}")
            arguments |= {"min_length": length, "max_length": length}
        case "expect_column_value_z_scores_to_be_less_than":
            arguments["z_score"] = number(kwargs, "threshold", kind)
            arguments["double_sided"] = bool(needed(kwargs, "double_sided", kind))
        case "expect_column_values_to_not_be_outliers":
            arguments["outliers"] = choice(kwargs, "method", ("iqr", "std"))
            given = kwargs.get("multiplier") is not None
            arguments["multiplier"] = number(kwargs, "multiplier", kind) if given else 1.5
        case _:
            if not _texts(kind, kwargs, arguments):
                return None
    return Translated(metric, mostly(kwargs), (needed(kwargs, "column", kind),), arguments)


def _texts(kind: str, kwargs: Mapping[str, Any], arguments: dict[str, Any]) -> bool:
    """Fill in what a text must match; False for an expectation of another kind."""
    match kind.removeprefix("expect_column_values_to_"):
        case "match_regex":
            arguments["pattern"] = checked_pattern(str(needed(kwargs, "regex", kind)))
        case "not_match_regex":
            arguments["not_pattern"] = checked_pattern(str(needed(kwargs, "regex", kind)))
        case "match_regex_list":
            arguments["patterns"] = patterns(kwargs, "regex_list", kind)
            arguments["match_on"] = choice(kwargs, "match_on", ("any", "all"))
        case "not_match_regex_list":
            arguments["not_patterns"] = patterns(kwargs, "regex_list", kind)
        case "match_like_pattern":
            arguments["likes"] = [str(needed(kwargs, "like_pattern", kind))]
        case "not_match_like_pattern":
            arguments["not_likes"] = [str(needed(kwargs, "like_pattern", kind))]
        case "match_like_pattern_list":
            arguments["likes"] = [str(one) for one in listed(kwargs, "like_pattern_list", kind)]
            arguments["match_on"] = choice(kwargs, "match_on", ("any", "all"))
        case "not_match_like_pattern_list":
            arguments["not_likes"] = [str(one) for one in listed(kwargs, "like_pattern_list", kind)]
        case _:
            return False
    escape = kwargs.get("escape")
    if escape is not None:
        if not isinstance(escape, str) or len(escape) != 1:
            raise ValueError(f"'escape' must be one character, not {escape!r}")
        arguments["escape"] = escape
    return True
