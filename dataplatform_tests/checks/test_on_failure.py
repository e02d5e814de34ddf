"""Which rules may set failing rows aside, and how a contract says so."""

from __future__ import annotations

import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.declarations.errors import DeclarationError
from dataplatform_tests.checks.declared import column, contract, gx, library, sql


def aside(rule, value="quarantine"):
    """Return a rule that says what becomes of failing rows."""
    return {**rule, "customProperties": [{"property": "onFailure", "value": value}]}


@pytest.mark.parametrize(
    "rule",
    [
        library("r", "nullValues", mustBe=0),
        library("r", "missingValues", arguments={"missingValues": ["", "n/a"]}, mustBe=0),
        library("r", "invalidValues", arguments={"validValues": ["EUR"]}, mustBe=0),
        sql("r", "select count(*) from ${table} where ${column} = 'x'", mustBe=0),
        gx("r", "expect_column_values_to_be_in_set", value_set=["EUR"]),
    ],
)
def test_a_rule_of_rows_can_set_them_aside(tmp_path, rule):
    columns = [column("currency", "string", aside(rule))]
    found = {check.name: check for check in checks_of(contract(tmp_path, "staging.t", columns))}
    assert found["r"].on_failure == "quarantine"
    assert found["schema"].on_failure == "keep"


@pytest.mark.parametrize(
    "rule",
    [
        library("r", "duplicateValues", mustBe=0),
        sql("r", "select sum(1) from ${table}", mustBe=0),
        gx("r", "expect_column_mean_to_be_between", min_value=0),
    ],
)
def test_a_rule_of_the_whole_table_cannot(tmp_path, rule):
    columns = [column("amount", "number", aside(rule))]
    with pytest.raises(DeclarationError, match="needs a rule that says which rows are bad"):
        checks_of(contract(tmp_path, "staging.t", columns))


def test_rows_of_a_raw_table_stay(tmp_path):
    columns = [column("a", "string", aside(library("r", "nullValues", mustBe=0)))]
    with pytest.raises(DeclarationError) as caught:
        contract(tmp_path, "raw_shop.orders", columns)
    assert caught.value.message == (
        "rows of the raw table raw_shop.orders are the source's and stay: say quarantine in the "
        "contract of the staging model that reads it, under config/contracts/staging."
    )


def test_a_word_that_is_none_is_told(tmp_path):
    columns = [column("a", "string", aside(library("r", "nullValues", mustBe=0), "quarantin"))]
    with pytest.raises(DeclarationError, match="Did you mean 'quarantine'"):
        contract(tmp_path, "staging.t", columns)
