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


@pytest.fixture
def customers_contract():
    """Write the customers' contract for a relation; gives the path."""

    def write(root: Path, relation: str = "staging.stg_customers", rows: int = 3) -> Path:
        return write_contract(
            root,
            relation,
            [
                column("customer_id", "integer", primaryKey=True),
                column("email", "string",
                       gx("email_valid", "expect_column_values_to_match_regex", regex=EMAIL),
                       library("email_filled", "nullValues", unit="percent",
                               mustBeLessThan=60, severity="warning")),
                column("age", "integer",
                       gx("age_possible", "expect_column_values_to_be_between",
                          min_value=0, max_value=120)),
            ],
            library("enough_rows", "rowCount", mustBeGreaterOrEqualTo=rows),
            sql("no_giants", "select count(*) from ${table} where age > 200", mustBe=0),
            sql("young_on_average", "select avg(age) from ${table}", mustBeLessThan=100),
        )

    return write
