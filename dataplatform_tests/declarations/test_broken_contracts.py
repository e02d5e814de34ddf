"""Every mistake in a contract is one sentence with file, line and what would be right."""

# A case is easiest to compare when it stands on one line.
# ruff: noqa: E501

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.declarations.contract import load_contract
from dataplatform.declarations.errors import DeclarationError

BASE: dict[str, Any] = {
    "kind": "DataContract",
    "apiVersion": "v3.1.0",
    "id": "orders",
    "version": "1.0.0",
    "status": "active",
    "team": {"name": "data", "members": [{"username": "a@b.de", "role": "owner"}]},
    "servers": [{"server": "s", "type": "duckdb", "database": "x"}],
    "slaProperties": [
        {"property": "latency", "value": 4, "unit": "h", "element": "orders.ordered_at"}
    ],
    "schema": [
        {
            "name": "orders",
            "quality": [{"name": "filled", "metric": "rowCount", "mustBeGreaterThan": 0}],
            "properties": [
                {"name": "order_id", "logicalType": "integer"},
                {"name": "currency", "logicalType": "string"},
                {"name": "ordered_at", "logicalType": "timestamp"},
            ],
        }
    ],
}
TABLE = ("schema", 0)
RULE = (*TABLE, "quality", 0)
CURRENCY = (*TABLE, "properties", 1)


def rule(**said: Any) -> list[Any]:
    """Return the place of a table's rule, and the rule."""
    return [RULE, {"name": "r", **said}]


def of_column(**said: Any) -> list[Any]:
    """Return the place of a column's rules, and one rule."""
    return [(*CURRENCY, "quality"), [{"name": "r", **said}]]


def query(text: str) -> list[Any]:
    """Return the place of a table's rule, and a query."""
    return rule(type="sql", query=text, mustBe=0)


def gx(kind: str, **kwargs: Any) -> list[Any]:
    """Return the place of a table's rule, and an expectation."""
    return rule(
        type="custom", engine="greatExpectations", implementation={"type": kind, "kwargs": kwargs}
    )


