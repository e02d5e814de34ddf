"""The repository's own project loads whole, in each environment, with nothing up and no secret."""

from __future__ import annotations

import os

import pytest

from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation

NEEDED = ("FIVETRAN_", "SNOWFLAKE_", "LAKE_", "PRODUCTION_DB_", "SALESFORCE_", "SMTP_", "AWS_")


@pytest.fixture(params=["local", "staging", "production"])
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in list(os.environ):
        if name.startswith(NEEDED):
            monkeypatch.delenv(name)
    monkeypatch.delenv("DATAPLATFORM_PROJECT", raising=False)
    monkeypatch.setenv("DATAPLATFORM_ENV", request.param)
    return str(request.param)


def test_everything_loads_without_credentials(environment: str) -> None:
    project = open_project()
    project.check()
    assert project.environment.name == environment
    assert {one.name for one in project.connections} >= {"salesforce", "production", "community"}
    assert {one.name for one in project.pipelines} >= {"customers", "community", "sales"}


@pytest.mark.parametrize("environment", ["staging", "production"], indirect=True)
def test_a_missing_secret_is_named(environment: str) -> None:
    project = open_project()
    assert project.environment.fivetran.api_url == "https://api.fivetran.com"
    with pytest.raises(DeclarationError) as caught:
        project.environment.resolve_all(project.environment.fivetran)
    assert str(caught.value).startswith(
        f"config/environments/{environment}.yml:15: FIVETRAN_API_KEY is not set"
    )


def test_tables_land_by_the_naming_rule() -> None:
    project = open_project()
    found = {str(relation) for one in project.connections for relation in one.relations}
    assert {
        "raw_postgres_public.customers",
        "raw_postgres_public.order_items",
        "raw_salesforce.contact",
        "raw_community.posts",
    } <= found
    contact = next(one for one in project.connections if one.name == "salesforce").table(
        Relation("raw_salesforce", "contact")
    )
    assert contact is not None and contact.name == "Contact"
    assert contact.columns["customer_external_id_c"] == "string"


def test_marts_are_promised_on_their_candidates() -> None:
    contracts = {str(one.published): one for one in open_project().contracts}
    assert str(contracts["marts.dim_customers"].relation) == "candidate.dim_customers"
    assert str(contracts["staging.stg_customers"].relation) == "staging.stg_customers"
    for contract in contracts.values():
        assert contract.owner and contract.freshness_hours and contract.rules and contract.columns


def test_the_customers_suite_has_what_was_promised() -> None:
    contract = next(
        one for one in open_project().contracts if str(one.relation) == "staging.stg_customers"
    )
    rules = {rule.raw["name"]: rule for rule in contract.rules}
    assert rules["at_least_1000_customers"].raw["mustBeGreaterOrEqualTo"] == 1000
    assert rules["customer_id_is_not_null"].raw["metric"] == "nullValues"
    assert rules["customer_id_is_unique"].raw["implementation"]["type"] == (
        "expect_column_values_to_be_unique"
    )
    assert rules["email_looks_like_an_address"].raw["arguments"] == {
        "pattern": r"^[^@]+@[^@]+\.[^@]+$"
    }
    assert rules["age_is_between_0_and_120"].raw["arguments"] == {"minimum": 0, "maximum": 120}
    assert all(rules[name].raw["severity"] == "error" for name in (
        "at_least_1000_customers", "customer_id_is_not_null", "customer_id_is_unique",
        "email_looks_like_an_address", "age_is_between_0_and_120",
    ))  # fmt: skip


def test_contracts_keep_the_standard() -> None:
    """The standard's own JSON schema finds nothing wrong with them."""
    jsonschema = pytest.importorskip("jsonschema")
    import json

    from open_data_contract_standard.model import OpenDataContractStandard

    from dataplatform.declarations.yaml_file import read_yaml

    schema = json.loads(OpenDataContractStandard.json_schema())
    validator = jsonschema.validators.validator_for(schema)(schema)
    project = open_project()
    for contract in project.contracts:
        data = read_yaml(project.root / contract.file, project.root).data
        assert [error.message for error in validator.iter_errors(data)] == [], contract.file


def test_customers_pipeline_runs_before_the_working_day() -> None:
    pipeline = next(one for one in open_project().pipelines if one.name == "customers")
    assert (pipeline.cron, pipeline.timezone) == ("0 6 * * *", "Europe/Berlin")
    assert (pipeline.retries.max, pipeline.retries.delay_minutes) == (1, 5)
    assert pipeline.selection == '+key:"curated/dim_customers"'
