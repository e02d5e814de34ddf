"""Scaffolds: what they write is sound, and they overwrite nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dataplatform.cli.new import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation


def new(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".dataplatform" not in path.parts
    }


@pytest.mark.parametrize(
    ("arguments", "relation"),
    [
        (("shop",), Relation("raw_shop_public", "customers")),
        (("shop", "--table", "public.orders"), Relation("raw_shop_public", "orders")),
        (("crm2", "--service", "salesforce", "--table", "Lead"), Relation("raw_crm2", "lead")),
        (("files", "--service", "s3"), Relation("raw_files", "users")),
    ],
)
def test_source(copied: Path, arguments: tuple[str, ...], relation: Relation) -> None:
    result = new("source", *arguments)
    assert result.exit_code == 0, result.output
    project = open_project(copied)
    project.check()
    assert relation in project.relations
    model = Relation("staging", f"stg_{arguments[0]}_{relation.table}")
    assert model in project.relations
    sql = next(copied.rglob(f"{model.table}.sql")).read_text()
    assert f"source('{relation.schema}', '{relation.table}')" in sql
    assert ("_fivetran_deleted" in sql) == (arguments[0] != "files")


def test_source_of_a_service_without_an_example(copied: Path) -> None:
    for name in ("salesforce", "community", "production"):
        (copied / f"config/connections/{name}.yml").unlink()
    for folder in ("contracts", "pipelines"):
        for path in (copied / "config" / folder).rglob("*.yml"):
            path.unlink()
    # Its budgets name a pipeline.
    (copied / "config/budgets.yml").unlink()
    for service in ("postgres", "salesforce", "s3", "gcs", "google_sheets"):
        result = new("source", f"my_{service}", "--service", service)
        assert result.exit_code == 0, result.output
    found = {one.name: one for one in open_project(copied).connections}
    assert found["my_postgres"].config["host"] == "${MY_POSTGRES_HOST}"
    assert found["my_s3"].config["files"][0]["table_name"] == "things"
    assert found["my_gcs"].config["secret_key"] == "${MY_GCS_SERVICE_ACCOUNT}"
    assert found["my_google_sheets"].config["table"] == "things"
    sql = (copied / "dbt_project/models/staging/my_gcs/stg_my_gcs_things.sql").read_text()
    assert "_fivetran_deleted" not in sql


def test_model(copied: Path) -> None:
    result = new("model", "top_customers", "--from", "dim_customers", "--domain", "customers")
    assert result.exit_code == 0, result.output
    sql = (copied / "dbt_project/models/marts/customers/top_customers.sql").read_text()
    assert "{{ ref('dim_customers') }}" in sql and "    lifetime_value_eur" in sql
    assert Relation("candidate", "top_customers") in open_project(copied).relations


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("staging.stg_products", "product_id"),
        ("raw_salesforce.lead", "id"),
        ("marts.community_engagement", "user_id"),
    ],
)
def test_contract(copied: Path, table: str, key: str) -> None:
    result = new("contract", table)
    assert result.exit_code == 0, result.output
    project = open_project(copied)
    contract = next(one for one in project.contracts if str(one.published) == table)
    assert [rule.raw["metric"] for rule in contract.rules] == ["rowCount"]
    assert key in [column.name for column in contract.columns]
    compiled = copied / f"dbt_project/tests/contracts/contract_{contract.relation.table}.sql"
    assert compiled.exists() != table.startswith("raw_")


def test_pipeline(copied: Path) -> None:
    result = new("pipeline", "nightly", "--cron", "0 2 * * *", "--timezone", "Europe/Berlin")
    assert result.exit_code == 0, result.output
    pipeline = next(one for one in open_project(copied).pipelines if one.name == "nightly")
    assert (pipeline.cron, pipeline.timezone) == ("0 2 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("source", "salesforce"), "config/connections/salesforce.yml exists already"),
        (("source", "Shop"), "'Shop' cannot name a source"),
        (("source", "../shop"), "'../shop' cannot name a source"),
        (("source", "x", "--service", "postgre"), "Did you mean 'postgres'?"),
        (("source", "x", "--table", "public.order"), "Did you mean 'public.orders'?"),
        (("model", "dim_customers"), "The model 'dim_customers' exists already"),
        (("model", "x", "--from", "stg_order"), "Did you mean 'stg_orders'?"),
        (("model", "x", "--layer", "mart"), "Did you mean 'marts'?"),
        (("model", "x", "--domain", "a/b"), "'a/b' cannot name a folder"),
        (("contract", "marts.dim_customers"), "dim_customers.yml exists already"),
        (("contract", "dim_customers"), "must be written as schema.table"),
        (("contract", "marts.dim_customer"), "Did you mean 'marts.dim_customers'?"),
        (("contract", "curated.dim_customers"), "is that of marts.dim_customers"),
        (("pipeline", "customers"), "config/pipelines/customers.yml exists already"),
        (("pipeline", "x", "--cron", "daily"), "'daily' is not a cron: it needs five fields"),
        (("pipeline", "x", "--timezone", "Berlin"), "'Berlin' is not a time zone"),
        (("pipeline", "x", "--select", 'key:"marts/nothing"'), "which nothing makes"),
    ],
)
def test_mistakes_leave_nothing_behind(copied: Path, arguments: tuple[str, ...], told: str) -> None:
    before = files_of(copied)
    result = new(*arguments)
    assert isinstance(result.exception, UserError), result.output
    assert told in str(result.exception)
    assert files_of(copied) == before


def test_contract_of_a_table_whose_columns_nobody_knows(copied: Path) -> None:
    folder = copied / "dbt_project/models/staging/odd"
    folder.mkdir()
    (folder / "stg_odd.sql").write_text("select 1 as one")
    result = new("contract", "staging.stg_odd")
    assert isinstance(result.exception, UserError)
    assert "Nobody knows the columns of staging.stg_odd" in str(result.exception)


@pytest.mark.slow
def test_dbt_reads_what_was_written(copied: Path) -> None:
    for arguments in (
        ("source", "shop"),
        ("source", "files", "--service", "s3"),
        ("model", "top_customers", "--from", "dim_customers"),
        ("contract", "staging.stg_products"),
    ):
        assert new(*arguments).exit_code == 0
    from dataplatform.declarations.dbt_project import load_graph

    graph = load_graph(open_project(copied))
    names = {node.name for node in graph.nodes}
    assert {"stg_shop_customers", "stg_files_users", "top_customers"} <= names
