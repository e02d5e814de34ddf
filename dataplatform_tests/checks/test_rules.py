"""From a contract's words to checks."""

from __future__ import annotations

import re

import pytest

from dataplatform.checks.contract_rules import checks_of, gx_checks
from dataplatform.checks.dialects import DIALECTS
from dataplatform.checks.gx_conditions import row_condition
from dataplatform.checks.gx_rules import translate
from dataplatform.checks.samples import sample_sql
from dataplatform.checks.scan import plan
from dataplatform.checks.spec import safe_name
from dataplatform.checks.sql_rules import TABLE, read_query
from dataplatform.checks.threshold import Threshold
from dataplatform.declarations.errors import DeclarationError
from dataplatform.keys import Relation
from dataplatform_tests.checks.declared import column, contract, gx, library, sql


@pytest.fixture
def made(tmp_path):
    def make(columns, *quality, relation="raw_shop.orders"):
        return {
            check.name: check
            for check in checks_of(contract(tmp_path, relation, columns, *quality))
        }

    return make


def test_columns_imply_rules(made):
    found = made(
        [
            column("order_id", "integer", primaryKey=True, primaryKeyPosition=2),
            column("line", "integer", primaryKey=True, primaryKeyPosition=1),
            column(
                "code",
                "string",
                unique=True,
                required=True,
                logicalTypeOptions={"pattern": "^[A-Z]+$", "maxLength": 5},
            ),
            column("amount", "number", logicalTypeOptions={"minimum": 0, "exclusiveMinimum": True}),
        ]
    )
    assert set(found) == {
        "schema",
        "order_id_not_null",
        "line_not_null",
        "primary_key_unique",
        "code_not_null",
        "code_unique",
        "code_pattern",
        "code_length",
        "amount_range",
    }
    assert found["primary_key_unique"].columns == ("line", "order_id")
    assert found["amount_range"].arguments["strict_minimum"] is True
    assert found["code_not_null"].key == ("line", "order_id")
    assert all(check.gate for check in found.values())
    assert all(check.line for check in found.values())


def test_a_written_rule_replaces_the_implied_one_it_repeats(made):
    found = made(
        [
            column(
                "order_id",
                "integer",
                gx("mine", "expect_column_values_to_not_be_null"),
                gx("mine_too", "expect_column_values_to_be_unique", "warning"),
                primaryKey=True,
            )
        ]
    )
    assert set(found) == {"schema", "mine", "mine_too", "order_id_unique"}, (
        "a warning does not replace an error"
    )


def test_a_written_name_wins_over_an_implied_one(made):
    found = made(
        [
            column(
                "order_id",
                "integer",
                sql("order_id_not_null", "select count(*) from ${table} where 1 = 0", mustBe=0),
                required=True,
            )
        ]
    )
    assert set(found) == {"schema", "order_id_not_null", "order_id_not_null_declared"}


def test_a_count_with_a_condition_joins_the_one_scan(made):
    found = made(
        [column("a", "integer")],
        sql(
            "counted",
            "SELECT COUNT(*) FROM ${object} o WHERE o.a > 3 and _fivetran_deleted",
            mustBe=0,
        ),
        sql(
            "joined", "select count(*) from ${table} t join x on t.a = x.a where t.a > 1", mustBe=0
        ),
        sql("average", "select avg(a) from ${table}", mustBeBetween=[1, 2]),
    )
    assert found["counted"].metric == "failing_rows"
    assert found["counted"].columns == ("_fivetran_deleted", "a")
    assert found["joined"].metric == "sql"
    assert found["average"].threshold == Threshold("between", 1, 2)
    statement = plan(list(found.values()), "duckdb").sql
    assert statement.count('from "raw_shop"."orders"') == 3, "the scan and two queries"


def test_one_statement_reads_the_table_once(made):
    found = made(
        [column("a", "integer", primaryKey=True), column("b", "string", required=True)],
        library("rows", "rowCount", mustBeGreaterThan=0),
        gx("b_email", "expect_column_values_to_match_regex", column="b", regex="@"),
    )
    for dialect in ("duckdb", "snowflake", "bigquery"):
        statement = plan(list(found.values()), dialect).sql
        assert statement.lower().replace("`", '"').count('"raw_shop"."orders"') == 1


