"""What a check promises, as a person says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataplatform.checks.spec import Check

#: Metrics whose words say the whole promise.
WORDS_ALONE = frozenset(
    {
        *("schema", "columns", "most_common", "absent_values", "other_values"),
        *("quantiles", "rows_beyond", "expectation"),
    }
)


def metric_words(check: Check) -> tuple[str, str]:
    """Return a check's metric in words: what is counted, and what a good row is."""
    column = ", ".join(check.columns)
    arguments = check.arguments
    match check.metric:
        case "row_count":
            return "number of rows", ""
        case "null_count":
            return f"null values of {column}", f"{column} filled"
        case "missing_count":
            return f"missing values of {column}", f"{column} filled"
        case "duplicate_count":
            return f"repeated values of {column}", f"{column} unique"
        case "nonunique_count":
            return f"rows that share {column}", f"{column} unique"
        case "invalid_count":
            return f"values of {column} {_invalid(arguments)}", f"{column} {_valid(arguments)}"
        case "failing_rows":
            words = arguments.get("words") or f"rows where {arguments.get('predicate', '')}"
            return words, arguments.get("good", "row good")
        case "sql":
            return "result of the query", ""
        case "schema":
            return f"{len(check.columns)} columns with their declared types", ""
        case "age_hours":
            return f"age of the newest {column} in hours", ""
        case "most_common":
            return f"the most common {column} is {_valid(arguments)}", ""
        case "absent_values":
            shown = ", ".join(str(value) for value in arguments["values"])
            return f"{column} has every one of {shown}", ""
        case "other_values":
            shown = ", ".join(str(value) for value in arguments["values"])
            return f"{column} has exactly the values {shown}", ""
        case "quantiles":
            parts = zip(arguments["quantiles"], arguments["ranges"], strict=True)
            shown = "; ".join(
                f"{quantile:g} {_bounds({'low': low, 'high': high}, 'low', 'high')}"
                for quantile, (low, high) in parts
            )
            return f"quantiles of {column}: {shown}", ""
        case "rows_beyond":
            return f"as many rows as {arguments['other']}", ""
        case "columns":
            return _column_words(arguments), ""
        case "expectation":
            return str((check.expectation or {}).get("type", "expectation")).replace("_", " "), ""
    return f"{check.metric.replace('_', ' ')} of {column}", ""


def _column_words(arguments: Mapping[str, Any]) -> str:
    if "kinds" in arguments:
        return f"{arguments['names'][0]} has the type {' or '.join(arguments['kinds'])}"
    if "names" not in arguments:
        return f"number of columns {_bounds(arguments, 'least', 'most')}"
    names = ", ".join(arguments["names"])
    if arguments.get("ordered"):
        return f"columns in this order: {names}"
    if "place" in arguments:
        return f"a column {names} at place {arguments['place']}, counted from 0"
    return f"{'exactly' if arguments.get('exact') else 'at least'} the columns {names}"


def _bounds(arguments: Mapping[str, Any], low: str, high: str) -> str:
    lower, upper = arguments.get(low), arguments.get(high)
    if lower is not None and upper is not None:
        return f"between {lower} and {upper}"
    return f"at least {lower}" if lower is not None else f"at most {upper}"


def _valid(arguments: Mapping[str, Any]) -> str:
    if arguments.get("values") is not None:
        shown = ", ".join(str(value) for value in list(arguments["values"])[:6])
        return f"one of {shown}" + (" …" if len(arguments["values"]) > 6 else "")
    if arguments.get("not_values") is not None:
        return "none of " + ", ".join(str(value) for value in list(arguments["not_values"])[:6])
    if arguments.get("pattern") is not None:
        return f"matching {arguments['pattern']}"
    if arguments.get("not_pattern") is not None:
        return f"not matching {arguments['not_pattern']}"
    if arguments.get("patterns") is not None:
        word = "one" if arguments["match_on"] == "any" else "all"
        return f"matching {word} of {', '.join(arguments['patterns'])}"
    if arguments.get("not_patterns") is not None:
        return f"matching none of {', '.join(arguments['not_patterns'])}"
    if arguments.get("likes") is not None:
        word = "one" if arguments.get("match_on") != "all" else "all"
        return f"like {word} of {', '.join(arguments['likes'])}"
    if arguments.get("not_likes") is not None:
        return f"like none of {', '.join(arguments['not_likes'])}"
    if "z_score" in arguments:
        return f"with a z-score below {arguments['z_score']}"
    if "outliers" in arguments:
        spread = "interquartile ranges" if arguments["outliers"] == "iqr" else "deviations"
        return f"within {arguments['multiplier']:g} {spread}"
    if {"min_length", "max_length"} & arguments.keys():
        return f"with a length {_bounds(arguments, 'min_length', 'max_length')}"
    if {"minimum", "maximum"} & arguments.keys():
        return _bounds(arguments, "minimum", "maximum")
    return "valid"


def _invalid(arguments: Mapping[str, Any]) -> str:
    return f"other than {_valid(arguments)}"
