"""The DuckLake adapter and the Fivetran destination of a lake, on real servers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.ducklake import connect
from dataplatform.keys import Relation
from dataplatform.local.fivetran.destination_ducklake import DuckLakeDestination, lake_settings
from dataplatform.local.fivetran.model import Column, SyncFailure, Table
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter
from dataplatform_tests.resources.lakes import served_lake
from dataplatform_tests.warehouse_facts import fingerprint

pytestmark = pytest.mark.slow

CANDIDATE = Relation("candidate", "orders")
PUBLISHED = Relation("marts", "orders")
TABLE = Table(
    schema="public",
    name="things",
    target_schema="raw",
    target="things",
    columns=(Column("Id", "id", "INTEGER", key=True), Column("V", "v", "INTEGER")),
)


@pytest.fixture(scope="module")
def lake() -> Iterator[dict[str, Any]]:
    with served_lake() as settings:
        yield settings


@pytest.fixture
def warehouse(lake: dict[str, Any]) -> DuckLakeAdapter:
    adapter = DuckLakeAdapter(lambda: lake)
    with adapter.session("test") as session:
        for schema in ("candidate", "marts"):
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        session.execute("DROP VIEW IF EXISTS marts.orders")
        session.execute(
            "CREATE OR REPLACE TABLE candidate.orders AS SELECT i AS id, "
            "CAST(i AS DECIMAL(12, 2)) AS amount, CAST('{}' AS JSON) AS j FROM range(10) AS t(i)"
        )
        session.execute("COMMENT ON COLUMN candidate.orders.id IS 'the order''s number'")
    return adapter


def _write(settings: dict[str, Any], worker: int) -> list[str]:
    """Make and fill a table many times, from a process of its own; return what went wrong."""
    wrong = []
    with connect(settings) as engine:
        for turn in range(4):
            try:
                engine.execute(
                    f"CREATE OR REPLACE TABLE raw_{worker % 2}.written_{worker} AS "
                    f"SELECT {turn} AS turn"
                )
                engine.execute(f"INSERT INTO raw_0.shared SELECT {worker}, {turn}")
            except Exception as error:
                wrong.append(str(error))
    return wrong


def test_it_publishes_counts_describes_and_exports(
    warehouse: DuckLakeAdapter, tmp_path: Path
) -> None:
    facts = warehouse.publish(CANDIDATE, PUBLISHED)
    assert (facts.row_count, facts.comments) == (10, {"id": "the order's number"})
    assert warehouse.columns(PUBLISHED) == {"id": "BIGINT", "amount": "DECIMAL(12,2)", "j": "JSON"}
    before = fingerprint(warehouse, CANDIDATE)
    warehouse.query("DELETE FROM candidate.orders WHERE id > 3", "test")
    assert (warehouse.row_count(PUBLISHED), warehouse.row_count(CANDIDATE)) == (10, 4)
    assert fingerprint(warehouse, CANDIDATE) != before
    assert warehouse.publish(CANDIDATE, PUBLISHED, exclude=["j"]).row_count == 4
    assert list(warehouse.columns(PUBLISHED) or {}) == ["id", "amount"]
    assert warehouse.export_parquet(PUBLISHED, tmp_path / "orders.parquet") == 4
    assert warehouse.columns(Relation("marts", "nothing")) is None


def test_a_reader_sees_no_half_of_a_publication(warehouse: DuckLakeAdapter) -> None:
    warehouse.publish(CANDIDATE, PUBLISHED)
    reader = DuckLakeAdapter(warehouse._settings)
    with warehouse.session("a change") as session:
        session.execute("BEGIN")
        session.execute("CREATE OR REPLACE VIEW marts.orders AS SELECT 1 AS id")
        assert reader.row_count(PUBLISHED) == 10
        session.execute("ROLLBACK")
    assert reader.row_count(PUBLISHED) == 10


def test_an_older_snapshot_can_still_be_read(warehouse: DuckLakeAdapter) -> None:
    ((snapshot,),) = warehouse.query("SELECT max(snapshot_id) FROM lake.snapshots()", "test")
    warehouse.query("DELETE FROM candidate.orders", "test")
    now = warehouse.query("SELECT count(*) FROM candidate.orders", "test")
    then = warehouse.query(
        f"SELECT count(*) FROM candidate.orders AT (VERSION => {snapshot})", "test"
    )
    assert (now, then) == ([(0,)], [(10,)])


def test_many_processes_write_at_once(warehouse: DuckLakeAdapter, lake: dict[str, Any]) -> None:
    for schema in ("raw_0", "raw_1"):
        warehouse.query(f"CREATE SCHEMA IF NOT EXISTS {schema}", "test")
    warehouse.query("CREATE OR REPLACE TABLE raw_0.shared (worker INTEGER, turn INTEGER)", "test")
    # Processes that end by themselves: a pool would be told to stop while DuckDB still tidies up.
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        wrong = list(pool.map(_write, [lake] * 3, range(3)))
    assert wrong == [[], [], []]
    assert warehouse.row_count(Relation("raw_0", "shared")) == 12
    for worker in range(3):
        relation = Relation(f"raw_{worker % 2}", f"written_{worker}")
        assert warehouse.query(f"SELECT turn FROM {relation}", "test") == [(3,)]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE OR REPLACE TABLE candidate.orders AS SELECT {0} AS id",
        "UPDATE candidate.orders SET id = {0}",
    ],
)
def test_of_two_that_change_one_table_the_later_is_told_and_changes_nothing(
    warehouse: DuckLakeAdapter, lake: dict[str, Any], change: str
) -> None:
    with connect(lake) as other, warehouse.session("test") as session:
        other.execute("BEGIN")
        other.execute(change.format(-1))
        session.execute("BEGIN")
        session.execute(change.format(-2))
        other.execute("COMMIT")
        with pytest.raises(
            UserError, match="another writer change the same table meanwhile"
        ) as refused:
            session.execute("COMMIT")
    assert "\n" not in str(refused.value)
    assert warehouse.query("SELECT DISTINCT id FROM candidate.orders", "test") == [(-1,)]


def test_a_catalog_that_refuses_is_one_sentence_without_the_password(
    lake: dict[str, Any],
) -> None:
    wrong = {**lake, "catalog": {**lake["catalog"], "password": "not-the-password"}}
    with pytest.raises(UserError, match="cannot be opened") as refused:
        DuckLakeAdapter(lambda: wrong).row_count(PUBLISHED)
    assert "not-the-password" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"secret_key": "not-the-key"}, "is refused by its object store: see access_key"),
        ({"endpoint": "http://127.0.0.1:9"}, "does not reach its object store"),
    ],
)
def test_files_that_cannot_be_written_are_one_sentence_and_leave_the_table(
    lake: dict[str, Any], warehouse: DuckLakeAdapter, change: dict[str, str], told: str
) -> None:
    wrong = DuckLakeAdapter(lambda: {**lake, "files": {**lake["files"], **change}})
    with pytest.raises(UserError, match=told) as refused:
        wrong.query(
            "CREATE OR REPLACE TABLE candidate.orders AS SELECT i AS id FROM range(99999) AS t(i)",
            "test",
        )
    assert "not-the-key" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert warehouse.row_count(CANDIDATE) == 10


def test_a_sync_lands_in_the_lake_and_widens_what_no_promotion_widens(
    lake: dict[str, Any], tmp_path: Path
) -> None:
    destination = DuckLakeDestination(lake, tmp_path, "salt")
    assert [test.status for test in destination.test()] == ["PASSED"]
    with destination.session("one", "test") as session:
        session.begin()
        assert not session.prepare(TABLE, replace=False)
        assert session.load(TABLE, "SELECT * FROM (VALUES (1, 10), (2, 20)) t(id, v)") == 2
        session.remember(TABLE, {"at": 1})
    wider = replace(TABLE, inferred=True, columns=(TABLE.columns[0], Column("V", "v", "VARCHAR")))
    with destination.session("one", "test") as session:
        session.begin()
        assert session.prepare(wider, replace=False)
        rows = "SELECT * FROM (VALUES (2, 'twenty'), (3, 'thirty')) t(id, v)"
        assert session.merge(wider, rows) == (1, 1, 0)
        session.remember(wider, {"at": 2})
    assert destination.cursors("one")["public.things"]["at"] == 2
    assert destination.cursors("another") == {}
    landed = DuckLakeAdapter(lambda: lake).query("SELECT id, v FROM raw.things ORDER BY id", "test")
    assert landed == [(1, "10"), (2, "twenty"), (3, "thirty")]


def test_a_sync_that_fails_leaves_nothing(lake: dict[str, Any], tmp_path: Path) -> None:
    other = replace(TABLE, target="never")
    destination = DuckLakeDestination(lake, tmp_path, "salt")
    with pytest.raises(RuntimeError), destination.session("two", "test") as session:
        session.begin()
        session.prepare(other, replace=False)
        session.load(other, "SELECT 1 AS id, 2 AS v")
        raise RuntimeError("the source went away")
    assert DuckLakeAdapter(lambda: lake).columns(Relation("raw", "never")) is None
    assert destination.cursors("two") == {}


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SyncFailure, match="no 'files_url': a DuckLake needs host, port"):
        lake_settings({"host": "h", "port": 1, "user": "u", "password": "p", "database": "d"})
