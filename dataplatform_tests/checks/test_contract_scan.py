"""Contracts as others write them, judged on rows: odd names, placeholders, retention, errors."""

from __future__ import annotations

import duckdb
import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.scan import run_scan
from dataplatform.declarations.contract import contracts_in
from dataplatform.declarations.odcs import read_document

HEAD = """
kind: DataContract
apiVersion: v3.1.0
id: shop.orders
version: 1.0.0
status: active
slaProperties:
  - {property: retention, value: 2, unit: y, element: orders.Placed at}
schema:
  - name: orders
    physicalName: staging.orders
    properties:
      - name: number
        physicalName: "Order No."
        logicalType: integer
        logicalTypeOptions: {exclusiveMinimum: 0, multipleOf: 2}
        unique: true
      - name: total
        physicalName: "Total (EUR)"
        logicalType: number
        quality: [%s]
      - name: placedAt
        physicalName: Placed at
        logicalType: timestamp
    quality: [%s]
"""
ROWS = """
create schema staging;
create table staging.orders as select * from (values
    (1, 5.0, now()::timestamptz - interval 1 day),
    (2, -3.0, now()::timestamptz - interval 3 year)
) as t("Order No.", "Total (EUR)", "Placed at");
"""


@pytest.fixture
def judged(tmp_path):
    """Judge a contract with these rules on two orders, one of them odd."""

    def judge(of_table: str = "", of_total: str = ""):
        path = tmp_path / "orders.yaml"
        path.write_text(HEAD % (of_total, of_table))
        (contract,) = contracts_in(read_document(path, tmp_path))
        with duckdb.connect() as connection:
            connection.execute(ROWS)
            columns = dict(
                connection.execute(
                    "select column_name, data_type from information_schema.columns"
                    " where table_name = 'orders'"
                ).fetchall()
            )
            verdicts = run_scan(
                lambda sql: connection.execute(sql).fetchall(),
                checks_of(contract),
                "duckdb",
                columns,
            )
        return {verdict.name: verdict for verdict in verdicts}

    return judge


def test_odd_names_are_judged_like_others(judged):
    found = judged()
    assert found["schema"].passed
    assert found["order_no_unique"].passed
    assert found["order_no_range"].passed
    multiple = found["order_no_multiple"]
    assert (multiple.passed, multiple.observed) == (False, 1)
    retention = found["retention"]
    assert not retention.passed
    assert not retention.blocks
    assert retention.error is None
    assert retention.expected == "no rows whose Placed at is older than 2 years"


@pytest.mark.parametrize(
    "table",
    ["${table}", "{table}", "{{ table }}", "${object}", "{model}", "${schema}.${table}",
     "orders", "staging.orders"],
)  # fmt: skip
@pytest.mark.parametrize("column", ["${column}", "{property}", "{field}", '"Total (EUR)"'])
def test_every_spelling_of_a_placeholder_reads_the_same(judged, table, column):
    rule = f"{{name: r, type: sql, query: 'select count(*) from {table} where {column} < 0', "
    found = judged(of_total=rule + "mustBe: 0}")["r"]
    assert (found.passed, found.observed, found.error) == (False, 1, None)
    assert judged(of_total=rule + "mustBe: 1}")["r"].passed


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from not_there",
        "select max(not_there) from ${table}",
        "select 1 / count(*) from ${table} where error(''broken'')",
        "select ''text'' from ${table} limit 1",
        "select max(a) from (select null::integer as a from ${table})",
    ],
)
def test_a_rule_that_cannot_be_judged_is_never_kept(judged, query):
    found = judged(f"{{name: r, type: sql, query: '{query}', mustBeGreaterOrEqualTo: 0}}")
    assert not found["r"].passed
    assert found["order_no_unique"].passed
    if "null" not in query:
        assert found["r"].error
        assert found["r"].blocks


def test_thresholds_of_the_standard_compare_as_they_read(judged):
    operators = {
        "mustBe: 2": True, "mustNotBe: 2": False, "mustBeGreaterThan: 1": True,
        "mustBeGreaterThan: 2": False, "mustBeGreaterOrEqualTo: 2": True,
        "mustBeLessThan: 2": False,
        "mustBeLessOrEqualTo: 2": True, "mustBeBetween: [1, 2]": True,
        "mustBeBetween: [3, 4]": False,
        "mustNotBeBetween: [1, 2]": False, "mustNotBeBetween: [3, 4]": True,
    }  # fmt: skip
    rules = ", ".join(
        f"{{name: r{index}, metric: rowCount, {operator}}}"
        for index, operator in enumerate(operators)
    )
    found = judged(rules)
    assert [found[f"r{index}"].passed for index in range(len(operators))] == [*operators.values()]
