"""Expectations that are wrong are refused when they are declared, in one sentence with a line."""

from __future__ import annotations

import re

import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.declarations.errors import DeclarationError
from dataplatform_tests.checks.declared import column, contract, gx

VALUES, COLUMN = "expect_column_values_to_", "expect_column_"
TEXT = {"column": "b"}
BROKEN = [
    # expectations and arguments that do not exist
    (f"{VALUES}not_be_nul", {"column": "a"}, "Did you mean 'expect_column_values_to_not_be_null'"),
    ("expect_colum_to_exist", {"column": "a"}, "Did you mean 'expect_column_to_exist'"),
    (f"{VALUES}match_regex", {"column": "bb", "regex": "x"}, "Did you mean 'b'"),
    (f"{VALUES}match_regex", {**TEXT, "regx": "x"}, "Did you mean 'regex'"),
    (f"{VALUES}be_in_set", {"column": "a", "values": [1]}, "no argument 'values'"),
    (f"{VALUES}be_between", {"column": "a", "minimum": 1}, "no argument 'minimum'"),
    ("expect_table_row_count_to_equal", {"value": 3, "mostly": 0.9}, "no argument 'mostly'"),
    # arguments that are missing
    (f"{VALUES}match_regex", {**TEXT}, "needs the argument 'regex'"),
    (f"{VALUES}match_regex_list", {**TEXT}, "needs the argument 'regex_list'"),
    (f"{VALUES}be_in_set", {"column": "a"}, "needs the argument 'value_set'"),
    (f"{VALUES}be_between", {"column": "a"}, "needs 'min_value', 'max_value' or both"),
    (f"{COLUMN}mean_to_be_between", {"column": "a"}, "needs 'min_value', 'max_value' or both"),
    (f"{COLUMN}value_lengths_to_equal", {**TEXT}, "needs the argument 'value'"),
    (f"{COLUMN}pair_values_to_be_equal", {"column_A": "a"}, "needs the argument 'column_B'"),
    ("expect_table_row_count_to_equal", {}, "needs the argument 'value'"),
    ("expect_table_row_count_to_equal_other_table", {}, "needs the argument 'other_table_name'"),
    ("expect_multicolumn_sum_to_equal", {"column_list": ["a", "b"]}, "argument 'sum_total'"),
    ("unexpected_rows_expectation", {}, "needs the argument 'unexpected_rows_query'"),
    (f"{VALUES}match_json_schema", {**TEXT}, "needs the argument 'json_schema'"),
    (f"{VALUES}match_strftime_format", {**TEXT}, "needs the argument 'strftime_format'"),
    (f"{COLUMN}value_z_scores_to_be_less_than", {"column": "a", "threshold": 3}, "'double_sided'"),
    # bounds upside down or beyond reason
    (f"{VALUES}be_between", {"column": "a", "min_value": 9, "max_value": 1}, "is above max_value"),
    (f"{COLUMN}mean_to_be_between", {"column": "a", "min_value": 2, "max_value": 1}, "is above"),
    (
        f"{VALUES}be_between",
        {"column": "a", "min_value": 1, "max_value": 1, "strict_min": True},
        "no value lies strictly between",
    ),
    (f"{COLUMN}value_lengths_to_be_between", {**TEXT, "min_value": -1}, "numbers from 0 up"),
    ("expect_table_row_count_to_be_between", {"min_value": -5}, "numbers from 0 up"),
    (
        f"{COLUMN}proportion_of_unique_values_to_be_between",
        {"column": "a", "min_value": 2},
        "0 and 1",
    ),
    (
        f"{COLUMN}proportion_of_non_null_values_to_be_between",
        {"column": "a", "max_value": 90},
        "between 0 and 1",
    ),
    (f"{VALUES}not_be_null", {"column": "a", "mostly": 95}, "between 0 and 1, not 95"),
    (f"{VALUES}not_be_null", {"column": "a", "mostly": "most"}, "between 0 and 1, not 'most'"),
    # values of the wrong kind
    (f"{VALUES}be_in_set", {"column": "a", "value_set": "EUR"}, "needs a list as 'value_set'"),
    (f"{VALUES}be_in_set", {"column": "a", "value_set": []}, "at least one item in 'value_set'"),
    (f"{VALUES}be_between", {"column": "a", "min_value": 1, "max_value": "9"}, "of two kinds"),
    (f"{COLUMN}value_lengths_to_equal", {**TEXT, "value": "five"}, "needs a number as 'value'"),
    (f"{VALUES}be_of_type", {"column": "a", "type_": "INTEGR"}, "Did you mean 'integer'"),
    ("expect_table_columns_to_match_set", {"column_set": ["a", "A"]}, "names a column twice"),
    (f"{COLUMN}pair_values_to_be_equal", {"column_A": "a", "column_B": "a"}, "with itself"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a"]}, "at least two columns"),
    (
        f"{COLUMN}pair_values_to_be_in_set",
        {"column_A": "a", "column_B": "b", "value_pairs_set": [[1, 2, 3]]},
        "is a pair of values",
    ),
    (
        f"{COLUMN}pair_values_to_be_equal",
        {"column_A": "a", "column_B": "b", "ignore_row_if": "never"},
        "'ignore_row_if' must be one of",
    ),
    (f"{VALUES}match_regex_list", {**TEXT, "regex_list": ["x"], "match_on": "some"}, "any, all"),
    (
        f"{COLUMN}quantile_values_to_be_between",
        {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": []}},
        "at least one item in 'value_ranges'",
    ),
    (
        f"{COLUMN}quantile_values_to_be_between",
        {"column": "a", "quantile_ranges": {"quantiles": [50], "value_ranges": [[1, 2]]}},
        "a quantile lies between 0 and 1",
    ),
    (
        f"{COLUMN}quantile_values_to_be_between",
        {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 1]]}},
        "goes from above to below",
    ),
    # patterns
    (f"{VALUES}match_regex", {**TEXT, "regex": "("}, "not a regular expression"),
    (f"{VALUES}match_regex", {**TEXT, "regex": "(a+)+$"}, "repeats a repeat"),
    (f"{VALUES}match_regex", {**TEXT, "regex": "(x{100}){50}"}, "repeats 5,000 times"),
    (f"{VALUES}not_match_regex", {**TEXT, "regex": "(?=a)"}, "look-around"),
    (f"{VALUES}match_regex_list", {**TEXT, "regex_list": ["a", "[z-a]"]}, "not a regular"),
    (
        f"{VALUES}match_like_pattern",
        {**TEXT, "like_pattern": "a%", "escape": "ab"},
        "one character",
    ),
    # SQL
    ("unexpected_rows_expectation", {"unexpected_rows_query": "delete from {batch}"}, "only read"),
    (
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "select from where"},
        "cannot be read",
    ),
    (
        "expect_table_row_count_to_equal_other_table",
        {"other_table_name": "x; drop table y"},
        "is not the name of a table",
    ),
]


@pytest.mark.parametrize(
    ("kind", "kwargs", "says"), BROKEN, ids=[f"{i}-{one[0]}" for i, one in enumerate(BROKEN)]
)
def test_a_broken_expectation_is_refused_in_one_sentence(tmp_path, kind, kwargs, says):
    with pytest.raises(DeclarationError) as error:
        checks_of(
            contract(
                tmp_path,
                "raw_shop.orders",
                [column("a", "integer"), column("b", "string")],
                gx("rule", kind, **kwargs),
            )
        )
    text = str(error.value)
    assert re.match(r"config/contracts/raw_shop/orders\.yml:\d+: ", text)
    assert says in text
    assert "\n" not in text
    assert text.endswith((".", "?"))
    assert not re.search(r"Traceback|Error\(|\.\.", text)
