"""The cases: an expectation, its arguments, and what is true of the shared table.

Each expectation passes once and fails once, and says its own about shares (``mostly``), missing
values, strict bounds and conditions on rows, where it knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataplatform_tests.expectations.table import SCHEMA, TABLE


@dataclass(frozen=True)
class Case:
    """One expectation with arguments.

    Attributes:
        what: which of its sides is looked at.
        kind: the expectation.
        kwargs: its arguments.
        passes: what is true of the shared table.
    """

    what: str
    kind: str
    kwargs: dict[str, Any]
    passes: bool

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.what}"


def _cases(kind: str, *sides: tuple[str, bool, dict[str, Any]], **common: Any) -> list[Case]:
    return [Case(what, kind, {**common, **kwargs}, passes) for what, passes, kwargs in sides]


def _between(kind: str, column: str, value: Any, above: Any, below: Any) -> list[Case]:
    """Sides of an aggregate whose value on the shared table is known."""
    return _cases(
        kind,
        ("inside", True, {"min_value": below, "max_value": above}),
        ("bounds count", True, {"min_value": value, "max_value": value}),
        ("strict minimum", False, {"min_value": value, "strict_min": True}),
        ("strict maximum", False, {"max_value": value, "strict_max": True}),
        ("only a minimum", True, {"min_value": below}),
        ("above", False, {"max_value": below}),
        ("below", False, {"min_value": above}),
        ("of no rows", False, {"min_value": below, "row_condition": 'col("id") > 99'}),
        column=column,
    )


def _kinds_of_columns() -> list[Case]:
    return [
        *_cases(
            "expect_column_to_exist",
            ("there", True, {"column": "code"}),
            ("absent", False, {"column": "cod"}),
            ("at its place", True, {"column": "id", "column_index": 0}),
            ("at another place", False, {"column": "id", "column_index": 3}),
        ),
        *_cases(
            "expect_table_column_count_to_equal",
            ("equal", True, {"value": 20}),
            ("other", False, {"value": 19}),
        ),
        *_cases(
            "expect_table_column_count_to_be_between",
            ("inside", True, {"min_value": 20, "max_value": 20}),
            ("too few", False, {"min_value": 21}),
            ("too many", False, {"max_value": 19}),
        ),
        *_cases(
            "expect_table_columns_to_match_set",
            ("exact", True, {"column_set": _columns()}),
            ("any order", True, {"column_set": sorted(_columns())}),
            ("one too many", False, {"column_set": _columns()[1:]}),
            ("subset", True, {"column_set": ["id", "n"], "exact_match": False}),
            ("absent", False, {"column_set": ["id", "m"], "exact_match": False}),
        ),
        *_cases(
            "expect_table_columns_to_match_ordered_list",
            ("same", True, {"column_list": _columns()}),
            ("other order", False, {"column_list": sorted(_columns())}),
            ("shorter", False, {"column_list": _columns()[:-1]}),
        ),
    ]


def _columns() -> list[str]:
    from dataplatform_tests.expectations.table import TYPES

    return list(TYPES)


def _tables() -> list[Case]:
    return [
        *_cases(
            "expect_table_row_count_to_equal",
            ("equal", True, {"value": 40}),
            ("other", False, {"value": 41}),
            ("of some rows", True, {"value": 10, "row_condition": 'col("id") <= 10'}),
        ),
        *_cases(
            "expect_table_row_count_to_be_between",
            ("inside", True, {"min_value": 40, "max_value": 50}),
            ("too few", False, {"min_value": 41}),
            ("too many", False, {"max_value": 39}),
            ("strict", False, {"min_value": 40, "strict_min": True}),
        ),
        *_cases(
            "expect_table_row_count_to_equal_other_table",
            ("equal", True, {"other_table_name": "other_things"}),
            ("other", False, {"other_table_name": "fewer_things"}),
        ),
        *_cases(
            "unexpected_rows_expectation",
            ("none", True, {"unexpected_rows_query": "select * from {batch} where id < 0"}),
            ("some", False, {"unexpected_rows_query": "select * from {batch} where id < 3"}),
        ),
        *_cases(
            "expect_query_results_to_match_comparison",
            ("equal", True, {"base_query": _query("a"), "comparison_query": _query("id")}),
            ("other", False, {"base_query": _query("a"), "comparison_query": _query("b")}),
            ("mostly", True, _compared("b", 0.3)),
            ("not mostly", False, _compared("b", 0.9)),
            comparison_data_source_name="warehouse",
        ),
    ]


def _query(column: str) -> str:
    return f"select {column} from {SCHEMA}.{TABLE} where id <= 20"


def _compared(column: str, mostly: float) -> dict[str, Any]:
    low = f"select id from {SCHEMA}.{TABLE} where id <= 10"
    other = f"select case when id <= 4 then id else -{column} end from {SCHEMA}.{TABLE} "
    return {"base_query": low, "comparison_query": f"{other} where id <= 10", "mostly": mostly}


def _values() -> list[Case]:
    return [
        *_cases(
            "expect_column_values_to_not_be_null",
            ("none missing", True, {"column": "id"}),
            ("some missing", False, {"column": "email"}),
            ("mostly", True, {"column": "email", "mostly": 0.9}),
            ("not mostly", False, {"column": "email", "mostly": 0.91}),
            ("of some rows", True, {"column": "email", "row_condition": 'col("id") < 10'}),
            ("of no rows", True, {"column": "email", "row_condition": 'col("id") > 99'}),
        ),
        *_cases(
            "expect_column_values_to_be_null",
            ("all missing", True, {"column": "nothing"}),
            ("none missing", False, {"column": "id"}),
            ("mostly", True, {"column": "email", "mostly": 0.1}),
            ("not mostly", False, {"column": "email", "mostly": 0.2}),
        ),
        *_cases(
            "expect_column_values_to_be_unique",
            ("unique", True, {"column": "id"}),
            ("missing do not count", True, {"column": "email"}),
            ("repeated", False, {"column": "n"}),
            ("mostly", True, {"column": "code", "mostly": 0.95}),
            ("not mostly", False, {"column": "code", "mostly": 0.96}),
            ("of nothing", True, {"column": "nothing"}),
            ("of some rows", True, {"column": "code", "row_condition": 'col("id") < 40'}),
        ),
        *_cases(
            "expect_column_values_to_be_in_set",
            ("all", True, {"column": "color", "value_set": ["red", "green", "blue"]}),
            ("some", False, {"column": "color", "value_set": ["red", "green"]}),
            ("mostly", True, {"column": "color", "value_set": ["red", "green"], "mostly": 0.6}),
            ("numbers", True, {"column": "same", "value_set": [7, 8]}),
            ("no value", False, {"column": "same", "value_set": [8]}),
            ("of nothing", True, {"column": "nothing", "value_set": [8]}),
            (
                "of some rows",
                True,
                {"column": "same", "value_set": [8], "row_condition": 'col("id") > 99'},
            ),
        ),
        *_cases(
            "expect_column_values_to_not_be_in_set",
            ("none", True, {"column": "color", "value_set": ["black"]}),
            ("some", False, {"column": "color", "value_set": ["red"]}),
            ("mostly", True, {"column": "color", "value_set": ["red"], "mostly": 0.6}),
            ("numbers", False, {"column": "same", "value_set": [7]}),
        ),
        *_cases(
            "expect_column_values_to_be_between",
            ("inside", True, {"column": "n", "min_value": 0, "max_value": 9}),
            ("below", False, {"column": "n", "min_value": 1}),
            ("above", False, {"column": "n", "max_value": 8}),
            ("strict minimum", False, {"column": "id", "min_value": 1, "strict_min": True}),
            ("strict maximum", False, {"column": "id", "max_value": 40, "strict_max": True}),
            ("strict inside", True, {"column": "id", "min_value": 0, "strict_min": True}),
            ("mostly", True, {"column": "x", "max_value": 13, "mostly": 0.95}),
            ("not mostly", False, {"column": "x", "max_value": 13, "mostly": 0.99}),
            ("of nothing", True, {"column": "nothing", "min_value": 5}),
            (
                "of some rows",
                True,
                {"column": "x", "max_value": 13, "row_condition": 'col("id") < 40'},
            ),
            (
                "of rows by text",
                False,
                {"column": "n", "min_value": 5, "row_condition": 'col("color") == "red"'},
            ),
            (
                "of rows with a value",
                True,
                {"column": "id", "max_value": 40, "row_condition": 'col("email").notNull()'},
            ),
        ),
        *_cases(
            "expect_column_value_z_scores_to_be_less_than",
            ("all", True, {"column": "id", "threshold": 2, "double_sided": True}),
            ("an outlier", False, {"column": "x", "threshold": 3, "double_sided": True}),
            ("mostly", True, {"column": "x", "threshold": 3, "double_sided": True, "mostly": 0.9}),
            ("one side", True, {"column": "down", "threshold": 2, "double_sided": False}),
            (
                "of some rows",
                False,
                {
                    "column": "x",
                    "threshold": 2,
                    "double_sided": False,
                    "row_condition": 'col("id") > 20',
                },
            ),
        ),
        *_cases(
            "expect_column_values_to_not_be_outliers",
            ("none", True, {"column": "id"}),
            ("one", False, {"column": "x"}),
            ("mostly", True, {"column": "x", "mostly": 0.9}),
            ("by deviation", False, {"column": "x", "method": "std", "multiplier": 3}),
            ("far enough", True, {"column": "x", "method": "std", "multiplier": 100}),
        ),
    ]


def _ordered() -> list[Case]:
    return [
        *_cases(
            "expect_column_values_to_be_increasing",
            ("up", True, {"column": "up"}),
            ("strictly", True, {"column": "up", "strictly": True}),
            ("down", False, {"column": "down"}),
            ("ties", True, {"column": "same"}),
            ("ties strictly", False, {"column": "same", "strictly": True}),
            ("mostly", True, {"column": "n", "mostly": 0.8}),
        ),
        *_cases(
            "expect_column_values_to_be_decreasing",
            ("down", True, {"column": "down"}),
            ("strictly", False, {"column": "down", "strictly": True}),
            ("up", False, {"column": "up"}),
            ("ties", True, {"column": "same"}),
        ),
    ]


def _texts() -> list[Case]:
    return [
        *_cases(
            "expect_column_value_lengths_to_equal",
            ("all", False, {"column": "code", "value": 5}),
            ("mostly", True, {"column": "code", "value": 5, "mostly": 0.95}),
            ("of some rows", True, {"column": "code", "value": 5, "row_condition": 'col("id")<20'}),
        ),
        *_cases(
            "expect_column_value_lengths_to_be_between",
            ("inside", True, {"column": "code", "min_value": 2, "max_value": 5}),
            ("too short", False, {"column": "code", "min_value": 3}),
            ("too long", False, {"column": "code", "max_value": 4}),
            ("strict minimum", False, {"column": "code", "min_value": 2, "strict_min": True}),
            ("strict maximum", False, {"column": "code", "max_value": 5, "strict_max": True}),
            ("strict inside", True, {"column": "code", "min_value": 1, "strict_min": True}),
            ("empty text", False, {"column": "blank", "min_value": 1}),
            ("mostly", True, {"column": "blank", "min_value": 1, "mostly": 0.8}),
        ),
        *_cases(
            "expect_column_values_to_match_regex",
            ("all", True, {"column": "code", "regex": "^[A-Za-z0-9]+$"}),
            ("some", False, {"column": "email", "regex": r"^\w+@\w+\.com$"}),
            ("anywhere", True, {"column": "code", "regex": "[0-9]|zz"}),
            ("mostly", True, {"column": "email", "regex": "@", "mostly": 0.97}),
            ("not mostly", False, {"column": "email", "regex": "@", "mostly": 0.98}),
            ("empty text", False, {"column": "blank", "regex": "^w"}),
            ("a quote", True, {"column": "code", "regex": "^[^']*$"}),
            ("a count", True, {"column": "code", "regex": "^([A-Z]{2}[0-9]{3}|z{2})$"}),
            (
                "of some rows",
                True,
                {"column": "email", "regex": "@", "row_condition": 'col("id") > 3'},
            ),
        ),
        *_cases(
            "expect_column_values_to_not_match_regex",
            ("none", True, {"column": "email", "regex": r"\s"}),
            ("some", False, {"column": "email", "regex": "^nobody"}),
            ("mostly", True, {"column": "email", "regex": "^nobody", "mostly": 0.9}),
        ),
        *_cases(
            "expect_column_values_to_match_regex_list",
            ("any", True, {"column": "code", "regex_list": ["^AB", "^zz"]}),
            ("not any", False, {"column": "code", "regex_list": ["^AB", "^yy"]}),
            ("all", True, {"column": "code", "regex_list": ["^.{2,5}$", "."], "match_on": "all"}),
            ("not all", False, {"column": "code", "regex_list": ["^AB", "B"], "match_on": "all"}),
            (
                "mostly all",
                True,
                {
                    "column": "code",
                    "regex_list": ["^AB", "B"],
                    "match_on": "all",
                    "mostly": 0.95,
                },
            ),
        ),
        *_cases(
            "expect_column_values_to_not_match_regex_list",
            ("none", True, {"column": "code", "regex_list": ["^x", "^y"]}),
            ("some", False, {"column": "code", "regex_list": ["^x", "^zz"]}),
            ("mostly", True, {"column": "code", "regex_list": ["^x", "^zz"], "mostly": 0.95}),
        ),
        *_cases(
            "expect_column_values_to_match_like_pattern",
            ("all", True, {"column": "code", "like_pattern": "%"}),
            ("some", False, {"column": "code", "like_pattern": "AB%"}),
            ("mostly", True, {"column": "code", "like_pattern": "AB___", "mostly": 0.95}),
            ("case counts", False, {"column": "code", "like_pattern": "ab%", "mostly": 0.1}),
        ),
        *_cases(
            "expect_column_values_to_not_match_like_pattern",
            ("none", True, {"column": "code", "like_pattern": "x%"}),
            ("some", False, {"column": "code", "like_pattern": "z%"}),
        ),
        *_cases(
            "expect_column_values_to_match_like_pattern_list",
            ("any", True, {"column": "code", "like_pattern_list": ["AB%", "z%"]}),
            ("not any", False, {"column": "code", "like_pattern_list": ["AB%", "y%"]}),
            ("all", True, _likes("all", "%", "__%")),
            ("not all", False, _likes("all", "AB%", "%")),
        ),
        *_cases(
            "expect_column_values_to_not_match_like_pattern_list",
            ("none", True, {"column": "code", "like_pattern_list": ["x%", "y%"]}),
            ("some", False, {"column": "code", "like_pattern_list": ["x%", "z%"]}),
        ),
        *_cases(
            "expect_column_values_to_match_strftime_format",
            ("all", False, {"column": "day_text", "strftime_format": "%Y-%m-%d"}),
            ("mostly", True, _format(mostly=0.97)),
            ("of some rows", True, _format(row_condition='col("id") > 7')),
        ),
        *_cases(
            "expect_column_values_to_be_dateutil_parseable",
            ("all", True, {"column": "day_text"}),
            ("some", False, {"column": "any_date"}),
            ("mostly", True, {"column": "any_date", "mostly": 0.9}),
        ),
        *_cases(
            "expect_column_values_to_be_json_parseable",
            ("all", True, {"column": "doc"}),
            ("some", False, {"column": "bad_doc"}),
            ("mostly", True, {"column": "bad_doc", "mostly": 0.9}),
        ),
        *_cases(
            "expect_column_values_to_match_json_schema",
            ("all", True, {"column": "doc", "json_schema": _KEYED}),
            (
                "some",
                False,
                {"column": "bad_doc", "json_schema": _KEYED, "row_condition": 'col("id") > 5'},
            ),
            (
                "mostly",
                True,
                {
                    "column": "bad_doc",
                    "json_schema": _KEYED,
                    "mostly": 0.9,
                    "row_condition": 'col("id") > 5',
                },
            ),
        ),
    ]


_KEYED = {"type": "object", "properties": {"k": {"type": "integer"}}, "required": ["k"]}


def _likes(match_on: str, *patterns: str) -> dict[str, Any]:
    return {"column": "code", "like_pattern_list": list(patterns), "match_on": match_on}


def _format(**more: Any) -> dict[str, Any]:
    return {"column": "day_text", "strftime_format": "%Y-%m-%d", **more}


def _types() -> list[Case]:
    return [
        *_cases(
            "expect_column_values_to_be_of_type",
            ("its own", True, {"column": "id", "type_": "INTEGER"}),
            ("another", False, {"column": "id", "type_": "VARCHAR"}),
        ),
        *_cases(
            "expect_column_values_to_be_in_type_list",
            ("one of them", True, {"column": "id", "type_list": ["VARCHAR", "INTEGER"]}),
            ("none of them", False, {"column": "id", "type_list": ["VARCHAR", "DATE"]}),
        ),
        *_cases(
            "expect_column_type_to_be",
            ("its own", True, {"column": "id", "type_": "INTEGER"}),
            ("another", False, {"column": "id", "type_": "VARCHAR"}),
        ),
    ]


def _aggregates() -> list[Case]:
    return [
        *_between("expect_column_min_to_be_between", "id", 1, 5, 0),
        *_between("expect_column_max_to_be_between", "id", 40, 50, 30),
        *_between("expect_column_sum_to_be_between", "id", 820, 900, 800),
        *_between("expect_column_mean_to_be_between", "id", 20.5, 21, 20),
        *_between("expect_column_median_to_be_between", "id", 20.5, 21, 20),
        *_between("expect_column_unique_value_count_to_be_between", "color", 3, 4, 2),
        *_cases(
            "expect_column_stdev_to_be_between",
            ("inside", True, {"column": "id", "min_value": 11.6, "max_value": 11.7}),
            ("above", False, {"column": "id", "max_value": 11.6}),
            ("nothing varies", True, {"column": "same", "max_value": 0}),
            ("nothing varies strictly", False, {"column": "same", "max_value": 0, **_STRICT}),
        ),
        *_cases(
            "expect_column_proportion_of_unique_values_to_be_between",
            ("all", True, {"column": "id", "min_value": 1, "max_value": 1}),
            ("some", True, {"column": "color", "min_value": 0.09, "max_value": 0.11}),
            ("too many", False, {"column": "id", "max_value": 0.5}),
            ("too few", False, {"column": "same", "min_value": 0.5}),
        ),
        *_cases(
            "expect_column_proportion_of_non_null_values_to_be_between",
            ("all", True, {"column": "id", "min_value": 1}),
            ("some", True, {"column": "email", "min_value": 0.9, "max_value": 0.9}),
            ("too few", False, {"column": "email", "min_value": 0.95}),
            ("strict", False, {"column": "id", "min_value": 1, "strict_min": True}),
            (
                "of some rows",
                True,
                {"column": "email", "min_value": 1, "row_condition": 'col("id") < 10'},
            ),
        ),
        *_cases(
            "expect_column_distinct_values_to_be_in_set",
            ("all", True, {"column": "color", "value_set": ["red", "green", "blue", "black"]}),
            ("some", False, {"column": "color", "value_set": ["red", "green"]}),
            ("of nothing", True, {"column": "nothing", "value_set": [1]}),
        ),
        *_cases(
            "expect_column_distinct_values_to_equal_set",
            ("equal", True, {"column": "color", "value_set": ["red", "green", "blue"]}),
            ("too few", False, {"column": "color", "value_set": ["red", "green"]}),
            ("too many", False, {"column": "color", "value_set": ["red", "green", "blue", "x"]}),
            ("numbers", True, {"column": "same", "value_set": [7]}),
            (
                "of some rows",
                True,
                {"column": "color", "value_set": ["green"], "row_condition": 'col("id") == 1'},
            ),
        ),
        *_cases(
            "expect_column_distinct_values_to_contain_set",
            ("contained", True, {"column": "color", "value_set": ["red", "green"]}),
            ("one absent", False, {"column": "color", "value_set": ["red", "black"]}),
            ("numbers", True, {"column": "n", "value_set": [1, 2]}),
        ),
        *_cases(
            "expect_column_most_common_value_to_be_in_set",
            ("one", True, {"column": "same", "value_set": [7]}),
            ("another", False, {"column": "same", "value_set": [8]}),
            ("tied", False, {"column": "id", "value_set": [1, 2]}),
            ("ties okay", True, {"column": "id", "value_set": [1, 2], "ties_okay": True}),
        ),
        *_cases(
            "expect_column_quantile_values_to_be_between",
            ("inside", True, _quantiles([0.25, 0.5, 0.75], [[9, 12], [19, 22], [29, 32]])),
            ("open bounds", True, _quantiles([0.5, 0.9], [[None, 22], [30, None]])),
            ("one outside", False, _quantiles([0.25, 0.5], [[9, 12], [25, 30]])),
            ("the ends", True, _quantiles([0.0, 1.0], [[1, 1], [40, 40]])),
            (
                "of some rows",
                True,
                {**_quantiles([0.5], [[4, 6]]), "row_condition": 'col("id") <= 9'},
            ),
        ),
        *_cases(
            "expect_column_kl_divergence_to_be_less_than",
            ("alike", True, _weights(["red", "green", "blue"], [1 / 3, 1 / 3, 1 / 3], 0.01)),
            ("unlike", False, _weights(["red", "green", "blue"], [0.9, 0.05, 0.05], 0.1)),
            ("bins alike", True, _bins([1, 11, 21, 31, 41], [0.25] * 4, 0.05)),
            ("bins unlike", False, _bins([1, 11, 21, 31, 41], [0.85, 0.05, 0.05, 0.05], 0.1)),
        ),
    ]


_STRICT = {"strict_max": True}


def _quantiles(quantiles: list[float], ranges: list[list[float | None]]) -> dict[str, Any]:
    return {"column": "id", "quantile_ranges": {"quantiles": quantiles, "value_ranges": ranges}}


def _weights(values: list[str], weights: list[float], threshold: float) -> dict[str, Any]:
    parts = {"values": values, "weights": weights}
    return {"column": "color", "partition_object": parts, "threshold": threshold}


def _bins(bins: list[float], weights: list[float], threshold: float) -> dict[str, Any]:
    parts = {"bins": bins, "weights": weights}
    return {"column": "id", "partition_object": parts, "threshold": threshold}


def _several_columns() -> list[Case]:
    pairs = [[i, 100 - i] for i in range(1, 41)]
    return [
        *_cases(
            "expect_column_pair_values_to_be_equal",
            ("equal", True, {"column_A": "a", "column_B": "id"}),
            ("one is missing", False, {"column_A": "a", "column_B": "c"}),
            (
                "missing are left out",
                True,
                {"column_A": "a", "column_B": "c", "ignore_row_if": "either_value_is_missing"},
            ),
            ("unequal", False, {"column_A": "a", "column_B": "b"}),
            ("mostly", True, {"column_A": "a", "column_B": "c", "mostly": 0.9}),
        ),
        *_cases(
            "expect_column_pair_values_a_to_be_greater_than_b",
            ("greater", True, {"column_A": "b", "column_B": "a"}),
            ("equal", False, {"column_A": "a", "column_B": "id"}),
            ("equal is enough", True, {"column_A": "a", "column_B": "id", "or_equal": True}),
            ("less", False, {"column_A": "a", "column_B": "b"}),
            (
                "missing are left out",
                True,
                {"column_A": "b", "column_B": "c", "ignore_row_if": "either_value_is_missing"},
            ),
        ),
        *_cases(
            "expect_column_pair_values_to_be_in_set",
            ("one is not", False, {"column_A": "a", "column_B": "b", "value_pairs_set": pairs}),
            (
                "mostly",
                True,
                {"column_A": "a", "column_B": "b", "value_pairs_set": pairs, "mostly": 0.97},
            ),
            (
                "of some rows",
                True,
                {
                    "column_A": "a",
                    "column_B": "b",
                    "value_pairs_set": pairs,
                    "row_condition": 'col("id") > 13',
                },
            ),
        ),
        *_cases(
            "expect_compound_columns_to_be_unique",
            ("unique", True, {"column_list": ["same", "id"]}),
            ("repeated", False, {"column_list": ["same", "n"]}),
            ("mostly", True, {"column_list": ["same", "code"], "mostly": 0.95}),
            (
                "missing are left out",
                True,
                {"column_list": ["id", "c"], "ignore_row_if": "any_value_is_missing"},
            ),
        ),
        *_cases(
            "expect_multicolumn_sum_to_equal",
            ("one is not", False, {"column_list": ["a", "b"], "sum_total": 100}),
            ("a part is missing", True, {"column_list": ["same", "nothing"], "sum_total": 8}),
            ("mostly", True, {"column_list": ["a", "b"], "sum_total": 100, "mostly": 0.97}),
            (
                "of some rows",
                True,
                {"column_list": ["a", "b"], "sum_total": 100, "row_condition": 'col("id") > 13'},
            ),
        ),
        *_cases(
            "expect_multicolumn_values_to_be_equal",
            ("equal", True, {"column_list": ["a", "id"]}),
            ("unequal", False, {"column_list": ["a", "id", "b"]}),
            (
                "missing are left out",
                True,
                {"column_list": ["a", "id", "c"], "ignore_row_if": "any_value_is_missing"},
            ),
        ),
        *_cases(
            "expect_select_column_values_to_be_unique_within_record",
            ("unique", True, {"column_list": ["a", "b", "same"], "row_condition": 'col("id")>10'}),
            ("equal", False, {"column_list": ["a", "id"]}),
            ("one is", False, {"column_list": ["a", "b", "same"]}),
            ("mostly", True, {"column_list": ["a", "b", "same"], "mostly": 0.9}),
            (
                "missing are left out",
                False,
                {"column_list": ["a", "c"], "ignore_row_if": "any_value_is_missing"},
            ),
        ),
    ]


CASES: list[Case] = [
    *_kinds_of_columns(),
    *_tables(),
    *_types(),
    *_values(),
    *_ordered(),
    *_texts(),
    *_aggregates(),
    *_several_columns(),
]
