"""Expectations about a column as a whole: an aggregate, its set of values, its quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks.gx_arguments import between, listed, needed, plain_values, sized
from dataplatform.checks.gx_neutral import Translated
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
    "expect_column_proportion_of_non_null_values_to_be_between": "filled_share",
}
_SETS = {
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
}


def translate_column(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation about a whole column, or return None for any other.

    Raises:
        ValueError: an argument is missing or wrong.
    """
    if kind in _AGGREGATES:
        column, metric = needed(kwargs, "column", kind), _AGGREGATES[kind]
        if metric in {"distinct_count", "stddev"}:
            return Translated(metric, sized(kwargs, kind), (column,))
        if metric in {"distinct_share", "filled_share"}:
            return Translated(metric, _share(kwargs, kind), (column,))
        return Translated(metric, between(kwargs, kind), (column,))
    if kind == "expect_column_quantile_values_to_be_between":
        return _quantiles(kind, kwargs)
    if kind not in _SETS:
        return None
    column = needed(kwargs, "column", kind)
    values = plain_values(listed(kwargs, "value_set", kind))
    if values is None:
        return None
    none_differs = Threshold("eq", 0)
    match kind:
        case "expect_column_most_common_value_to_be_in_set":
            arguments = {"values": values, "ties": bool(kwargs.get("ties_okay"))}
            return Translated("most_common", Threshold("eq", True), (column,), arguments)
        case "expect_column_distinct_values_to_contain_set":
            return Translated("absent_values", none_differs, (column,), {"values": values})
    return Translated("other_values", none_differs, (column,), {"values": values})


def _share(kwargs: Mapping[str, Any], kind: str) -> Threshold:
    bounds = between(kwargs, kind)
    for value in (bounds.value, bounds.upper):
        if value is not None and (not isinstance(value, int | float) or not 0 <= value <= 1):
            raise ValueError(f"{kind} compares a share: its bounds lie between 0 and 1")
    return bounds


def _quantiles(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    ranges = needed(kwargs, "quantile_ranges", kind)
    if not isinstance(ranges, Mapping):
        raise ValueError(f"{kind} needs 'quantiles' and 'value_ranges' under 'quantile_ranges'")
    quantiles = listed(ranges, "quantiles", kind)
    values = listed(ranges, "value_ranges", kind)
    if len(quantiles) != len(values):
        raise ValueError(
            f"{kind} has {len(quantiles)} quantiles and {len(values)} value_ranges; "
            "give one range for each"
        )
    for quantile in quantiles:
        if not isinstance(quantile, int | float) or not 0 <= quantile <= 1:
            raise ValueError(f"{kind}: a quantile lies between 0 and 1, {quantile!r} does not")
    for bounds in values:
        if not isinstance(bounds, list | tuple) or len(bounds) != 2:
            raise ValueError(f"{kind}: a range is two values, the smaller first, not {bounds!r}")
        numbers = [value for value in bounds if value is not None]
        if not all(isinstance(value, int | float) for value in numbers):
            return None
        if len(numbers) == 2 and numbers[0] > numbers[1]:
            raise ValueError(f"{kind}: the range {list(bounds)!r} goes from above to below")
    arguments = {
        "quantiles": [float(quantile) for quantile in quantiles],
        "ranges": [list(bounds) for bounds in values],
    }
    return Translated(
        "quantiles", Threshold("eq", True), (needed(kwargs, "column", kind),), arguments
    )