def test_every_dialect_gives_sql_that_can_be_read(made):
    import sqlglot

    found = made(
        [
            column("a", "integer", primaryKey=True),
            column("b", "string", required=True, unique=True),
        ],
        library(
            "dup",
            "duplicateValues",
            arguments={"properties": ["a", "b"]},
            unit="percent",
            mustBeLessThan=3,
        ),
        gx("b_email", "expect_column_values_to_match_regex", column="b", regex=r"^\d'\\@$"),
        gx(
            "pairs",
            "expect_column_pair_values_a_to_be_greater_than_b",
            column_A="a",
            column_B="b",
            or_equal=True,
        ),
        gx(
            "share",
            "expect_column_proportion_of_unique_values_to_be_between",
            column="a",
            min_value=0.1,
        ),
        sql("cond", "select count(*) from ${table} where a > 3 and b is null", mustBe=0),
        gx("home", "expect_column_most_common_value_to_be_in_set", column="b", value_set=["x"]),
        gx("both", "expect_column_distinct_values_to_contain_set", column="b", value_set=["x"]),
    )
    for dialect in ("duckdb", "snowflake", "bigquery"):
        scan = plan(list(found.values()), dialect)
        assert sqlglot.parse_one(scan.sql, read=dialect)
        sampling = sample_sql(scan.dialect, scan.rules, scan.columns, found)
        assert sqlglot.parse_one(sampling, read=dialect)


def test_names_that_try_to_become_sql_stay_names():
    for sql_dialect in (DIALECTS["duckdb"], DIALECTS["snowflake"]):
        assert sql_dialect.identifier('a"; drop table x; --').count('"') == 4
        assert sql_dialect.literal("'; drop table x; --").startswith("'''; ")
        assert sql_dialect.relation(Relation('s"', "t")).lower() == '"s"""."t"'
    bigquery = DIALECTS["bigquery"]
    assert bigquery.identifier("a`; drop table x; --") == "`a\\`; drop table x; --`"
    assert bigquery.literal("\\'; drop table x; --\n") == r"'\\\'; drop table x; --\n'"
    assert bigquery.relation(Relation("s`", "t")) == "`s\\``.`t`"


def test_what_only_gx_knows_stays_with_gx(made):
    found = made(
        [
            column(
                "a",
                "integer",
                gx("rising", "expect_column_values_to_be_increasing", "warning"),
            )
        ]
    )
    (check,) = gx_checks(found.values())
    assert check.name == "rising"
    assert check.expectation["kwargs"]["column"] == "a"
    assert not check.gate


@pytest.mark.parametrize(
    ("kind", "kwargs", "metric"),
    [
        ("expect_column_values_to_not_be_null", {"column": "a"}, "null_count"),
        ("expect_column_values_to_be_null", {"column": "a"}, "failing_rows"),
        ("expect_column_values_to_be_unique", {"column": "a"}, "nonunique_count"),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [1]}, "invalid_count"),
        (
            "expect_column_values_to_not_be_in_set",
            {"column": "a", "value_set": [1]},
            "invalid_count",
        ),
        ("expect_column_values_to_be_between", {"column": "a", "min_value": 1}, "invalid_count"),
        ("expect_column_value_lengths_to_equal", {"column": "a", "value": 2}, "invalid_count"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"]}, "nonunique_count"),
        ("expect_table_row_count_to_equal", {"value": 2}, "row_count"),
        ("expect_column_median_to_be_between", {"column": "a", "max_value": 2}, "median"),
        (
            "expect_column_unique_value_count_to_be_between",
            {"column": "a", "max_value": 2},
            "distinct_count",
        ),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select * from {batch}"}, "sql"),
        (
            "expect_column_most_common_value_to_be_in_set",
            {"column": "a", "value_set": ["x", "y"], "ties_okay": True},
            "most_common",
        ),
        (
            "expect_column_distinct_values_to_contain_set",
            {"column": "a", "value_set": [1, 2]},
            "absent_values",
        ),
    ],
)
def test_common_expectations_are_neutral(kind, kwargs, metric):
    found = translate(kind, kwargs)
    assert found is not None
    assert found.metric == metric


