"""Type families and what may arrive for what was declared."""

from __future__ import annotations

import pytest

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.swap import SnowflakeSwap
from dataplatform.resources.warehouse.types import accepts, family


@pytest.mark.parametrize(
    ("dialect", "native", "expected"),
    [
        ("duckdb", "VARCHAR", "string"),
        ("duckdb", "INTEGER", "integer"),
        ("duckdb", "DECIMAL(14,2)", "decimal(14,2)"),
        ("duckdb", "TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("duckdb", "JSON", "json"),
        ("duckdb", "STRUCT(a INTEGER)", "struct(a integer)"),
        ("snowflake", "NUMBER(38,0)", "bigint"),
        ("snowflake", "NUMBER(14,2)", "decimal(14,2)"),
        ("snowflake", "VARIANT", "json"),
        ("bigquery", "INT64", "bigint"),
        ("bigquery", "NUMERIC", "decimal"),
        ("bigquery", "NUMERIC(14, 2)", "decimal(14,2)"),
        ("bigquery", "BIGNUMERIC(38, 10)", "decimal(38,10)"),
        ("bigquery", "DATETIME", "timestamp"),
        ("bigquery", "TIMESTAMP", "timestamptz"),
    ],
)
def test_families(dialect: str, native: str, expected: str) -> None:
    assert family(dialect, native) == expected


@pytest.mark.parametrize(
    ("declared", "arrived", "accepted"),
    [
        ("integer", "bigint", True),
        ("bigint", "integer", False),
        ("decimal(12,2)", "decimal(14,2)", True),
        ("decimal(12, 2)", "decimal(12,2)", True),
        ("decimal(12,2)", "decimal(12,4)", False),
        ("decimal(12,2)", "decimal(10,2)", False),
        ("string", "json", False),
        ("timestamptz", "timestamp", False),
        ("decimal(14,2)", "decimal", True),
        ("double", "decimal", False),
    ],
)
def test_what_may_arrive(declared: str, arrived: str, accepted: bool) -> None:
    assert accepts(declared, arrived) is accepted


def test_snowflake_clones_and_copies_only_where_columns_are_left_behind() -> None:
    candidate, version = Relation("candidate", "orders"), Relation("versions", "orders__1")
    assert SnowflakeSwap().copy(candidate, version, None) == (
        'CREATE OR REPLACE TABLE "VERSIONS"."ORDERS__1" CLONE "CANDIDATE"."ORDERS"'
    )
    assert SnowflakeSwap().copy(candidate, version, ["id"]) == (
        'CREATE OR REPLACE TABLE "VERSIONS"."ORDERS__1" AS SELECT "ID" FROM "CANDIDATE"."ORDERS"'
    )
