"""The core expectations of Great Expectations 1.24 and their arguments.

Written out, because asking Great Expectations takes the seconds of its import and contracts are
read whenever the graph loads; a test holds this list against the installed package. What an
expectation means is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.declarations.errors import nearest

#: What every expectation may be given besides its own arguments.
COMMON = frozenset(
    {
        *("batch_id", "catch_exceptions", "condition_parser", "description", "id", "meta", "notes"),
        *("library_metadata", "rendered_content", "result_format", "severity", "windows"),
    }
)
#: Expectation to what it needs and what it may be given.
EXPECTATIONS: dict[str, tuple[str, str]] = {
    "expect_column_distinct_values_to_be_in_set": ("column value_set", "row_condition"),
    "expect_column_distinct_values_to_contain_set": ("column value_set", "row_condition"),
    "expect_column_distinct_values_to_equal_set": ("column value_set", "row_condition"),
    "expect_column_kl_divergence_to_be_less_than": (
        "column",
        (
            "row_condition partition_object threshold internal_weight_holdout tail_weight_holdout "
            "bucketize_data min_value max_value"
        ),
    ),
    "expect_column_max_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_mean_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_median_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_min_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_most_common_value_to_be_in_set": ("column value_set", "row_condition ties_okay"),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        "column_A column_B",
        "mostly row_condition or_equal ignore_row_if",
    ),
    "expect_column_pair_values_to_be_equal": (
        "column_A column_B",
        "mostly row_condition ignore_row_if",
    ),
    "expect_column_pair_values_to_be_in_set": (
        "column_A column_B value_pairs_set",
        "mostly row_condition ignore_row_if",
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_proportion_of_unique_values_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_quantile_values_to_be_between": (
        "column quantile_ranges",
        "row_condition allow_relative_error",
    ),
    "expect_column_stdev_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_sum_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_to_exist": ("column", "column_index"),
    "expect_column_type_to_be": ("column type_", ""),
    "expect_column_unique_value_count_to_be_between": (
        "column",
        "row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_value_lengths_to_be_between": (
        "column",
        "mostly row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_value_lengths_to_equal": ("column value", "mostly row_condition"),
    "expect_column_value_z_scores_to_be_less_than": (
        "column threshold double_sided",
        "mostly row_condition",
    ),
    "expect_column_values_to_be_between": (
        "column",
        "mostly row_condition min_value max_value strict_min strict_max",
    ),
    "expect_column_values_to_be_dateutil_parseable": ("column", "mostly row_condition"),
    "expect_column_values_to_be_decreasing": ("column", "mostly row_condition strictly"),
    "expect_column_values_to_be_in_set": ("column value_set", "mostly row_condition"),
    "expect_column_values_to_be_in_type_list": ("column", "mostly row_condition type_list"),
    "expect_column_values_to_be_increasing": ("column", "mostly row_condition strictly"),
    "expect_column_values_to_be_json_parseable": ("column", "mostly row_condition"),
    "expect_column_values_to_be_null": ("column", "mostly row_condition"),
    "expect_column_values_to_be_of_type": ("column type_", "mostly row_condition"),
    "expect_column_values_to_be_unique": ("column", "mostly row_condition"),
    "expect_column_values_to_match_json_schema": ("column json_schema", "mostly row_condition"),
    "expect_column_values_to_match_like_pattern": (
        "column like_pattern",
        "mostly row_condition escape",
    ),
    "expect_column_values_to_match_like_pattern_list": (
        "column like_pattern_list",
        "mostly row_condition match_on escape",
    ),
    "expect_column_values_to_match_regex": ("column", "mostly row_condition regex"),
    "expect_column_values_to_match_regex_list": (
        "column regex_list",
        "mostly row_condition match_on",
    ),
    "expect_column_values_to_match_strftime_format": (
        "column strftime_format",
        "mostly row_condition",
    ),
    "expect_column_values_to_not_be_in_set": ("column value_set", "mostly row_condition"),
    "expect_column_values_to_not_be_null": ("column", "mostly row_condition"),
    "expect_column_values_to_not_be_outliers": ("column", "mostly row_condition method multiplier"),
    "expect_column_values_to_not_match_like_pattern": (
        "column like_pattern",
        "mostly row_condition escape",
    ),
    "expect_column_values_to_not_match_like_pattern_list": (
        "column like_pattern_list",
        "mostly row_condition escape",
    ),
    "expect_column_values_to_not_match_regex": ("column regex", "mostly row_condition"),
    "expect_column_values_to_not_match_regex_list": ("column regex_list", "mostly row_condition"),
    "expect_compound_columns_to_be_unique": ("column_list", "mostly row_condition ignore_row_if"),
    "expect_multicolumn_sum_to_equal": (
        "column_list sum_total",
        "mostly row_condition ignore_row_if",
    ),
    "expect_multicolumn_values_to_be_equal": ("column_list", "mostly row_condition ignore_row_if"),
    "expect_query_results_to_match_comparison": (
        "base_query comparison_data_source_name comparison_query",
        "mostly",
    ),
    "expect_select_column_values_to_be_unique_within_record": (
        "column_list",
        "mostly row_condition ignore_row_if",
    ),
    "expect_table_column_count_to_be_between": ("", "min_value max_value"),
    "expect_table_column_count_to_equal": ("value", ""),
    "expect_table_columns_to_match_ordered_list": ("", "column_list"),
    "expect_table_columns_to_match_set": ("", "column_set exact_match"),
    "expect_table_row_count_to_be_between": (
        "",
        "min_value max_value strict_min strict_max row_condition",
    ),
    "expect_table_row_count_to_equal": ("value", "row_condition"),
    "expect_table_row_count_to_equal_other_table": ("other_table_name", "row_condition"),
    "unexpected_rows_expectation": ("unexpected_rows_query", ""),
}


def check_arguments(kind: str, kwargs: Mapping[str, Any]) -> None:
    """Refuse an expectation that Great Expectations would not accept.

    Args:
        kind: the expectation; one that is not of the core is somebody's own and left alone.
        kwargs: its arguments.

    Raises:
        ValueError: an argument is missing or unknown; the text names the nearest valid one.
    """
    if kind not in EXPECTATIONS:
        return
    required, optional = (names.split() for names in EXPECTATIONS[kind])
    known = [*required, *optional]
    for name in kwargs:
        if name not in known and name not in COMMON:
            hint = nearest(str(name), known).rstrip("?.")
            raise ValueError(f"{kind} knows no argument {name!r}" + (f".{hint}" if hint else ""))
    for name in required:
        if kwargs.get(name) is None:
            raise ValueError(f"{kind} needs the argument {name!r}")