@pytest.mark.parametrize(
    "kwargs",
    [
        {"column": "a", "regex": {"$PARAMETER": "x"}},
        {"column": "a", "regex": "x", "row_condition": 'col("a").isin([1])'},
    ],
)
def test_arguments_that_gx_fills_in_leave_the_rule_to_it(kwargs):
    assert translate("expect_column_values_to_match_regex", kwargs) is None


@pytest.mark.parametrize("values", [["x", "x"], [1, "x"], [1.5], [None, "x"], [True]])
def test_sets_that_gx_compares_in_its_own_way_are_left_to_it(values):
    for kind in (
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
    ):
        assert translate(kind, {"column": "a", "value_set": values}) is None


def test_rules_about_sets_say_what_they_promise(made):
    found = made(
        [column("a", "string")],
        gx(
            "home",
            "expect_column_most_common_value_to_be_in_set",
            column="a",
            value_set=["EUR", "USD"],
        ),
        gx("all", "expect_column_distinct_values_to_contain_set", column="a", value_set=["x"]),
    )
    assert found["home"].expected == "the most common a is one of EUR, USD"
    assert found["all"].expected == "a has every one of x"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('col("a") > 5', '"a" > 5'),
        ("col('a') == 'it'", "\"a\" = 'it'"),
        ('col("a") == "it\'s"', "\"a\" = 'it''s'"),
        ('col("a").notNull()', '"a" is not null'),
        ('col("a") > 5; drop table x', None),
        ({"type": "nullity", "column": {"name": "a"}, "is_null": True}, '"a" is null'),
        (
            {
                "type": "and",
                "conditions": [
                    {
                        "type": "comparison",
                        "column": {"name": "a"},
                        "operator": ">",
                        "parameter": 1,
                    },
                    {
                        "type": "comparison",
                        "column": {"name": "b"},
                        "operator": "==",
                        "parameter": "x",
                    },
                ],
            },
            '("a" > 1 and "b" = \'x\')',
        ),
        ({"type": "pass_through", "pass_through_filter": "1=1"}, None),
    ],
)
def test_row_conditions(condition, expected):
    assert row_condition(condition) == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("delete from ${table}", "may only read"),
        ("select 1; drop table x", "exactly one SELECT"),
        ("select count(*) frm ${table} where", "cannot be read"),
        ("create table x as select 1", "may only read"),
        ("copy x to 'y'", "may only read"),
        ("attach 'x.db'", "may only read"),
        ("pragma database_list", "may only read"),
        ("select count(*) from ${nonsense}", "unknown placeholder ${nonsense}"),
        ("select count(*) from ${table} where ${column} > 1", "stands under a column"),
        ("with x as (select 1) insert into y select * from x", "may only read"),
        ("select * into y from x", "may only read"),
    ],
)
def test_sql_that_is_refused(query, says):
    with pytest.raises(ValueError, match=says.replace("$", r"\$").replace("{", r"\{")):
        read_query(query, None)


def test_placeholders_of_the_standard_and_of_others():
    for word in ("${table}", "{object}", "{ model }", "{batch}"):
        assert read_query(f"select max(a) from {word}", None).query == f"select max(a) from {TABLE}"
    assert read_query("select max(${property}) from x.y", "a").query == "select max(a) from x.y"
    own = (Relation("raw", "t"),)
    assert read_query("select max(a) from {schema}.other;", None, own).query.endswith("raw.other")


