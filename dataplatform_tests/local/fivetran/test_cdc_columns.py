"""Change capture of columns that come, go and come again, of which the log tells nothing.

Every table lives through a story of its own beside the others, so that one replica tells of all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataplatform.local.fivetran.services.postgres_cdc import PostgresCdcService
from dataplatform_tests.local.fivetran.replica import LATE, Replica

pytestmark = pytest.mark.slow
Source = psycopg.Connection[Any]

# What happens to each table before the first sync that follows, and before the second.
_STORIES = {
    "comes_again": ("DROP c0", "ADD c0 text"),
    "comes_again_at_once": ("DROP c0, ADD c0 text", ""),
    "comes_again_as_another_type": ("DROP c0", "ADD c0 bigint"),
    "came_and_went": ("ADD c5 text; INSERT; DROP c5, ADD c5 text", ""),
    "came_and_was_renamed": ("ADD c5 text; INSERT; RENAME c5 TO c6", ""),
    "took_the_name": ("ADD c5 text; INSERT; DROP c0; RENAME c5 TO c0", ""),
    "is_worked_out": ("ADD c7 text GENERATED ALWAYS AS (c0 || '!') VIRTUAL", ""),
    "emptied_and_rewritten": ("TRUNCATE; INSERT; ALTER c0 TYPE text USING c0 || '!'", ""),
    "emptied_and_added_to": ("TRUNCATE; INSERT; ADD c5 uuid DEFAULT gen_random_uuid()", ""),
    "only_emptied": ("TRUNCATE; INSERT", "TRUNCATE; INSERT; ADD c5 text"),
    "changed_names": (
        "ADD c5 text; ADD c6 text; INSERT; RENAME c5 TO c; RENAME c6 TO c5; RENAME c TO c6",
        "",
    ),
    "left_its_name": ("ADD \"C 0\" text DEFAULT 'w'", "DROP c_0"),
}
_HISTORY = "comes_again_in_history"


@pytest.fixture
def replica(source: Source, postgres: dict[str, Any], tmp_path: Path) -> Iterator[Replica]:
    for name in (*_STORIES, _HISTORY):
        c0 = "c_0" if name == "left_its_name" else "c0"
        source.execute(
            f"CREATE TABLE {name} (id int PRIMARY KEY, {c0} text);"
            f"INSERT INTO {name} SELECT i, 'v' || i FROM generate_series(1, 3) i"
        )
    found = Replica(tmp_path, postgres, update_method="WAL_PGOUTPUT")
    found.sync()
    found.table(_HISTORY, sync_mode="HISTORY")
    yield found
    found.close()
    shutil.rmtree(tmp_path, ignore_errors=True)


def _happens(source: Source, table: str, story: str) -> None:
    for change in filter(None, story.split("; ")):
        if change == "TRUNCATE":
            source.execute(f"TRUNCATE {table}")
        elif change == "INSERT":
            more = ", 'x'" if "ADD" in story.split("INSERT")[0] else ""
            source.execute(f"INSERT INTO {table} VALUES (9, 'v9'{more})")
        else:
            source.execute(f"ALTER TABLE {table} {change}")


def _assert_equal(replica: Replica, source: Source, tables: list[str]) -> None:
    for table in tables:
        columns = source.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped ORDER BY attnum",
            (table,),
        ).fetchall()
        there = ", ".join(f'"{name}"::text' for (name,) in columns)
        chosen = replica.connection["schema_config"]["schemas"]["public"]["tables"][table]
        names = [chosen["columns"][name]["name_in_destination"] for (name,) in columns]
        here = ", ".join(f'"{name}"::VARCHAR' for name in names)
        live = "_fivetran_active" if table == _HISTORY else "NOT _fivetran_deleted"
        wanted = source.execute(f"SELECT {there} FROM {table} ORDER BY id").fetchall()
        found = replica.rows(f"SELECT {here} FROM raw_public.{table} WHERE {live} ORDER BY id")
        assert found == wanted, table


def test_a_column_that_comes_again_does_not_bring_back_old_values(
    replica: Replica, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [*_STORIES, _HISTORY]
    for table, (first, _) in _STORIES.items():
        _happens(source, table, first)
    _happens(source, _HISTORY, "DROP c0")
    assert replica.abort(3)
    # Committed, but told neither to the service nor to the server.
    assert replica.kill(LATE)
    replica.sync()
    _assert_equal(replica, source, tables)
    for table, (_, second) in _STORIES.items():
        _happens(source, table, second)
    _happens(source, _HISTORY, "ADD c0 text")
    assert replica.abort(5)
    assert replica.kill(7)
    replica.sync()
    _assert_equal(replica, source, tables)
    closed = f"SELECT id, c0 FROM raw_public.{_HISTORY} WHERE NOT _fivetran_active ORDER BY 1"
    assert replica.rows(closed) == [(1, "v1"), (2, "v2"), (3, "v3")]

    def attached(*_: Any) -> None:
        raise AssertionError("a table is read again although the log tells everything")

    # What was read again once is not read again for ever, nor for a column of a new name.
    monkeypatch.setattr(PostgresCdcService, "_attach_once", attached)
    source.execute("ALTER TABLE comes_again ADD c1 text; UPDATE comes_again SET c1 = 'y'")
    source.execute("TRUNCATE only_emptied; INSERT INTO only_emptied VALUES (9, 'once more', 'y')")
    results = replica.sync()
    assert results["comes_again"].updated == 3
    assert results["only_emptied"].updated == 1
    assert all(r.inserted == r.deleted == 0 for r in results.values())
    _assert_equal(replica, source, tables)


@pytest.mark.parametrize("moment", ["extract", "_attach_once"])
def test_a_column_added_while_a_sync_looks_is_not_lost(
    replica: Replica, source: Source, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Rows are told, or seen by the snapshot, with a column that the catalogue had not yet."""
    original: Callable[..., Any] = getattr(PostgresCdcService, moment)
    todo = ["ALTER TABLE comes_again ADD c5 text; INSERT INTO comes_again VALUES (9, 'v9', 'x')"]

    def late(*args: Any) -> Any:
        if todo:
            source.execute(todo.pop())
        return original(*args)

    monkeypatch.setattr(PostgresCdcService, moment, late)
    replica.sync(["public.comes_again"] if moment == "_attach_once" else [])
    assert not todo
    replica.sync()
    _assert_equal(replica, source, ["comes_again"])
