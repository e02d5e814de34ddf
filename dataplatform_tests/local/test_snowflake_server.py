"""The stand-in for Snowflake through the real connector: a case for each thing put right in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataplatform.checks.contract_rules import checks_of
from dataplatform.declarations.contract import load_contract
from dataplatform.keys import Relation
from dataplatform.local.fivetran.target_snowflake import SnowflakeTarget
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform.transform.apart import judge_apart
from dataplatform_tests.checks.declared import column, sql, write_contract
from dataplatform_tests.parity.portable import Engine, mistakes
from dataplatform_tests.snowflake import snowflake
from dataplatform_tests.warehouse_facts import fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, Any]]:
    with snowflake() as found:
        yield found


@pytest.fixture
def warehouse(settings: dict[str, Any]) -> SnowflakeAdapter:
    adapter = SnowflakeAdapter(lambda: settings)
    with adapter.session("test") as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS candidate")
        session.execute(
            "CREATE OR REPLACE TABLE candidate.orders "
            "(id NUMBER(38,0), amount NUMBER(12,2), seen_at TIMESTAMP_TZ)"
        )
        session.execute(
            "INSERT INTO candidate.orders VALUES "
            "(1, 0.10, '2026-01-02 03:04:05+00'), (2, 0.20, NULL)"
        )
    return adapter


def test_sums_of_decimals_are_exact(warehouse: SnowflakeAdapter) -> None:
    ((total,),) = warehouse.query("SELECT sum(amount) FROM candidate.orders", "test")
    assert total == Decimal("0.30")


def test_a_timestamp_that_is_null_stays_null(warehouse: SnowflakeAdapter) -> None:
    rows = warehouse.query("SELECT seen_at FROM candidate.orders ORDER BY id", "test")
    assert rows == [(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),), (None,)]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER SESSION SET QUERY_TAG = 'x'",
        "GRANT SELECT ON TABLE candidate.orders TO ROLE analyst",
        "CREATE WAREHOUSE IF NOT EXISTS small",
        "USE ROLE transformer",
        "CREATE OR REPLACE TABLE candidate.copied CLONE candidate.orders COPY GRANTS",
        "CREATE OR REPLACE TEMPORARY TABLE candidate.passing AS SELECT 1 AS a",
        "SELECT hash_agg(*) FROM candidate.orders",
        "SELECT current_warehouse(), current_role()",
    ],
)
def test_what_an_account_accepts_is_accepted(warehouse: SnowflakeAdapter, statement: str) -> None:
    assert warehouse.query(statement, "test") != []


def test_dbt_finds_no_functions_but_their_columns(warehouse: SnowflakeAdapter) -> None:
    assert warehouse.query("SHOW USER FUNCTIONS IN ANALYTICS.candidate", "test") == []


def test_a_merge_within_a_transaction_inserts_the_rows_of_its_source(
    warehouse: SnowflakeAdapter,
) -> None:
    with warehouse.session("test") as session:
        session.execute("CREATE OR REPLACE TABLE candidate.t AS SELECT 1 AS a, 'old' AS b")
        session.execute(
            "CREATE OR REPLACE TEMPORARY TABLE candidate.s AS "
            "SELECT 1 AS a, 'new' AS b UNION ALL SELECT 2, 'added'"
        )
        session.execute("BEGIN")
        session.execute(
            "MERGE INTO candidate.t AS t USING candidate.s AS s ON t.a = s.a "
            "WHEN MATCHED THEN UPDATE SET b = s.b "
            "WHEN NOT MATCHED THEN INSERT (a, b) VALUES (a, b)"
        )
        session.execute("COMMIT")
        assert session.execute("SELECT * FROM candidate.t ORDER BY a") == [(1, "new"), (2, "added")]


def test_an_error_is_an_error_of_sql_and_the_session_goes_on(warehouse: SnowflakeAdapter) -> None:
    from snowflake.connector.errors import ProgrammingError

    with warehouse.session("test") as session:
        session.execute("BEGIN")
        with pytest.raises(ProgrammingError):
            session.execute("SELECT CAST('x' AS NUMBER(3,0)) FROM candidate.orders")
        assert session.execute("SELECT count(*) FROM candidate.orders") == [(2,)]


def test_parquet_goes_in_and_comes_out(warehouse: SnowflakeAdapter, tmp_path: Path) -> None:
    file, relation = tmp_path / "orders.parquet", Relation("raw", "orders")
    assert warehouse.export_parquet(Relation("candidate", "orders"), file) == 2
    assert warehouse.load_parquet(relation, file) == 2
    assert (warehouse.columns(relation) or {})["amount"] == "NUMBER(12,2)"
    before = fingerprint(warehouse, relation)
    warehouse.query("DELETE FROM raw.orders WHERE id = 1", "test")
    assert fingerprint(warehouse, relation) != before
    # Loaded again, into the table that is there, in one transaction.
    assert warehouse.load_parquet(relation, file) == 2
    assert fingerprint(warehouse, relation) == before
    published = warehouse.publish(Relation("candidate", "orders"), Relation("marts", "orders"))
    assert published.row_count == 2


def test_what_is_published_again_takes_the_place_of_what_was(warehouse: SnowflakeAdapter) -> None:
    candidate, target = Relation("candidate", "orders"), Relation("marts", "again")
    assert warehouse.publish(candidate, target).row_count == 2
    warehouse.query("DELETE FROM candidate.orders WHERE id = 1", "test")
    assert warehouse.publish(candidate, target).row_count == 1
    assert warehouse.query("SELECT id FROM marts.again", "test") == [(2,)]


def test_views_are_listed_beside_tables(warehouse: SnowflakeAdapter) -> None:
    shown, table = Relation("candidate", "shown"), Relation("candidate", "orders")
    with warehouse.session("test") as session:
        session.execute("CREATE OR REPLACE VIEW candidate.shown AS SELECT 1 AS a")
        assert {shown, table} <= warehouse.relations()
        assert warehouse.swap.kind(session, shown) == "VIEW"
        assert warehouse.swap.kind(session, table) == "BASE TABLE"


def test_days_whose_rows_differ_have_other_fingerprints(warehouse: SnowflakeAdapter) -> None:
    relation = Relation("candidate", "days")
    with warehouse.session("test") as session:
        assert warehouse.day_prints(session, Relation("candidate", "nothing"), "day") == {}
        for amount in (2, 3):
            session.execute(
                "CREATE OR REPLACE TABLE candidate.days AS SELECT '2026-01-01'::DATE AS day, "
                f"1 AS amount UNION ALL SELECT '2026-01-02'::DATE, {amount}"
            )
            found = warehouse.day_prints(session, relation, "day")
            if amount == 2:
                before = found
    assert sorted(found) == ["2026-01-01", "2026-01-02"]
    assert [day for day in found if found[day] != before[day]] == ["2026-01-02"]


def test_a_rule_whose_sql_fails_spoils_no_other(
    warehouse: SnowflakeAdapter, tmp_path: Path
) -> None:
    relation = Relation("candidate", "orders")
    written = write_contract(
        tmp_path,
        "marts.orders",
        [column("id", "integer", primaryKey=True), column("amount", "number")],
        sql("cast", "select count(*) from ${table} where cast('x' || id as integer) > 1", mustBe=0),
        sql("small", "select count(*) from ${table} where amount > 0.15", mustBe=0),
    )
    checks = checks_of(load_contract(written, tmp_path))
    found = {
        verdict.name: verdict
        for verdict in judge_apart(warehouse, None, relation, checks, "Database Error")
    }
    assert [name for name, verdict in found.items() if verdict.error] == ["cast"]
    assert {name for name, verdict in found.items() if verdict.passed} == {
        "schema", "id_not_null", "id_unique",
    }  # fmt: skip
    assert found["small"].failing_count == 1
    # Where there is nothing to judge, dbt's own words are the reason.
    gone = judge_apart(warehouse, None, Relation("candidate", "gone"), checks, "Database Error")
    assert {verdict.error for verdict in gone} == {"Database Error"}


def test_a_sync_replaces_and_merges_by_key(
    warehouse: SnowflakeAdapter, settings: dict[str, Any], tmp_path: Path
) -> None:
    import duckdb
    from snowflake.connector.errors import ProgrammingError

    target = SnowflakeTarget({**settings, "mirror": "unused"})
    assert [test.status for test in target.test()] == ["PASSED"]
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    duckdb.sql(f"COPY (SELECT i AS id, '{{}}'::JSON AS j FROM range(3) t(i)) TO '{first}'")
    duckdb.sql(f"COPY (SELECT i AS id, '[1]'::JSON AS j FROM range(2, 5) t(i)) TO '{second}'")
    assert target.count("raw", "things") is None
    target.replace("raw", "things", first)
    target.merge("raw", "things", second, ("id",))
    target.merge("raw", "things", second, ("id",))
    assert target.count("raw", "things") == 5
    rows = warehouse.query("SELECT id, j FROM raw.things WHERE id IN (1, 2) ORDER BY id", "test")
    assert [(int(number), text.replace("\n", "")) for number, text in rows] == [
        (1, "{}"),
        (2, "[1]"),
    ]
    # Pages that cannot be read under a footer that can: the load fails, and what was there stays.
    duckdb.sql(f"COPY (SELECT i AS id, md5(i::VARCHAR) AS j FROM range(9999) t(i)) TO '{first}'")
    content = bytearray(first.read_bytes())
    content[64:4096] = bytes(4032)
    first.write_bytes(content)
    with pytest.raises(ProgrammingError):
        target.replace("raw", "things", first)
    assert target.count("raw", "things") == 5


def test_what_hides_values_and_rows_is_accepted(warehouse: SnowflakeAdapter) -> None:
    table = '"ANALYTICS"."CANDIDATE"."ORDERS"'
    with warehouse.session("test") as session:
        for statement in (
            'CREATE TAG IF NOT EXISTS "ANALYTICS"."DATAPLATFORM"."CLASSIFICATION"',
            f'ALTER TABLE {table} MODIFY COLUMN "ID" SET TAG "A"."B"."C" = \'internal\'',
            'CREATE MASKING POLICY IF NOT EXISTS "A"."B"."M" AS (VAL DATE) RETURNS DATE -> VAL',
            'ALTER TAG "A"."B"."C" SET MASKING POLICY "A"."B"."M" FORCE',
            'CREATE ROW ACCESS POLICY "A"."B"."C" AS (I DATE) RETURNS BOOLEAN -> TRUE',
            f'ALTER TABLE {table} ADD ROW ACCESS POLICY "A"."B"."C" ON ("ID")',
        ):
            session.execute(statement)
    assert warehouse.row_count(Relation("candidate", "orders")) == 2


def test_the_portable_macros_give_what_they_state(warehouse: SnowflakeAdapter) -> None:
    with warehouse.session("portable macros") as session:
        assert mistakes(Engine("snowflake", session.execute)) == []


@pytest.mark.prove
def test_dagsters_own_resource_reads_and_writes(
    warehouse: SnowflakeAdapter, settings: dict[str, Any]
) -> None:
    """Assets that a team writes with it reach the same tables; proven, for its import is slow."""
    from dagster import asset, materialize
    from dagster_snowflake import SnowflakeResource

    names = ("account", "user", "password", "database", "warehouse", "role")
    resource = SnowflakeResource(
        **{name: settings[name] for name in names},
        additional_snowflake_connection_args={
            **{name: settings[name] for name in ("host", "port", "protocol")},
            "login_timeout": 10,
            "network_timeout": 10,
        },
    )

    @asset(required_resource_keys={"snowflake"})
    def doubled(context):  # type: ignore[no-untyped-def]
        with context.resources.snowflake.get_connection() as connection:
            connection.cursor().execute(
                "CREATE OR REPLACE TABLE candidate.doubled AS "
                "SELECT id, amount * 2 AS amount FROM candidate.orders"
            )

    assert materialize([doubled], resources={"snowflake": resource}).success
    rows = warehouse.query("SELECT id, amount FROM candidate.doubled ORDER BY id", "test")
    assert [(int(number), amount) for number, amount in rows] == [
        (1, Decimal("0.20")),
        (2, Decimal("0.40")),
    ]
