"""Great Expectations itself gives the verdicts that our scan gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataplatform.checks.contract_rules import checks_of, gx_checks, scan_checks
from dataplatform.checks.scan import run_scan
from dataplatform.declarations.contract import load_contract
from dataplatform.declarations.project import open_project
from dataplatform.duckdb_file import open_duckdb
from dataplatform.keys import Relation
from dataplatform.quality import gx as room
from dataplatform.quality.gx_source import forget
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.checks.declared import column, gx, library, sql, write_contract
from dataplatform_tests.quality.conftest import bare_project

GOOD = """
select i as customer_id, 'user' || i || '@example.com' as email, 20 + i % 50 as age,
       case when i % 2 = 0 then 'EUR' else 'USD' end as currency, i * 1.5 as amount,
       timestamptz '2025-01-01' + interval (i) hour as seen_at
from range(1, 101) t(i)
"""
BAD = """
select case when i % 10 = 0 then null when i = 7 then 6 else i end as customer_id,
       case when i % 5 = 0 then 'nobody' when i % 7 = 0 then null
            else 'user' || i || '@example.com' end as email,
       case when i = 3 then 130 when i % 4 = 0 then null else i end as age,
       case when i = 9 then 'XXX' else 'EUR' end as currency, i * 100.5 as amount,
       timestamptz '2025-01-01' + interval (i) hour as seen_at
from range(1, 51) t(i)
"""


def write(root: Path, relation: str = "raw_shop.customers") -> Path:
    """Every kind of rule there is."""
    return write_contract(
        root,
        relation,
        [
            column(
                "customer_id",
                "integer",
                gx("id_rises", "expect_column_values_to_be_increasing", strictly=True),
                primaryKey=True,
            ),
            column(
                "email",
                "string",
                gx(
                    "email_valid",
                    "expect_column_values_to_match_regex",
                    regex=r"^[^@]+@[^@]+\.[^@]{2,}$",
                ),
                gx("email_mostly", "expect_column_values_to_match_regex", regex="@", mostly=0.8),
                gx("email_no_spaces", "expect_column_values_to_not_match_regex", regex=r"\s"),
                gx("email_length", "expect_column_value_lengths_to_be_between", min_value=8),
                library(
                    "email_missing",
                    "missingValues",
                    "warning",
                    arguments={"missingValues": ["", "n/a"]},
                    mustBeLessThan=5,
                ),
                library("email_null_share", "nullValues", unit="percent", mustBeLessThan=10),
            ),
            column(
                "age",
                "integer",
                gx("age_between", "expect_column_values_to_be_between", min_value=0, max_value=120),
                gx("age_mean", "expect_column_mean_to_be_between", min_value=1, max_value=60),
                gx("age_max", "expect_column_max_to_be_between", max_value=120),
                gx("age_stdev", "expect_column_stdev_to_be_between", min_value=1, max_value=20),
                gx(
                    "age_quantiles",
                    "expect_column_quantile_values_to_be_between",
                    quantile_ranges={
                        "quantiles": [0.1, 0.5],
                        "value_ranges": [[15, 30], [None, 60]],
                    },
                ),
                gx("age_median", "expect_column_median_to_be_between", min_value=1, max_value=60),
                gx(
                    "age_of_europeans",
                    "expect_column_values_to_be_between",
                    min_value=0,
                    max_value=120,
                    row_condition='col("currency") == "EUR"',
                    condition_parser="great_expectations",
                ),
            ),
            column(
                "currency",
                "string",
                gx("currency_known", "expect_column_values_to_be_in_set", value_set=["EUR", "USD"]),
                library(
                    "currency_valid",
                    "invalidValues",
                    arguments={"validValues": ["EUR", "USD"]},
                    mustBe=0,
                ),
                gx(
                    "currency_shares",
                    "expect_column_kl_divergence_to_be_less_than",
                    partition_object={"values": ["EUR", "USD"], "weights": [0.5, 0.5]},
                    threshold=0.1,
                ),
                gx(
                    "currencies",
                    "expect_column_distinct_values_to_contain_set",
                    value_set=["EUR", "USD"],
                ),
            ),
            column(
                "amount",
                "number",
                gx("amount_sum", "expect_column_sum_to_be_between", min_value=1, max_value=100_000),
            ),
            column("seen_at", "timestamp"),
        ],
        library("enough", "rowCount", mustBeGreaterOrEqualTo=100),
        library(
            "pairs", "duplicateValues", arguments={"properties": ["customer_id", "email"]}, mustBe=0
        ),
        sql("no_giants", "select count(*) from ${table} where age > 125", mustBe=0),
        sql("average", "select avg(amount) from ${table}", mustBeLessThan=500),
        gx(
            "rows_query",
            "unexpected_rows_expectation",
            unexpected_rows_query="select * from {batch} where amount > 4000",
        ),
    )


@pytest.fixture
def shop(tmp_path):
    """Return a project with one table; call it with the rows it shall hold."""
    bare_project(tmp_path)
    contract = load_contract(write(tmp_path), tmp_path)

    def fill(rows: str):
        path = tmp_path / ".dataplatform" / "warehouse.duckdb"
        with open_duckdb(path, purpose="test") as connection:
            connection.execute("create schema if not exists raw_shop")
            connection.execute(f"create or replace table raw_shop.customers as {rows}")
        return open_project(tmp_path), contract

    return fill


@pytest.mark.slow
@pytest.mark.parametrize("rows", [GOOD, BAD], ids=["good", "bad"])
def test_gx_gives_the_verdicts_that_the_scan_gives(shop, rows):
    project, contract = shop(rows)
    warehouse = open_warehouse(project.environment, project)
    relation = Relation("raw_shop", "customers")
    checks = scan_checks(checks_of(contract))
    with warehouse.session("test") as session:
        ours = run_scan(session.execute, checks, "duckdb", warehouse.columns(relation))
    theirs = {verdict.name: verdict for verdict in room.validate(project, contract)}
    assert all(v.error is None for v in [*ours, *theirs.values()]), [
        v for v in [*ours, *theirs.values()] if v.error
    ]
    assert {v.name: v.passed for v in ours} == {v.name: theirs[v.name].passed for v in ours}
    assert any(not v.passed for v in ours) == (rows is BAD)
    # Where both count failing rows of a map expectation, they count the same.
    written = {check.name for check in checks if check.expectation}
    for verdict in ours:
        other = theirs[verdict.name]
        if verdict.name in written and other.failing_count is not None:
            assert verdict.failing_count == other.failing_count, verdict.name
    assert room.data_docs(project).is_file()


SETS = """
select i as amount, case when i <= 3 then 'EUR' when i <= 6 then 'USD' when i = 7 then 'XXX' end
       as currency, i % 3 as digit
