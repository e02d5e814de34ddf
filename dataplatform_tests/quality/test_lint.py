"""What ``contract compile`` writes and ``contract lint`` refuses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from dataplatform.cli.contract import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.quality import compile_dbt, lint
from dataplatform.quality.lint import findings
from dataplatform_tests.checks.declared import column, gx, library, write_contract
from dataplatform_tests.quality.conftest import REPOSITORY, bare_project


@pytest.fixture
def project(tmp_path, customers_contract, monkeypatch):
    """A project of one model with a contract, and one that reads it."""
    bare_project(tmp_path)
    models = tmp_path / "dbt_project" / "models" / "staging"
    models.mkdir(parents=True)
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text(
        (REPOSITORY / "dbt_project" / "dbt_project.yml").read_text()
    )
    macros = ("generate_schema_name.sql", "contract_scan.sql", "query_tag.sql")
    for name in ("profiles.yml", *(f"macros/{macro}" for macro in macros)):
        (tmp_path / "dbt_project" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "dbt_project" / name).write_text(
            (REPOSITORY / "dbt_project" / name).read_text()
        )
    (models / "stg_customers.sql").write_text("select 1 as customer_id, 'a@b.c' as email, 3 as age")
    (models / "stg_child.sql").write_text("select * from {{ ref('stg_customers') }}")
    customers_contract(tmp_path)
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    return open_project(tmp_path)


def test_compiling_twice_changes_nothing(project):
    assert {path.name for path in compile_dbt.write(project)} == {
        "contract_stg_customers.sql", "stg_customers.yml",
    }  # fmt: skip
    assert compile_dbt.write(project) == []
    assert findings(project) == []


def test_a_stale_a_missing_and_a_left_over_file_are_found_and_mended(project):
    runner = CliRunner()
    folder = project.dbt / compile_dbt.FOLDER
    assert "is not what its contract compiles to" in findings(project)[0]
    assert runner.invoke(app, ["lint"]).exit_code == 2
    assert runner.invoke(app, ["compile"]).exit_code == 0
    assert runner.invoke(app, ["lint"]).exit_code == 0
    (folder / "contract_stg_customers.sql").write_text("select 1")
    (folder / "contract_gone.sql").write_text("select 1")
    assert len(findings(project)) == 2
    assert (
        "removed dbt_project/tests/contracts/contract_gone.sql"
        in runner.invoke(app, ["compile"]).output
    )
    assert findings(project) == []


@pytest.mark.slow
def test_an_error_rule_that_comes_too_late_to_gate_is_refused(project):
    def rule(severity):
        return gx("rising", "expect_column_values_to_be_increasing", severity)

    def write(severity):
        write_contract(
            project.root,
            "staging.stg_customers",
            [column("customer_id", "integer", rule(severity))],
        )
        again = open_project(project.root)
        compile_dbt.write(again)
        return findings(again)

    (found,) = write("error")
    assert "'rising' can only be evaluated by Great Expectations" in found
    assert "stg_child" in found
    assert found.startswith("config/contracts/staging/stg_customers.yml:")
    assert write("warning") == []


@pytest.mark.parametrize(
    ("materialized", "refused"),
    [("view", "a view"), ("materialized_view", "a materialized view"),
     ("table", ""), ("incremental", "")],
)  # fmt: skip
def test_a_view_cannot_set_rows_aside(project, monkeypatch, materialized, refused):
    aside = [{"property": "onFailure", "value": "quarantine"}]
    rule = library("filled", "nullValues", mustBe=0, customProperties=aside)
    write_contract(project.root, "staging.stg_customers", [column("customer_id", "integer", rule)])
    again = open_project(project.root)
    compile_dbt.write(again)
    node = SimpleNamespace(materialized=materialized)
    graph = SimpleNamespace(by_relation={Relation("staging", "stg_customers"): node})
    monkeypatch.setattr(lint, "load_graph", lambda project: graph)
    found = findings(again)
    assert CliRunner().invoke(app, ["lint"]).exit_code == (2 if refused else 0)
    if not refused:
        assert found == []
        return
    (found,) = found
    written = (project.root / "config/contracts/staging/stg_customers.yml").read_text()
    line = written[: written.index("- customProperties")].count("\n") + 1
    assert found.startswith(f"config/contracts/staging/stg_customers.yml:{line}: ")
    assert f"the rule 'filled' cannot set rows aside: staging.stg_customers is {refused}," in found
    assert "materialized: table, or say onFailure: keep" in found


def test_showing_a_table_nobody_knows_names_the_nearest(project):
    outcome = CliRunner().invoke(app, ["show", "stg_customer"])
    assert isinstance(outcome.exception, UserError)
    assert "stg_customers" in str(outcome.exception)
    shown = CliRunner().invoke(app, ["show", "staging/stg_customers"], env={"COLUMNS": "200"})
    assert "email_valid" in shown.output


def test_the_repositorys_own_contracts_are_compiled():
    assert findings(open_project(REPOSITORY)) == []


STANDARD = REPOSITORY / "dataplatform_tests" / "declarations" / "standard"


def test_any_file_of_the_standard_is_linted_and_shown(project):
    runner = CliRunner()
    linted = runner.invoke(app, ["lint", str(STANDARD / "parcels-3.0.0.yaml")])
    assert linted.exit_code == 0, linted.exception
    assert "parcels-3.0.0.yaml:109: roles: who may read is told by the" in linted.output
    assert "words for people" in linted.output
    assert "2 tables, 10 checks, nothing to mend." in linted.output
    shown = runner.invoke(app, ["show", str(STANDARD / "subscriptions-3.1.0.yaml")])
    assert "billing.subscription" in shown.output
    assert "billing.plan" in shown.output
    bare = runner.invoke(app, ["lint", str(STANDARD / "bare-3.1.0.yaml")])
    assert "describes no table" in bare.output
    assert bare.exit_code == 0


def test_a_projects_own_file_is_linted_as_the_project_reads_it(project):
    path = project.root / "config" / "contracts" / "staging" / "stg_customers.yml"
    outcome = CliRunner().invoke(app, ["lint", str(path)])
    assert outcome.exit_code == 0, outcome.exception
    assert "1 tables" in outcome.output
    path.rename(path.with_name("stg_costumers.yml"))
    outcome = CliRunner().invoke(app, ["lint", str(path.with_name("stg_costumers.yml"))])
    assert "nothing makes the table staging.stg_costumers" in str(outcome.exception)


def test_a_yml_that_comes_apart_from_its_contract_is_found(project):
    compile_dbt.write(project)
    path = project.dbt / "models" / "staging" / "stg_customers.yml"
    path.write_text(path.read_text().replace("data_type: varchar", "data_type: date"))
    (found,) = findings(project)
    assert found == (
        "dbt_project/models/staging/stg_customers.yml: is not what its contract compiles to; "
        "run `dataplatform contract compile`."
    )
    compile_dbt.write(project)
    path.write_text(path.read_text() + "      - name: extra # of ours\n")
    (found,) = findings(project)
    assert "give 'extra' a data_type" in found
