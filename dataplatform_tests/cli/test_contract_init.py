"""``contract init`` drafts a contract that the rows of today keep and the lint passes."""

from __future__ import annotations

import duckdb
import pytest
from typer.testing import CliRunner

from dataplatform.cli.contract import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project

TABLE = "raw_postgres_public.products"
ROWS = """
create schema raw_postgres_public;
create table raw_postgres_public.products as
select i::bigint as product_id, 'Product ' || i as name,
    case when i % 2 = 0 then 'book' else 'game' end as category,
    (i * 1.5)::decimal(10, 2) as price, i % 7 = 0 as active,
    timestamptz '2025-01-01 00:00:00+00' + interval (i) hour as updated_at,
    now() as _fivetran_synced, false as _fivetran_deleted
from range(1, 101) as t(i);
"""


@pytest.fixture
def warehouse(copied):
    """The copied project, with a warehouse that holds one raw table."""
    path = copied / ".dataplatform" / "warehouse.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute(ROWS)
    return copied


@pytest.mark.slow
def test_a_drafted_contract_is_kept_by_the_rows_it_was_drawn_from(warehouse):
    runner = CliRunner()
    outcome = runner.invoke(app, ["init", TABLE])
    assert outcome.exit_code == 0, outcome.output or outcome.exception
    assert f"wrote config/contracts/{TABLE.replace('.', '/')}.yml" in outcome.output
    (contract,) = [one for one in open_project(warehouse).contracts if str(one.relation) == TABLE]
    types = {column.name: column.logical_type for column in contract.columns}
    assert types["product_id"] == "integer"
    assert types["price"] == "number"
    assert types["updated_at"] == "timestamp"
    assert not any(name.startswith("_") for name in types)
    assert [column.name for column in contract.columns if column.primary_key] == ["product_id"]
    known = [rule for rule in contract.rules if rule.column == "category"]
    assert known[0].raw["arguments"] == {"validValues": ["book", "game"]}
    linted = runner.invoke(app, ["lint"])
    assert linted.exit_code == 0, linted.output
    judged = runner.invoke(app, ["test", TABLE])
    assert judged.exit_code == 0, judged.output
    assert "BROKEN" not in judged.output
    # A file that is there already is somebody's work.
    again = runner.invoke(app, ["init", TABLE])
    assert isinstance(again.exception, UserError)
    printed = runner.invoke(app, ["init", TABLE, "--print"])
    assert "physicalName: raw_postgres_public.products" in printed.output


def test_a_table_that_nothing_makes_has_no_draft(copied):
    outcome = CliRunner().invoke(app, ["init", "raw_postgres_public.prodcuts"])
    assert "Did you mean 'raw_postgres_public.products'" in str(outcome.exception)
