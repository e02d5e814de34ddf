"""A sync that is killed leaves the warehouse as it was, wherever it was, and the next completes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataplatform_tests.local.fivetran.replica import LATE, Replica

pytestmark = pytest.mark.slow
Source = psycopg.Connection[Any]

_TABLES = ("a", "b", "c")
_CHANGES = (
    "UPDATE {} SET v = v || '!' WHERE id % 3 = 0; DELETE FROM {} WHERE id % 7 = 0; "
    "INSERT INTO {} SELECT i, 'new' FROM generate_series(2001, 2050) i"
)


@pytest.mark.parametrize("method", ["QUERY_BASED", "WAL_PGOUTPUT"])
def test_a_killed_sync_changes_nothing_and_the_next_completes(
    tmp_path: Path, postgres: dict[str, Any], source: Source, method: str
) -> None:
    replica = Replica(tmp_path, postgres, update_method=method)
    for table in _TABLES:
        source.execute(
            f"CREATE TABLE {table} (id int PRIMARY KEY, v text); "
            f"INSERT INTO {table} SELECT i, 'v' || i FROM generate_series(1, 2000) i"
        )
    modes = dict(zip(_TABLES, ("SOFT_DELETE", "HISTORY", "LIVE"), strict=True))
    try:
        # Killed in the first load: there is no table, and no cursor that says there is one.
        assert replica.kill(3)
        assert replica.rows("SELECT * FROM duckdb_tables()") == []
        replica.sync()
        for table, mode in modes.items():
            replica.table(table, sync_mode=mode)
        for table in _TABLES:
            source.execute(_CHANGES.format(table, table, table))
        before = _held(replica)
        step = 0
        while step < 4 and replica.kill(step * 3):
            assert _held(replica) == before, f"killed at step {step * 3}"
            step += 1
        assert step == 4
        # After the commit the rows are there; what the source keeps for us is told twice.
        assert replica.kill(LATE)
        after = _held(replica)
        assert after != before
        done = replica.sync()
        assert {(r.inserted, r.updated, r.deleted) for r in done.values()} == {(0, 0, 0)}
        assert _held(replica) == after
        live = {
            "SOFT_DELETE": "NOT _fivetran_deleted",
            "HISTORY": "_fivetran_active",
            "LIVE": "true",
        }
        for table, mode in modes.items():
            wanted = source.execute(f"SELECT id, v FROM {table} ORDER BY id").fetchall()
            where = f"WHERE {live[mode]} ORDER BY id"
            assert replica.rows(f"SELECT id, v FROM raw_public.{table} {where}") == wanted
    finally:
        replica.close()


def _held(replica: Replica) -> dict[str, list[tuple[Any, ...]]]:
    return {t: replica.rows(f"SELECT * FROM raw_public.{t} ORDER BY ALL") for t in _TABLES}