from range(1, 12) t(i)
"""
MOST_COMMON = "expect_column_most_common_value_to_be_in_set"
CONTAIN = "expect_column_distinct_values_to_contain_set"
# Rule, its expectation, its arguments, and what is true of SETS: EUR and USD come up three times.
SET_RULES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("tied", MOST_COMMON, {"column": "currency", "value_set": ["EUR"]}, False),
    ("tied_both", MOST_COMMON, {"column": "currency", "value_set": ["EUR", "USD"]}, False),
    ("tie_ok", MOST_COMMON, {"column": "currency", "value_set": ["EUR"], "ties_okay": True}, True),
    ("rare", MOST_COMMON, {"column": "currency", "value_set": ["XXX"], "ties_okay": True}, False),
    (
        "most_of_some",
        MOST_COMMON,
        {"column": "currency", "value_set": ["EUR"], "row_condition": 'col("amount") < 6'},
        True,
    ),
    (
        "most_of_none",
        MOST_COMMON,
        {"column": "currency", "value_set": ["EUR"], "row_condition": 'col("amount") > 99'},
        False,
    ),
    ("digits", MOST_COMMON, {"column": "digit", "value_set": [1, 2], "ties_okay": True}, True),
    ("has", CONTAIN, {"column": "currency", "value_set": ["USD", "EUR"]}, True),
    ("lacks", CONTAIN, {"column": "currency", "value_set": ["EUR", "CHF"]}, False),
    ("has_digits", CONTAIN, {"column": "digit", "value_set": [0, 1, 2]}, True),
    ("lacks_digits", CONTAIN, {"column": "digit", "value_set": [0, 7]}, False),
]


@pytest.mark.slow
def test_sets_are_judged_by_the_scan_as_gx_does(shop, tmp_path):
    contract = load_contract(
        write_contract(
            tmp_path,
            "raw_shop.customers",
            [column("amount", "integer"), column("currency", "string"), column("digit", "integer")],
            *(gx(name, kind, **kwargs) for name, kind, kwargs, _ in SET_RULES),
        ),
        tmp_path,
    )
    project, _ = shop(SETS)
    checks = checks_of(contract)
    assert {check.engine for check in checks} == {"scan"}
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("test") as session:
        ours = run_scan(session.execute, checks, "duckdb", warehouse.columns(contract.relation))
    expected = {name: passed for name, _, _, passed in SET_RULES} | {"schema": True}
    assert {v.name: (v.passed, v.error) for v in ours} == {
        name: (passed, None) for name, passed in expected.items()
    }
    observed = {v.name: v.observed for v in ours}
    assert (observed["most_of_some"], observed["lacks"], observed["has"]) == ("EUR", 1, 0)
    assert {v.name: v.passed for v in room.validate(project, contract)} == expected


@pytest.mark.slow
def test_rules_only_gx_can_evaluate_are_judged_by_it(shop):
    project, contract = shop(BAD)
    only = gx_checks(checks_of(contract))
    assert [check.name for check in only] == ["id_rises", "currency_shares"]
    verdicts = {v.name: v for v in room.validate(project, contract, only)}
    assert {name: (v.passed, v.error) for name, v in verdicts.items()} == dict.fromkeys(
        ("id_rises", "currency_shares"), (False, None)
    )
    assert verdicts["id_rises"].failing_count == 1
    assert verdicts["id_rises"].sample_keys == ("6",)
    for verdict in verdicts.values():
        page = Path(verdict.page)
        assert page.is_file()
        assert page.is_relative_to(room.data_docs(project).parent)
    project, contract = shop(GOOD)
    assert all(verdict.passed for verdict in room.validate(project, contract, only))


@pytest.mark.slow
def test_a_rule_that_gx_cannot_evaluate_spoils_no_other_and_never_passes(shop):
    project, contract = shop(GOOD)
    good, _ = gx_checks(checks_of(contract))
    broken = replace(
        good,
        name="broken",
        expectation={
            "type": "expect_column_kl_divergence_to_be_less_than",
            "kwargs": {"column": "email", "partition_object": {"bins": [1, 2], "weights": [1.0]}},
        },
    )
    fine = replace(
        good,
        name="fine",
        expectation={"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "age"}},
    )
    writes = replace(
        good,
        name="writes",
        expectation={
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "create table raw_shop.mine as select 1"},
        },
    )
    found = {v.name: v for v in room.validate(project, contract, [broken, fine, writes])}
    assert found["fine"].passed
    assert found["broken"].error and not found["broken"].passed
    assert found["writes"].error and not found["writes"].passed
    with open_duckdb(project.state / "warehouse.duckdb", purpose="test") as connection:
        tables = connection.execute("select table_name from information_schema.tables").fetchall()
    assert tables == [("customers",)]


@pytest.mark.slow
def test_classified_values_are_kept_nowhere(shop):
    project, contract = shop(BAD)
    checks = [
        replace(check, masked=frozenset({"email", "customer_id"}))
        for check in checks_of(contract)
        if "email" in check.columns or check.name == "id_rises"
    ]
    verdicts = {v.name: v for v in room.validate(project, contract, checks)}
    assert not verdicts["email_valid"].passed
    kept = [path for path in room.folder(project).rglob("*") if path.suffix in {".html", ".json"}]
    assert kept
    assert not [
        path for path in kept if "@example.com" in path.read_text() or "nobody" in path.read_text()
    ]
    assert not any("@" in str(v.observed) for v in verdicts.values())


@pytest.mark.parametrize("kind", ["duckdb", "warehouse"])
def test_data_sources_that_only_the_platform_knows_are_not_kept(tmp_path, kind):
    file = tmp_path / "great_expectations.yml"
    forget(file)
    assert not file.exists()
    memory = "  memory:\n    type: pandas\n"
    kept = f"# GX's own words\nfluent_datasources:\n{memory}stores: {{}}\n"
    file.write_text(kept)
    forget(file)
    assert file.read_text() == kept
    ours = f"  warehouse:\n    type: {kind}\n    connection_string: x://\n"
    file.write_text(kept.replace(memory, ours + memory))
    forget(file)
    assert file.read_text() == kept


@pytest.mark.slow
def test_results_that_are_old_are_forgotten(shop, monkeypatch):
    project, contract = shop(GOOD)
    monkeypatch.setattr(room, "RESULTS_KEPT", 2)
    only = gx_checks(checks_of(contract))[:1]
    kept = room.folder(project) / "gx" / "uncommitted"
    pages = kept / "data_docs" / "local_site" / "validations"
    seen = []
    for _ in range(3):
        room.validate(project, contract, only)
        seen.append({path.parent.name for path in (kept / "validations").rglob("*.json")})
    assert [len(runs) for runs in seen] == [1, 2, 2]
    assert not seen[0] & seen[2], "the oldest went"
    assert {path.parent.name for path in pages.rglob("*.html")} == seen[2]
