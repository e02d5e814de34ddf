"""Contracts as dbt tests: what is compiled, and that a bare ``dbt build`` gates by it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataplatform.checks.dialects import DIALECTS
from dataplatform.checks.verdicts import Verdict, parse_log_line
from dataplatform.declarations.contract import load_contract
from dataplatform.quality import compile_dbt
from dataplatform_tests.checks.declared import column, contract, sql
from dataplatform_tests.quality.conftest import REPOSITORY

GOOD = "(1, 'a@b.c', 10), (2, 'b@b.c', 30), (3, 'c@d.e', 40)"
BAD = "(1, 'a@b.c', 10), (1, 'b@', 300), (3, null, 40)"

PROJECT = """
name: small
version: "1.0.0"
profile: small
models: {small: {+materialized: table, +schema: staging}}
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
small:
  target: dev
  outputs: {dev: {type: duckdb, path: "%s", schema: staging, threads: 1}}
"""


class Small:
    """A dbt project of a checked model and its child."""

    def __init__(self, root: Path, customers_contract) -> None:
        self.root, self.dbt = root, root / "dbt_project"
        (self.dbt / "models").mkdir(parents=True)
        (self.dbt / "macros").mkdir()
        macros = REPOSITORY / "dbt_project" / "macros"
        for name in ("contract_scan.sql", "generate_schema_name.sql"):
            shutil.copy(macros / name, self.dbt / "macros" / name)
        (self.dbt / "dbt_project.yml").write_text(PROJECT)
        (self.dbt / "profiles.yml").write_text(PROFILE % (root / "warehouse.duckdb"))
        (self.dbt / "models" / "child.sql").write_text("select * from {{ ref('stg_customers') }}")
        contract = load_contract(customers_contract(root), root)
        path = self.dbt / compile_dbt.FOLDER / "contract_stg_customers.sql"
        path.parent.mkdir(parents=True)
        path.write_text(compile_dbt.compiled(contract))

    def build(
        self, rows: str, columns: str = "customer_id, email, age"
    ) -> tuple[dict[str, str], dict[str, Verdict]]:
        """Build with these rows; return dbt's statuses and the verdicts in its log."""
        from dbt.cli.main import dbtRunner

        model = f"select * from (values {rows}) as t({columns})"
        (self.dbt / "models" / "stg_customers.sql").write_text(model)
        lines: list[str] = []
        runner = dbtRunner(callbacks=[lambda event: lines.append(event.info.msg)])
        outcome = runner.invoke(
            [
                "build",
                "--project-dir",
                str(self.dbt),
                "--profiles-dir",
                str(self.dbt),
                "--quiet",
                "--log-level-file",
                "none",
            ]
        )
        verdicts = [verdict for line in lines for verdict in parse_log_line(line)]
        statuses = {result.node.name: str(result.status) for result in outcome.result}
        return statuses, {verdict.name: verdict for verdict in verdicts}


@pytest.fixture
def small(tmp_path, customers_contract):
    return Small(tmp_path, customers_contract)


@pytest.mark.slow
def test_good_rows_pass_and_the_child_is_built(small):
    statuses, verdicts = small.build(GOOD)
    assert statuses == {
        "stg_customers": "success",
        "contract_stg_customers": "pass",
        "child": "success",
    }
    assert all(verdict.passed for verdict in verdicts.values()), verdicts
    assert set(verdicts) == {
        "schema",
        "customer_id_not_null",
        "customer_id_unique",
        "email_valid",
        "email_filled",
        "age_possible",
        "enough_rows",
        "no_giants",
        "young_on_average",
    }
    assert verdicts["enough_rows"].observed == 3


@pytest.mark.slow
def test_bad_rows_keep_the_child_from_being_built_and_say_why(small):
    statuses, verdicts = small.build(BAD)
    assert statuses["contract_stg_customers"] == "fail"
    assert statuses["child"] == "skipped"
    assert {name for name, verdict in verdicts.items() if not verdict.passed} == {
        "customer_id_unique",
        "email_valid",
        "age_possible",
        "no_giants",
        "young_on_average",
    }
    unique = verdicts["customer_id_unique"]
    assert (unique.failing_count, unique.row_count, unique.sample_keys) == (2, 3, ("1", "1"))
    assert verdicts["email_valid"].sample_keys == ("1",)
    assert verdicts["email_filled"].observed == pytest.approx(100 / 3)


@pytest.mark.slow
def test_a_missing_column_is_an_error_and_the_other_rules_are_still_judged(small):
    # And so is a rule that this warehouse has no words for, as none is of DuckDB.
    file = small.dbt / compile_dbt.FOLDER / "contract_stg_customers.sql"
    refused = {
        "name": "globbed",
        "relation": "staging.stg_customers",
        "severity": "WARN",
        "expected": "0",
        "refused": "Snowflake has no GLOB.",
        "reproduce": "select 1",
    }
    rules = "{%- set rules = [\n"
    text = file.read_text().replace(rules, f"{rules}  {compile_dbt._jinja(refused)},\n", 1)
    file.write_text(text)
    statuses, verdicts = small.build("(1, 2)", columns="customer_id, age")
    assert statuses["contract_stg_customers"] == "fail"
    assert statuses["child"] == "skipped"
    assert "no column 'email'" in verdicts["email_valid"].error
    assert "email is missing" in verdicts["schema"].observed
    assert verdicts["globbed"].error == "Snowflake has no GLOB."
    assert not verdicts["globbed"].passed
    assert verdicts["customer_id_unique"].passed


def test_a_rule_without_words_in_one_warehouse_is_refused_there_alone(tmp_path):
    rule = sql("globbed", "select count(*) from ${table} where a glob 'x*'", mustBe=0)
    made = contract(tmp_path, "staging.stg_customers", [column("a", "string")], rule)
    text = compile_dbt.compiled(made)
    for name in DIALECTS:
        rules = text.split(f"target.type == '{name}'")[1].split("set measures")[0]
        assert ("has no GLOB, which a rule here asks for" in rules) is (name != "duckdb")
        assert '"name": "globbed"' in rules


def test_text_cannot_break_out_of_the_compiled_file(tmp_path):
    from jinja2 import Environment

    nasty = "a'b\"c {{ x }} %} #} é \\d"
    environment = Environment()
    environment.globals.update(config=lambda **_: "", ref=str, contract_scan=lambda *a: repr(a))
    text = "{%- set rules = " + compile_dbt._jinja([{"k": nasty}]) + " -%}{{ rules[0].k }}"
    assert environment.from_string(text).render() == nasty
