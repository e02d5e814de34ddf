"""Rules in another warehouse's words; those that have none there say so, and spoil no other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.dialects import DIALECTS
from dataplatform.checks.portable_sql import NotPortable, translated
from dataplatform.checks.scan import plan, run_scan
from dataplatform_tests.checks.declared import column, contract, sql

RELATION = "raw_shop.orders"


@pytest.mark.parametrize(
    ("condition", "snowflake", "bigquery"),
    [
        # Snowflake's REGEXP_LIKE would match the whole text alone.
        ("a ~ '[0-9]'", "(REGEXP_INSTR(a, '[0-9]') > 0)", "REGEXP_CONTAINS(a, '[0-9]')"),
        (
            "not regexp_matches(a, b)",
            "NOT (REGEXP_INSTR(a, b) > 0)",
            "NOT REGEXP_CONTAINS(a, b)",
        ),
        # A cast that fails gives NULL everywhere.
        (
            "try_cast(a as date) is null",
            "TRY_CAST(a AS DATE) IS NULL",
            "SAFE_CAST(a AS DATE) IS NULL",
        ),
        ("a < now()", "a < CURRENT_TIMESTAMP()", "a < CURRENT_TIMESTAMP()"),
        ("\"a b\" = 'it''s'", "\"a b\" = 'it\\'s'", "`a b` = 'it\\'s'"),
    ],
)
def test_a_condition_is_asked_in_the_words_of_each(
    condition: str, snowflake: str, bigquery: str
) -> None:
    assert translated(condition, "duckdb") == condition
    assert translated(condition, "snowflake") == snowflake
    assert translated(condition, "bigquery") == bigquery


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery"])
@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ("a similar to 'x+'", "SIMILAR TO"),
        ("a glob 'x*'", "GLOB"),
        ("struct_extract(a, 'b') = 1", "struct_extract()"),
        ("columns('a.*') is null", "columns()"),
        ("list_sum(a) > 1", "list_sum()"),
        ("regexp_full_match(a, 'x')", "regexp_full_match()"),
        ("exists (select 1 from t where isfinite(t.a))", "isfinite()"),
    ],
)
def test_what_duckdb_alone_has_is_refused_elsewhere(
    dialect: str, condition: str, word: str
) -> None:
    with pytest.raises(NotPortable) as refused:
        translated(condition, dialect)
    assert f"has no {word}, which a rule here asks for" in str(refused.value)


@pytest.mark.parametrize("pattern", ["(?i)x", "(?:a|b)", "a+?", "a{2}?", r"\p{L}"])
def test_a_pattern_that_snowflake_reads_otherwise_is_refused_there(pattern: str) -> None:
    with pytest.raises(NotPortable, match=r"Snowflake reads no .* in a regular expression"):
        DIALECTS["snowflake"].matches("a", pattern)
    with pytest.raises(NotPortable, match="write the letters and repeats out"):
        translated(f"a ~ '{pattern}'", "snowflake")
    for name in ("duckdb", "bigquery"):
        assert "regexp_" in DIALECTS[name].matches("a", pattern)


def test_a_whole_query_is_translated_too(tmp_path: Path) -> None:
    rule = sql(
        "latest",
        'select count(*) from ${table} t where t."a b" in (select max(x) from other) and x < now()',
        mustBe=0,
    )
    (check,) = (
        one
        for one in checks_of(contract(tmp_path, RELATION, [column("x", "date")], rule))
        if one.name == "latest"
    )
    statement = plan([check], "bigquery").sql
    assert "`raw_shop`.`orders` AS t" in statement
    assert "t.`a b`" in statement and "CURRENT_TIMESTAMP()" in statement


def test_a_rule_that_cannot_be_asked_is_an_error_of_its_own(tmp_path: Path) -> None:
    checks = checks_of(
        contract(
            tmp_path,
            RELATION,
            [column("a", "string", required=True)],
            sql("globbed", "select count(*) from ${table} where a glob 'x*'", mustBe=0),
        )
    )
    asked: list[str] = []
    with duckdb.connect() as connection:

        def execute(statement: str) -> list[tuple[object, ...]]:
            asked.append(statement)
            return connection.execute(statement).fetchall()

        connection.execute("CREATE SCHEMA RAW_SHOP; CREATE TABLE RAW_SHOP.ORDERS (A VARCHAR)")
        connection.execute("CREATE MACRO count_if(x) AS count(*) FILTER (WHERE x)")
        verdicts = {
            one.name: one for one in run_scan(execute, checks, "snowflake", {"a": "VARCHAR"})
        }
    assert verdicts["globbed"].error == "Snowflake has no GLOB, which a rule here asks for."
    assert not verdicts["globbed"].passed
    assert verdicts["a_not_null"].passed and verdicts["a_not_null"].error is None
    assert len(asked) == 1 and "glob" not in asked[0].lower()
