"""A model's yml enforces its contract: what is written there, and what dbt then refuses."""

from __future__ import annotations

import pytest

from dataplatform.quality.contract_yml import with_contract
from dataplatform_tests.checks.declared import column, contract
from dataplatform_tests.quality.test_compile_dbt import Small

WRITTEN = """\
version: 2

models:
  # The model everybody reads.
  - name: orders
    description: >
      Orders, one row each.
    config: {group: sales} # of the sales team
    columns:
      - name: order_id
        data_type: integer
        data_tests: [unique]
      - name: paid
        data_type: varchar
        description: Whether it was paid.
      - name: _loaded_at # nobody promises it
        data_type: timestamp
  - name: other
    columns:
      - name: a
"""


@pytest.fixture
def promise(tmp_path):
    """A contract of the model ``orders``."""
    return contract(
        tmp_path,
        "staging.orders",
        [
            column("order_id", "integer"),
            column("paid", "boolean"),
            column("Total (EUR)", "number", description="Amount.", physicalType="DECIMAL(12,2)"),
            column("at", "timestamp"),
        ],
    )


def test_what_was_written_by_hand_stays(promise):
    text = with_contract(WRITTEN, promise)
    assert (
        text
        == """\
version: 2

models:
  # The model everybody reads.
  - name: orders
    description: >
      Orders, one row each.
    config: {group: sales, contract: {enforced: true}} # of the sales team
    columns:
      - name: order_id
        data_type: integer
        data_tests: [unique]
      - name: paid
        data_type: boolean
        description: Whether it was paid.
      - name: _loaded_at # nobody promises it
        data_type: timestamp
      - name: Total (EUR)
        data_type: decimal(12,2)
        quote: true
        description: Amount.
      - name: at
        data_type: timestamp with time zone
  - name: other
    columns:
      - name: a
"""
    )
    assert with_contract(text, promise) == text


def test_a_contract_switched_off_by_hand_is_switched_on(promise):
    text = with_contract(WRITTEN, promise).replace("enforced: true", "enforced: false")
    assert "enforced: false" not in with_contract(text, promise)


def test_a_model_that_nobody_described_is_described(promise):
    text = with_contract("version: 2\n\nmodels:\n  - name: orders\n", promise)
    assert text.startswith(
        "version: 2\n\nmodels:\n  - name: orders\n    config:\n      contract:\n"
        "        enforced: true\n    columns:\n      - name: order_id\n"
        "        data_type: bigint\n"
    )


@pytest.mark.slow
def test_dbt_refuses_a_model_that_leaves_its_contract_before_it_builds(
    tmp_path, customers_contract
):
    small = Small(tmp_path, customers_contract)
    promise = contract(
        tmp_path / "elsewhere",
        "staging.stg_customers",
        [column("customer_id", "integer"), column("email", "string"), column("age", "integer")],
    )
    described = with_contract("version: 2\n\nmodels:\n  - name: stg_customers\n", promise)
    (small.dbt / "models" / "stg_customers.yml").write_text(described.replace("bigint", "integer"))
    rows = "(1, 'a@b.c', 10), (2, 'b@b.c', 30), (3, 'c@d.e', 40)"
    assert small.build(rows)[0]["stg_customers"] == "success"
    for rows_now, columns in (
        (rows.replace("10", "'ten'").replace("30", "'x'").replace("40", "'y'"),
         "customer_id, email, age"),
        (rows, "customer_id, email, years"),
    ):  # fmt: skip
        statuses, verdicts = small.build(rows_now, columns)
        assert statuses["stg_customers"] == "error"
        assert statuses["child"] == "skipped"
        assert verdicts == {}
    # What was there is there still: dbt compared columns before it touched the table.
    import duckdb

    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        assert connection.execute("select sum(age) from staging.stg_customers").fetchone() == (80,)
