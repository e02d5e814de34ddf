"""A destination's session by itself: marked deletes, tables of files, a clock that was set back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataplatform.duckdb_file import open_duckdb
from dataplatform.local.fivetran import merge, removal
from dataplatform.local.fivetran.destination_duckdb import DuckDBDestination
from dataplatform.local.fivetran.model import Column, Parts, Table
from dataplatform.local.fivetran.session_duckdb import DuckDBSession

_COLUMNS = (Column("Id", "id", "INTEGER", key=True), Column("V", "v", "VARCHAR"))
_GONE = Column("IsDeleted", "is_deleted", "BOOLEAN")
_LIVE = {"SOFT_DELETE": "NOT _fivetran_deleted", "HISTORY": "_fivetran_active", "LIVE": "true"}
_MODES = pytest.mark.parametrize("mode", list(_LIVE))


class Warehouse:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "w.duckdb"
        self.destination = DuckDBDestination(self.path, folder, "salt")

    @contextmanager
    def session(self, table: Table) -> Iterator[DuckDBSession]:
        with self.destination.session("one", "test") as session:
            session.begin()
            yield session
            session.remember(table, {})

    def first(self, table: Table, rows: str) -> int:
        with self.session(table) as session:
            assert not session.prepare(table, replace=False)
            return session.load(table, f"SELECT * FROM (VALUES {rows}) t({_names(table)})")

    def next(self, table: Table, rows: str) -> tuple[int, int, int]:
        with self.session(table) as session:
            assert session.prepare(table, replace=False)
            return session.merge(table, f"SELECT * FROM (VALUES {rows}) t({_names(table)})")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_duckdb(self.path, purpose="test") as engine:
            return engine.execute(sql).fetchall()


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path)


@_MODES
def test_rows_that_the_source_marks_as_deleted(warehouse: Warehouse, mode: str) -> None:
    table = Table("s", "t", "raw", "t", (*_COLUMNS, _GONE), deleted_by="is_deleted", mode=mode)
    loaded = warehouse.first(table, "(1, 'a', false), (2, 'b', true), (3, 'c', false)")
    assert loaded == (3 if mode == "SOFT_DELETE" else 2)
    live = f"SELECT id, v FROM raw.t WHERE {_LIVE[mode]} ORDER BY id"
    assert warehouse.rows(live) == [(1, "a"), (3, "c")]
    assert warehouse.next(table, "(1, 'a', true), (2, 'b', true), (3, 'C', false)") == (0, 1, 1)
    assert warehouse.rows(live) == [(3, "C")]
    before = warehouse.rows("SELECT * FROM raw.t ORDER BY ALL")
    assert warehouse.next(table, "(1, 'a', true), (2, 'b', true)") == (0, 0, 0)
    assert warehouse.rows("SELECT * FROM raw.t ORDER BY ALL") == before
    # It comes back: an update where the row is still held, else a new one.
    returned = (0, 1, 0) if mode == "SOFT_DELETE" else (1, 0, 0)
    assert warehouse.next(table, "(1, 'again', false)") == returned
    assert warehouse.rows(live) == [(1, "again"), (3, "C")]


@_MODES
def test_tables_of_files(warehouse: Warehouse, mode: str) -> None:
    columns = (Column("f", "_file", "VARCHAR", key=True), Column("l", "_line", "INTEGER", key=True))
    table = Table("s", "t", "raw", "t", (*columns, _COLUMNS[1]), soft_delete=False, mode=mode)
    assert warehouse.first(table, "('x', 1, 'a'), ('x', 2, 'b'), ('y', 1, 'c')") == 3
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        # File x is read again and has one line left; y is not read.
        rows = "SELECT 'x' AS _file, 1 AS _line, 'A' AS v"
        assert session.merge(table, rows) == (0, 1, 0)
        assert session.remove_absent(table, rows, "_file") == 1
        assert session.live_count(table) == 2
    where = "_fivetran_active" if mode == "HISTORY" else "true"
    assert warehouse.rows(f"SELECT _file, _line, v FROM raw.t WHERE {where} ORDER BY ALL") == [
        ("x", 1, "A"),
        ("y", 1, "c"),
    ]
    held = warehouse.rows("SELECT count(*) FROM raw.t")
    assert held == [(4 if mode == "HISTORY" else 2,)]
    assert "_fivetran_deleted" not in {row[0] for row in warehouse.rows("DESCRIBE raw.t")}


def gone(*keys: int) -> str:
    """Return what a source tells of rows that are gone: their keys alone."""
    return " UNION ALL ".join(f"SELECT {key} AS id, NULL AS v, 'D' AS _kind" for key in keys)


@_MODES
def test_changes_that_were_told_are_applied_at_once(warehouse: Warehouse, mode: str) -> None:
    table = Table("s", "t", "raw", "t", _COLUMNS, mode=mode)
    warehouse.first(table, "(1, 'a'), (2, 'b'), (3, 'c')")
    told = "SELECT 1 AS id, 'A' AS v, 'U' AS _kind UNION ALL SELECT 4, 'd', 'U'"
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        assert session.apply(table, f"{told} UNION ALL {gone(2, 9)}") == (1, 1, 1)
    live = f"SELECT id, v FROM raw.t WHERE {_LIVE[mode]} ORDER BY id"
    assert warehouse.rows(live) == [(1, "A"), (3, "c"), (4, "d")]
    held = {"SOFT_DELETE": 4, "HISTORY": 5, "LIVE": 3}[mode]
    assert warehouse.rows("SELECT count(*) FROM raw.t") == [(held,)]
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        # A row that had gone comes back.
        inserted, updated, _ = session.apply(table, "SELECT 2 AS id, 'B' AS v, 'U' AS _kind")
        assert (inserted, updated) == ((0, 1) if mode == "SOFT_DELETE" else (1, 0))
    assert warehouse.rows(live) == [(1, "A"), (2, "B"), (3, "c"), (4, "d")]


@_MODES
def test_rows_named_by_their_key_end(warehouse: Warehouse, mode: str) -> None:
    table = Table("s", "t", "raw", "t", _COLUMNS, mode=mode)
    warehouse.first(table, "(1, 'a'), (2, 'b'), (3, 'c')")
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        assert session.apply(table, gone(2, 9)) == (0, 0, 1)
        assert session.apply(table, gone(2)) == (0, 0, 0)
        assert session.live_count(table) == 2
        assert session.delete_absent(table, "SELECT 3::BIGINT AS id") == 1
    assert warehouse.rows(f"SELECT id FROM raw.t WHERE {_LIVE[mode]}") == [(3,)]


@pytest.mark.parametrize("few", [64, 0])
@_MODES
def test_only_the_parts_that_are_named_lose_rows(
    warehouse: Warehouse, mode: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "_FEW_PARTS", few)
    table = Table("s", "t", "raw", "t", _COLUMNS, mode=mode)
    warehouse.first(table, ", ".join(f"({n}, 'v')" for n in range(-50, 50)))
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        assert session.apply(table, gone(-50)) == (0, 0, 1)
        # The source's keys end before the warehouse's: what lies beyond counts to the last part.
        parts = Parts("id", -49, 20, 10, tuple(range(7)))
        counts = session.live_parts(table, parts)
        assert session.held_count(table) >= 99
        assert counts == {n: 10 for n in range(6)} | {6: 39}
        # Nothing remains in the source, but only the second part is looked at.
        nothing = "SELECT 0 AS id WHERE false"
        if few:
            assert session.delete_absent(table, nothing, replace(parts, numbers=())) == 0
        second = replace(parts, numbers=(1,))
        assert session.delete_absent(table, nothing, second) == counts[1]
        last = replace(parts, numbers=(6,))
        assert session.delete_absent(table, "SELECT 49 AS id", last) == counts[6] - 1
        assert session.live_count(table) == 99 - counts[1] - counts[6] + 1
    left = {row[0] for row in warehouse.rows(f"SELECT id FROM raw.t WHERE {_LIVE[mode]}")}
    first = parts.low + parts.width
    gone_now = {*range(first, first + parts.width), *range(11, 49)}
    assert left == set(range(-49, 50)) - gone_now


@pytest.mark.parametrize("large", [0, 500_000])
@pytest.mark.parametrize("mode", ["SOFT_DELETE", "LIVE"])
def test_long_values_are_compared_where_the_others_are_alike(
    warehouse: Warehouse, mode: str, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "_LARGE", large)
    monkeypatch.setattr(merge, "_FEW", 1.0)
    columns = (
        *_COLUMNS,
        Column("n", "n", "INTEGER"),
        Column("j", "j", "JSON"),
        Column("b", "b", "BLOB"),
    )
    table = Table("s", "t", "raw", "t", columns, mode=mode)
    rows = {n: [n, "'v'", "7", "'{}'::JSON", "'x'::BLOB"] for n in range(1, 9)}

    def values() -> str:
        return ", ".join(f"({', '.join(map(str, row))})" for row in rows.values())

    warehouse.first(table, values())
    assert warehouse.next(table, values()) == (0, 0, 0)
    with warehouse.session(table) as session:
        assert session.prepare(table, replace=False)
        assert session.delete_absent(table, "SELECT unnest(range(1, 8)) AS id") == 1
    rows[1][1], rows[2][2], rows[3][3], rows[4][4] = "'w'", "NULL", "'[]'", "NULL"
    rows[5][1], rows[5][4] = "NULL", "'y'::BLOB"
    rows[9] = [9, "'new'", "1", "NULL", "NULL"]
    back = (1, 6, 0) if mode == "SOFT_DELETE" else (2, 5, 0)
    assert warehouse.next(table, values()) == back
    assert warehouse.next(table, values()) == (0, 0, 0)
    held = warehouse.rows("SELECT id, v, n, j, b FROM raw.t ORDER BY id")
    assert held == warehouse.rows(f"SELECT * FROM (VALUES {values()}) ORDER BY 1")
    for column, value in ((1, "'v1'"), (1, "'v2'"), (2, "8"), (1, "'v3'"), (3, "'[1]'::JSON")):
        rows[6][column] = value
        assert warehouse.next(table, values()) == (0, 1, 0)
        known = warehouse.rows("SELECT body->>'$.differed[0]' FROM _fivetran_state.cursors")
        assert known == [(None if large else columns[column].name,)]
    assert warehouse.next(table, values()) == (0, 0, 0)
    assert warehouse.rows("SELECT v, n, j FROM raw.t WHERE id = 6") == [("v3", 8, "[1]")]


def test_rows_at_the_ends_of_the_numbers_are_counted(warehouse: Warehouse) -> None:
    table = Table("s", "t", "raw", "t", _COLUMNS)
    warehouse.first(table, f"({-(2**63)}, 'a'), (1, 'b'), (2, 'c'), (3, 'd'), ({2**63 - 1}, 'e')")
    with warehouse.session(table) as session:
        assert session.live_parts(table, Parts("id", 1, 3, 2, (0, 1))) == {0: 3, 1: 2}


def test_a_clock_that_was_set_back_repeats_no_version(warehouse: Warehouse) -> None:
    table = Table("s", "t", "raw", "t", _COLUMNS, mode="HISTORY")
    with warehouse.destination.session("one", "test") as session:
        session.synced_at = datetime.now(UTC) + timedelta(days=1)
        session.begin()
        session.prepare(table, replace=False)
        session.load(table, "SELECT 1 AS id, 'a' AS v")
        session.remember(table, {})
    for value in "bcd":
        assert warehouse.next(table, f"(1, '{value}')") == (0, 1, 0)
    versions = warehouse.rows(
        "SELECT v, _fivetran_end < lead(_fivetran_start) OVER w, _fivetran_start < _fivetran_end "
        "FROM raw.t WINDOW w AS (ORDER BY _fivetran_start) ORDER BY _fivetran_start"
    )
    assert versions == [("a", True, True), ("b", True, True), ("c", True, True), ("d", None, True)]


def test_an_error_leaves_nothing(warehouse: Warehouse) -> None:
    table = Table("s", "t", "raw", "t", _COLUMNS)
    warehouse.first(table, "(1, 'a')")
    before = warehouse.rows("SELECT * FROM raw.t")
    cursors = warehouse.destination.cursors("one")
    with pytest.raises(ZeroDivisionError), warehouse.session(table) as session:
        session.prepare(table, replace=False)
        session.merge(table, "SELECT 1 AS id, 'b' AS v")
        session.remember(table, {"mark": 2})
        raise ZeroDivisionError
    assert warehouse.rows("SELECT * FROM raw.t") == before
    assert warehouse.destination.cursors("one") == cursors
