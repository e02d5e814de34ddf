"""A tiny project of one raw table and one model, with promises, for the quality room's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataplatform_tests.checks.declared import column, gx, library, sql, write_contract

REPOSITORY = Path(__file__).parents[2]
EMAIL = r"^[^@]+@[^@]+\.[^@]+$"


def bare_project(root: Path) -> None:
    """Make a project folder that declares an environment and nothing else."""
    (root / "config").mkdir(exist_ok=True)
    shutil.copytree(REPOSITORY / "config" / "environments", root / "config" / "environments")
    (root / "dbt_project").mkdir(exist_ok=True)


SHOP = """
service: salesforce
schema: raw_shop
description: A shop.
owner: team:data
sync_frequency: 60
schedule_type: auto
freshness: 26
config: {domain: "http://localhost"}
tables:
  customers:
    primary_key: [customer_id]
    columns: {customer_id: bigint, email: string, age: integer}
  orders:
    primary_key: [order_id]
    columns: {order_id: bigint}
"""


class Shop:
    """A project with a checked raw table, an instance, and rows as one likes."""

    def __init__(self, root: Path, customers_contract) -> None:
        from dagster import DagsterInstance

        from dataplatform.declarations.project import open_project

        bare_project(root)
        (root / "config" / "connections").mkdir()
        (root / "config" / "connections" / "shop.yml").write_text(SHOP)
        customers_contract(root, "raw_shop.customers")
        self.project = open_project(root)
        self.instance = DagsterInstance.local_temp(str(root))

    def run(self, rows: str, alone: str | None = None, more: str = "", version: str | None = None):
        """Materialise the raw table with these rows and run its checks in one job.

        Args:
            rows: what the table holds.
            alone: a check that is run by itself, on the table as it is.
            more: names of further columns.
            version: the version of the table's data.
        """
        from dagster import (
            AssetCheckKey,
            AssetKey,
            DataVersion,
            Definitions,
            MaterializeResult,
            asset,
        )

        from dataplatform.duckdb_file import open_duckdb
        from dataplatform.quality.defs import build_definitions
        from dataplatform.resources.defs import build_resources

        @asset(key=AssetKey(["raw_shop", "customers"]))
        def customers():
            with open_duckdb(self.project.state / "warehouse.duckdb", purpose="test") as connection:
                connection.execute("create schema if not exists raw_shop")
                connection.execute(
                    "create or replace table raw_shop.customers as "
                    f"select * from (values {rows}) as t(customer_id, email, age{more})"
                )
            return MaterializeResult(
                metadata={"dagster/row_count": rows.count("(")},
                data_version=None if version is None else DataVersion(version),
            )

        definitions = Definitions.merge(
            Definitions(
                assets=[customers],
                resources={"warehouse": build_resources(self.project)["warehouse"]},
            ),
            build_definitions(self.project),
        )
        self.definitions = definitions
        job = definitions.get_implicit_global_asset_job_def()
        chosen = None
        if alone is not None:
            key = AssetCheckKey(AssetKey(["raw_shop", "customers"]), alone)
            chosen = definitions.resolve_implicit_global_asset_job_def().get_subset(
                asset_selection=set(), asset_check_selection={key}
            )
        return (chosen or job).execute_in_process(instance=self.instance, raise_on_error=False)


@pytest.fixture
def shop_run(tmp_path, customers_contract):
    """Return a shop whose checks run in Dagster."""
    shop = Shop(tmp_path, customers_contract)
    yield shop
    shop.instance.dispose()


@pytest.fixture
def customers_contract():
    """Write the customers' contract for a relation; gives the path."""

    def write(root: Path, relation: str = "staging.stg_customers", rows: int = 3) -> Path:
        return write_contract(
            root,
            relation,
            [
                column("customer_id", "integer", primaryKey=True),
                column(
                    "email",
                    "string",
                    gx("email_valid", "expect_column_values_to_match_regex", regex=EMAIL),
                    library(
                        "email_filled",
                        "nullValues",
                        unit="percent",
                        mustBeLessThan=60,
                        severity="warning",
                    ),
                ),
                column(
                    "age",
                    "integer",
                    gx(
                        "age_possible",
                        "expect_column_values_to_be_between",
                        min_value=0,
                        max_value=120,
                    ),
                ),
            ],
            library("enough_rows", "rowCount", mustBeGreaterOrEqualTo=rows),
            sql("no_giants", "select count(*) from ${table} where age > 200", mustBe=0),
            sql("young_on_average", "select avg(age) from ${table}", mustBeLessThan=100),
        )

    return write