_BAD = [
    ({"type": "lib"}, "must be one of text, library"),
    ({"metric": "rowCounts", "mustBe": 1}, "metric must be one of"),
    ({"metric": "nullValues", "mustBe": 0}, "is a rule of a column"),
    ({"metric": "rowCount"}, "exactly one threshold"),
    ({"metric": "rowCount", "mustBe": 1, "mustNotBe": 2}, "exactly one threshold"),
    ({"metric": "rowCount", "mustEqual": 1}, "'mustEqual' is not a setting"),
    ({"metric": "rowCount", "mustBeBetween": [5, 1]}, "from the smaller to the larger"),
    ({"metric": "rowCount", "mustBeBetween": 5}, "must be a list"),
    ({"metric": "rowCount", "mustBeLessThan": "many"}, "must be a number"),
    ({"metric": "rowCount", "mustBe": 1, "unit": "percent"}, "knows no percent"),
    ({"metric": "rowCount", "mustBe": 1, "unit": "percnt"}, "unit must be one of"),
    ({"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["emial"]}}, "email"),
    ({"type": "sql", "mustBe": 0}, "the setting 'query' of the rule 'r' is missing"),
    ({"type": "sql", "query": "drop table x", "mustBe": 0}, "begins with SELECT"),
    (
        {
            "type": "sql",
            "query": "select avg(a) from ${table}",
            "mustBeLessThan": 3,
            "unit": "percent",
        },
        "leave the unit",
    ),
    ({"type": "custom", "engine": "greatExpectations"}, "the setting 'implementation' of the rule"),
    (
        {"type": "custom", "engine": "greatExpectations", "implementation": {"kwargs": {}}},
        "needs implementation.type",
    ),
    ({"type": "custom", "engine": "greatExpectations", "implementation": "{a: [}"}, "needs"),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_match_regex",
                "kwargs": {"column": "email"},
            },
        },
        "'regex'",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_match_regex",
                "kwargs": {"column": "email", "regex": "(a"},
            },
        },
        "is not a regular expression",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_match_regex",
                "kwargs": {"column": "email", "regex": "(?=a)b"},
            },
        },
        "look-around",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "email", "min_value": 3, "max_value": 1},
            },
        },
        "above max_value",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "email"},
            },
        },
        "needs",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_not_be_null",
                "kwargs": {"column": "email", "mostly": 95},
            },
        },
        "between 0 and 1",
    ),
    (
        {
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_not_be_null",
                "kwargs": {"column": "emial"},
            },
        },
        "email",
    ),
]


@pytest.mark.parametrize(("rule", "says"), _BAD, ids=range(len(_BAD)))
def test_a_rule_that_cannot_be_understood_names_its_line(tmp_path, rule, says):
    with pytest.raises(DeclarationError) as error:
        checks_of(
            contract(
                tmp_path, "raw_shop.orders", [column("email", "string")], {"name": "r", **rule}
            )
        )
    assert says in str(error.value)
    assert re.match(r"config/contracts/raw_shop/orders\.yml:\d+: ", str(error.value))
    assert "\n" not in str(error.value)


def test_long_names_stay_short_and_apart():
    long = "a" * 100
    assert len(safe_name(long + "b")) <= 80
    assert safe_name(long + "b") != safe_name(long + "c")
    assert safe_name("It's; DROP") == "it_s_drop"


def test_bigquery_has_its_own_words():
    sql = DIALECTS["bigquery"]
    assert sql.declared("a varchar, b double, c timestamptz, d bigint") == (
        "a string, b float64, c timestamp, d bigint"
    )
    assert sql.listing("tables", ["b", "a"]) == (
        "(select * from `a`.INFORMATION_SCHEMA.TABLES"
        " union all select * from `b`.INFORMATION_SCHEMA.TABLES) as listed"
    )
    same = sql.among(["`a`", "`b`"], "from t")
    assert same == "struct(`a`, `b`) in (select struct(`a`, `b`) from t)"
    assert sql.quantile("x", 0.05) == "approx_quantiles(x, 1000)[safe_offset(50)]"
    assert sql.like("a", "50!%_", "!") == r"a like '50\\%_'"
    assert sql.count_if("a > 1") == "countif(a > 1)"
    assert sql.hours_since("a") == (
        "timestamp_diff(current_timestamp(), timestamp(a), second) / 3600.0"
    )
    assert DIALECTS["duckdb"].declared("a varchar, c timestamptz") == "a varchar, c timestamptz"
