"""The DuckDB adapter on a real file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform_tests.warehouse_facts import fingerprint

CANDIDATE = Relation("candidate", "orders")
PUBLISHED = Relation("marts", "orders")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBAdapter:
    adapter = DuckDBAdapter(lambda: tmp_path / "warehouse.duckdb")
    with adapter.session("test") as session:
        session.execute("CREATE SCHEMA candidate")
        session.execute("CREATE TABLE candidate.orders (id BIGINT, amount DECIMAL(12, 2), j JSON)")
        session.execute("INSERT INTO candidate.orders SELECT i, i, '{}' FROM range(10) AS t(i)")
        session.execute("COMMENT ON COLUMN candidate.orders.id IS 'the order''s number'")
    return adapter


def test_publishing_replaces_the_target_and_keeps_comments(
    warehouse: DuckDBAdapter,
) -> None:
    facts = warehouse.publish(CANDIDATE, PUBLISHED)
    assert (facts.row_count, facts.comments) == (10, {"id": "the order's number"})
    warehouse.query("DELETE FROM candidate.orders WHERE id > 3", "test")
    assert warehouse.row_count(PUBLISHED) == 10
    assert warehouse.publish(CANDIDATE, PUBLISHED, exclude=["j"]).row_count == 4
    assert list(warehouse.columns(PUBLISHED) or {}) == ["id", "amount"]


def test_publishing_over_a_view_works(warehouse: DuckDBAdapter) -> None:
    warehouse.query("CREATE SCHEMA marts", "test")
    warehouse.query("CREATE VIEW marts.orders AS SELECT 1 AS one", "test")
    assert warehouse.publish(CANDIDATE, PUBLISHED).row_count == 10


def test_a_publication_that_fails_leaves_the_old_rows(warehouse: DuckDBAdapter) -> None:
    warehouse.publish(CANDIDATE, PUBLISHED)
    warehouse.query("CREATE VIEW candidate.broken AS SELECT id FROM candidate.orders", "test")
    warehouse.query("ALTER TABLE candidate.orders RENAME COLUMN id TO renamed", "test")
    with pytest.raises(Exception, match="id"):
        warehouse.publish(Relation("candidate", "broken"), PUBLISHED)
    assert list(warehouse.columns(PUBLISHED) or {}) == ["id", "amount", "j"]


def test_a_missing_candidate_is_told_with_the_nearest_name(
    warehouse: DuckDBAdapter,
) -> None:
    with pytest.raises(UserError, match=r"candidate\.order\. Did you mean 'candidate\.orders'"):
        warehouse.publish(Relation("candidate", "order"), PUBLISHED)


def test_the_fingerprint_follows_rows_and_columns(warehouse: DuckDBAdapter) -> None:
    first = fingerprint(warehouse, CANDIDATE)
    assert fingerprint(warehouse, CANDIDATE) == first
    warehouse.query("UPDATE candidate.orders SET amount = 5 WHERE id = 1", "test")
    second = fingerprint(warehouse, CANDIDATE)
    warehouse.query("ALTER TABLE candidate.orders ADD COLUMN note VARCHAR", "test")
    assert len({first, second, fingerprint(warehouse, CANDIDATE)}) == 3


def test_the_fingerprint_of_a_synced_table_follows_its_stamps(
    warehouse: DuckDBAdapter,
) -> None:
    raw = Relation("raw_shop", "orders")
    with warehouse.session("test") as session:
        session.execute("CREATE SCHEMA raw_shop")
        session.execute(
            "CREATE TABLE raw_shop.orders AS SELECT 1 AS id, TIMESTAMPTZ '2026-01-01' AS "
            "_fivetran_synced, false AS _fivetran_deleted"
        )
    first = fingerprint(warehouse, raw)
    warehouse.query("UPDATE raw_shop.orders SET _fivetran_synced = now()", "test")
    assert fingerprint(warehouse, raw) != first


def test_an_export_gives_the_same_bytes_whatever_the_order(
    warehouse: DuckDBAdapter, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    assert warehouse.export_parquet(CANDIDATE, one) == 10
    warehouse.query(
        "CREATE OR REPLACE TABLE candidate.orders AS FROM candidate.orders ORDER BY id DESC",
        "test",
    )
    assert warehouse.export_parquet(CANDIDATE, two) == 10
    assert one.read_bytes() == two.read_bytes()


def test_names_are_quoted(warehouse: DuckDBAdapter) -> None:
    nasty = Relation("candidate", 'a"; DROP TABLE candidate.orders; --')
    warehouse.query('CREATE TABLE candidate."a""; DROP TABLE candidate.orders; --" (x INT)', "test")
    assert warehouse.publish(nasty, Relation("marts", nasty.table)).row_count == 0
    assert warehouse.row_count(CANDIDATE) == 10


def test_facts_leave_out_what_is_missing_and_a_missing_file_has_none(
    warehouse: DuckDBAdapter, tmp_path: Path
) -> None:
    assert set(warehouse.facts([CANDIDATE, PUBLISHED])) == {CANDIDATE}
    empty = DuckDBAdapter(lambda: tmp_path / "none.duckdb")
    assert empty.facts([CANDIDATE]) == {} and empty.columns(CANDIDATE) is None
    assert not (tmp_path / "none.duckdb").exists()


def test_a_view_over_a_table_that_is_gone_still_tells_its_columns(
    warehouse: DuckDBAdapter,
) -> None:
    warehouse.query("CREATE VIEW candidate.seen AS SELECT id FROM candidate.orders", "test")
    warehouse.query("DROP TABLE candidate.orders", "test")
    assert warehouse.columns(Relation("candidate", "seen")) == {"id": "BIGINT"}
    assert warehouse.columns(CANDIDATE) is None
    assert warehouse.columns(Relation("nowhere", "orders")) is None