NUMBER = "must be a number"
CASES: dict[str, tuple[list[Any], str]] = {
    # --- the document
    "version as a number": ([("version",), 1.0], "version must be text, not 1.0."),
    "status left empty": ([("status",), None], "status must be text, not nothing."),
    "tags as text": ([("tags",), "one"], "tags must be a list, not 'one'."),
    "a tag as a number": ([("tags",), ["one", 2]], "tags.1 must be text, not 2."),
    "team as text": ([("team",), "data"], "team must be settings (key: value) or a list, not 'data'."),
    "member without a name": ([("team", "members"), [{"role": "owner"}]], "the setting 'username' of 'members' in a contract is missing."),
    "server of no kind": ([("servers", 0, "type"), "duckbd"], "'duckbd' is not a type of server. Did you mean 'duckdb'?"),
    "server without its database": ([("servers", 0), {"server": "s", "type": "postgres", "host": "h", "port": 1, "schema": "x"}], "the setting 'database' of a server of type postgres is missing."),
    "price as text": ([("price",), {"priceAmount": "cheap"}], "price.priceAmount must be a number, not 'cheap'."),
    "role without a role": ([("roles",), [{"access": "read"}]], "the setting 'role' of 'roles' in a contract is missing."),
    "support without a channel": ([("support",), [{"url": "x"}]], "the setting 'channel' of 'support' in a contract is missing."),
    "custom property without a value": ([("customProperties",), [{"property": "p"}]], "the setting 'value' of 'customProperties' in a contract is missing."),
    "definition without an address": ([("authoritativeDefinitions",), [{"type": "runbook"}]], "the setting 'url' of 'authoritativeDefinitions' in a contract is missing."),
    "schema as settings": ([("schema",), {"orders": {}}], "schema must be a list, not settings."),
    "table that is a file": ([(*TABLE, "logicalType"), "file"], "schema.0.logicalType must be one of object, not 'file'."),
    # --- columns
    "column without a name": ([CURRENCY, {"logicalType": "string"}], "the setting 'name' of 'properties' in a contract is missing."),
    "required as text": ([(*CURRENCY, "required"), "yes"], "schema.0.properties.1.required must be true or false, not 'yes'."),
    "key position as text": ([(*CURRENCY, "primaryKeyPosition"), "first"], "schema.0.properties.1.primaryKeyPosition must be a whole number, not 'first'."),
    "type of another language": ([(*CURRENCY, "logicalType"), "varchar"], "schema.0.properties.1.logicalType must be one of string, date, timestamp, time, number, integer, object, array, boolean, not 'varchar'. Did you mean 'array'?"),
    "option of another type": ([(*CURRENCY, "logicalTypeOptions"), {"maximum": 3}], "'maximum' is not an option of string."),
    "option misspelt": ([(*CURRENCY, "logicalTypeOptions"), {"minLenght": 3}], "'minLenght' is not an option of string. Did you mean 'minLength'?"),
    "length below nothing": ([(*CURRENCY, "logicalTypeOptions"), {"minLength": -1}], "schema.0.properties.1.logicalTypeOptions.minLength must be a whole number of 0 or more, not -1."),
    "lengths upside down": ([(*CURRENCY, "logicalTypeOptions"), {"minLength": 9, "maxLength": 3}], "minLength 9 is above maxLength 3."),
    "columns inside a text": ([(*CURRENCY, "properties"), [{"name": "a"}]], "'properties' belongs to a column of logicalType object, not string."),
    "key to nothing": ([(*CURRENCY, "relationships"), [{"to": "somewhere"}]], "schema.0.properties.1.relationships.0.to must be a column of a table, such as customers.id or a list, not 'somewhere'."),
    "name that ends a statement": ([(*CURRENCY, "physicalName"), "a; drop table x"], "'a; drop table x' is not a safe name for a column."),
    "two columns in capitals": ([(*CURRENCY, "name"), "ORDER_ID"], "the column 'ORDER_ID' is declared twice."),
    # --- rules
    "metric of other times": (rule(metric="duplicateCount", mustBe=0), "metric must be one of nullValues, missingValues, invalidValues, duplicateValues, rowCount, not 'duplicateCount'. Did you mean 'duplicateValues'?"),
    "rule of 3.0 in 3.1": (rule(rule="rowCount", mustBe=1), "'rule' is the former name of 'metric': write 'metric'."),
    "threshold without a metric": (rule(mustBe=1), "the setting 'metric' of the rule 'r' is missing."),
    "threshold misspelt": (rule(metric="rowCount", mustBeGreaterThen=1), "'mustBeGreaterThen' is not a setting of 'quality' in a contract. Did you mean 'mustBeGreaterThan'?"),
    "threshold as text": (rule(metric="rowCount", mustBeGreaterThan="many"), "schema.0.quality.0.mustBeGreaterThan must be a number, not 'many'."),
    "equal to a word": (rule(metric="rowCount", mustBe="many"), "mustBe must be a number, not 'many'."),
    "no threshold": (rule(metric="rowCount"), "the rule 'r' needs exactly one threshold (mustBe…), not none."),
    "one bound of two": (rule(metric="rowCount", mustBeBetween=[1]), "mustBeBetween must be two numbers, the smaller first."),
    "bounds upside down": (rule(metric="rowCount", mustBeBetween=[9, 1]), "mustBeBetween must go from the smaller to the larger number."),
    "fewer than none": (rule(metric="rowCount", mustBeLessThan=0), "mustBeLessThan 0 can never hold of a count of rows, 0 or more, so the rule always fails."),
    "more than all": (of_column(metric="nullValues", mustBeGreaterThan=100, unit="percent"), "mustBeGreaterThan 100 can never hold of a percentage, from 0 to 100, so the rule always fails."),
    "unit misspelt": (of_column(metric="nullValues", mustBe=0, unit="percnt"), "unit must be one of rows, percent, not 'percnt'. Did you mean 'percent'?"),
    "dimension of its own": (rule(metric="rowCount", mustBe=1, dimension="validity"), "schema.0.quality.0.dimension must be one of accuracy, completeness, conformity, consistency, coverage, timeliness, uniqueness, not 'validity'."),
    "severity misspelt": (rule(metric="rowCount", mustBe=1, severity="warnin"), "severity must be one of error, warning, not 'warnin'. Did you mean 'warning'?"),
    "unknown column of a key": (rule(metric="duplicateValues", mustBe=0, arguments={"properties": ["order_id", "curency"]}), "'curency' is not a column. Did you mean 'currency'?"),
    "key of no columns": (rule(metric="duplicateValues", mustBe=0), "the rule 'r' needs arguments.properties, a list of columns."),
    "valid by nothing": (of_column(metric="invalidValues", mustBe=0), "the rule 'r' needs arguments that say what is valid."),
    "valid values as text": (of_column(metric="invalidValues", mustBe=0, arguments={"validValues": "EUR"}), "validValues must be a list."),
    "no valid value": (of_column(metric="invalidValues", mustBe=0, arguments={"validValues": []}), "validValues names no value, so that none could be valid."),
    "bounds of values upside down": (of_column(metric="invalidValues", mustBe=0, arguments={"minimum": 5, "maximum": 2}), "minimum 5 is above maximum 2."),
    "query in a library rule": (rule(metric="rowCount", mustBe=1, query="select 1"), "'query' belongs to a rule of type sql."),
    "metric and query": (rule(type="sql", query="select 1", metric="rowCount", mustBe=1), "the rule 'r' gives a metric and a query: keep one."),
    # --- patterns
    "pattern that is none": (of_column(metric="invalidValues", mustBe=0, arguments={"pattern": "(a"}), "pattern is not a regular expression: missing ), unterminated subpattern at position 0."),
    "pattern that explodes": (of_column(metric="invalidValues", mustBe=0, arguments={"pattern": "^(a+)+$"}), "pattern repeats a repeat that can begin where the other ends, such as (a+)+, and could take hours for one value: say the inner part without overlap."),
    "pattern of words that explodes": ([(*CURRENCY, "logicalTypeOptions"), {"pattern": r"^(\w+\s?)*$"}], "pattern repeats a repeat that can begin where the other ends, such as (a+)+, and could take hours for one value: say the inner part without overlap."),
    "expectation that explodes": (gx("expect_column_values_to_match_regex", column="currency", regex="(.*,)+x"), "regex repeats a repeat that can begin where the other ends, such as (a+)+, and could take hours for one value: say the inner part without overlap."),
    "look-ahead": (of_column(metric="invalidValues", mustBe=0, arguments={"pattern": "^(?!x)"}), "pattern uses look-around or a back reference, which warehouses do not know."),
    "a thousand thousand": (of_column(metric="invalidValues", mustBe=0, arguments={"pattern": "(a{999}){999}"}), "pattern repeats 998,001 times, and warehouses read at most 1,000."),
    # --- queries
    "query that does not parse": (query("select count(* from ${table}"), "Rule 'r': the SQL cannot be read: Expecting ). Line 1, Col: 19."),
    "query of nothing": (query(" "), "the setting 'query' of the rule 'r' is missing."),
    "query that deletes": (query("delete from ${table}"), "a rule's query begins with SELECT or WITH."),
    "query that deletes on the way": (query("with gone as (delete from ${table} returning *) select count(*) from gone"), "Rule 'r': a rule may only read: it must be a SELECT statement."),
    "two queries": (query("select 1; drop table orders"), "a rule's query is one SELECT, without semicolons."),
    "query that makes a table": (query("select * into copy from ${table}"), "Rule 'r': a rule may only read: it must be a SELECT statement."),
    "query that reads a file": (query("select count(*) from read_csv('/etc/passwd')"), "Rule 'r': a rule may only read tables, and not call read_csv()."),
    "query that reads a file by its name": (query("select count(*) from 'data/x.parquet'"), "Rule 'r': a rule may only read tables, and not the file 'data/x.parquet'."),
    "query that asks the machine": (query("select count(*) from ${table} where getenv('HOME') = 'x'"), "Rule 'r': a rule may only read tables, and not call getenv()."),
    "query of another database": (query("select count(*) from sqlite_scan('x.db', 't')"), "Rule 'r': a rule may only read tables, and not call sqlite_scan()."),
    "query of secrets": (query("select count(*) from duckdb_secrets()"), "Rule 'r': a rule may only read tables, and not call duckdb_secrets()."),
    "unknown placeholder": (query("select count(*) from ${tabel}"), "Rule 'r': unknown placeholder ${tabel}; known are ${table}, ${object}, ${column}, ${property} and ${schema}. Did you mean 'table'?"),
    "a column's placeholder without one": (query("select count(*) from ${table} where ${column} = 1"), "Rule 'r': the placeholder ${column} needs a rule that stands under a column."),
    "query of an unknown column": (query("select count(*) from ${table} where curency = 'x'"), "Rule 'r': staging.orders has no column 'curency' in its contract. Did you mean 'currency'?"),
    # --- expectations and other engines
    "expectation that is none": (gx("expect_column_values_to_be_uniqe", column="order_id"), "'expect_column_values_to_be_uniqe' is not an expectation. Did you mean 'expect_column_values_to_be_unique'?"),
    "expectation of no column": (gx("expect_column_values_to_be_unique", column="orderid"), "'orderid' is not a column. Did you mean 'order_id'?"),
    "pair of no column": (gx("expect_column_pair_values_to_be_equal", column_A="order_id", column_B="x"), "'x' is not a column."),
    "engine misspelt": (rule(type="custom", engine="greatExpectation", implementation="x"), "engine must be one of greatExpectations, not 'greatExpectation'. Did you mean 'greatExpectations'?"),
    "engine without a rule": (rule(type="custom", engine="soda"), "the setting 'implementation' of the rule 'r' is missing."),
    # --- service levels
    "age of a column that is none": ([("slaProperties", 0, "element"), "orders.orderd_at"], "'orderd_at' is not a column. Did you mean 'ordered_at'?"),
    "age in words": ([("slaProperties", 0, "value"), "soon"], "the latency must be above 0, not 'soon'."),
    "age below nothing": ([("slaProperties", 0, "value"), -3], "the latency must be above 0, not -3."),
    "age in no unit": ([("slaProperties", 0, "unit"), "hurs"], "'hurs' is not a unit of time. Did you mean 'hours'?"),
    "retention in no unit": ([("slaProperties", 0), {"property": "retention", "value": 3}], "the retention has no unit: say h for hours, d for days or y for years."),
    "promise of nothing": ([("slaProperties", 0), {"value": 3}], "the setting 'property' of 'slaProperties' in a contract is missing."),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_broken_contract_is_told_in_one_sentence(name, tmp_path):
    (place, value), told = CASES[name]
    document = copy.deepcopy(BASE)
    *before, last = place
    part: Any = document
    for step in before:
        part = part[step]
    part[last] = value
    path = tmp_path / "config" / "contracts" / "staging" / "orders.yml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document, indent=1))
    with pytest.raises(DeclarationError) as caught:
        checks_of(load_contract(path, tmp_path))
    assert caught.value.message == told
    lines = path.read_text().splitlines()
    assert 1 <= (caught.value.line or 0) <= len(lines)
    assert str(caught.value).startswith("config/contracts/staging/orders.yml:")


def test_the_unbroken_contract_is_sound(tmp_path):
    path = tmp_path / "config" / "contracts" / "staging" / "orders.yml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(BASE))
    assert {check.name for check in checks_of(load_contract(path, tmp_path))} == {
        "schema", "freshness", "filled",
    }  # fmt: skip


def test_enough_are_tried():
    assert len(CASES) >= 75
