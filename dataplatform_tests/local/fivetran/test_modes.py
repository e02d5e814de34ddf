"""What becomes of rows that change or go, in each mode; hashing, blocking, and other names."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataplatform.duckdb_file import open_duckdb
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform_tests.local.fivetran.conftest import Service
from dataplatform_tests.local.fivetran.replica import SALT, Replica

pytestmark = pytest.mark.slow
Source = psycopg.Connection[Any]

_VERSIONS = (
    "SELECT id, v, _fivetran_active, _fivetran_end = '9999-12-31 23:59:59.999+00' "
    "FROM raw_public.t ORDER BY id, _fivetran_start"
)


@pytest.fixture
def replica(tmp_path: Path, postgres: dict[str, Any], source: Source) -> Replica:
    """A connection that has synced one table of three rows once."""
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    source.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    made = Replica(tmp_path, postgres)
    made.sync()
    return made


def columns(replica: Replica, table: str = "t") -> dict[str, str]:
    return dict(
        row[:2]
        for row in replica.rows(
            f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'"
        )
    )


def change_rows(source: Source) -> None:
    source.execute("UPDATE t SET v = 'A' WHERE id = 1; DELETE FROM t WHERE id = 2")
    source.execute("INSERT INTO t VALUES (4, 'd')")


def test_history_keeps_every_version(replica: Replica, source: Source) -> None:
    replica.table("t", sync_mode="HISTORY")
    replica.sync()
    assert "_fivetran_deleted" not in columns(replica)
    assert replica.rows(_VERSIONS) == [(n, v, True, True) for n, v in enumerate("abc", start=1)]
    change_rows(source)
    done = replica.sync()["t"]
    assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
    assert replica.rows(_VERSIONS) == [
        (1, "a", False, False),
        (1, "A", True, True),
        (2, "b", False, False),
        (3, "c", True, True),
        (4, "d", True, True),
    ]
    # One version ends a millisecond before the next begins.
    gap = replica.rows(
        "SELECT max(_fivetran_start) - min(_fivetran_end) FROM raw_public.t WHERE id = 1"
    )
    assert gap[0][0].total_seconds() == 0.001
    before = replica.rows("SELECT * FROM raw_public.t ORDER BY ALL")
    replica.sync()
    replica.sync(resync="all")
    assert replica.rows("SELECT * FROM raw_public.t ORDER BY ALL") == before
    source.execute("INSERT INTO t VALUES (2, 'again')")
    replica.sync()
    again = replica.rows(_VERSIONS.replace("ORDER", "WHERE id = 2 ORDER"))
    assert again == [(2, "b", False, False), (2, "again", True, True)]


def test_live_removes_rows(replica: Replica, source: Source) -> None:
    replica.table("t", sync_mode="LIVE")
    change_rows(source)
    done = replica.sync()["t"]
    assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
    assert set(columns(replica)) == {"id", "v", "_fivetran_synced"}
    assert replica.rows("SELECT id, v FROM raw_public.t ORDER BY id") == [
        (1, "A"),
        (3, "c"),
        (4, "d"),
    ]


@pytest.mark.parametrize("mode", ["HISTORY", "LIVE"])
def test_switching_there_and_back_keeps_what_can_be_kept(
    replica: Replica, source: Source, mode: str
) -> None:
    change_rows(source)
    replica.sync()
    replica.table("t", sync_mode=mode)
    replica.sync()
    source.execute("UPDATE t SET v = 'AA' WHERE id = 1; DELETE FROM t WHERE id = 3")
    replica.sync()
    live = [(1, "AA"), (4, "d")]
    if mode == "HISTORY":
        assert replica.rows(_VERSIONS) == [
            (1, "A", False, False),
            (1, "AA", True, True),
            (2, "b", False, False),
            (3, "c", False, False),
            (4, "d", True, True),
        ]
    else:
        assert replica.rows("SELECT id, v FROM raw_public.t ORDER BY id") == live
    replica.table("t", sync_mode="SOFT_DELETE")
    replica.sync()
    rows = replica.rows("SELECT id, v, _fivetran_deleted FROM raw_public.t ORDER BY id")
    gone = [(2, "b", True), (3, "c", True)] if mode == "HISTORY" else []
    assert rows == sorted([*((*row, False) for row in live), *gone])
    other = {"HISTORY": "LIVE", "LIVE": "HISTORY"}[mode]
    replica.table("t", sync_mode=other)
    replica.sync()
    active = "WHERE _fivetran_active" if other == "HISTORY" else ""
    assert replica.rows(f"SELECT id, v FROM raw_public.t {active} ORDER BY id") == live


def test_history_outlives_another_key(replica: Replica, source: Source) -> None:
    replica.table("t", sync_mode="HISTORY")
    replica.sync()
    source.execute("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, v)")
    replica.sync()
    source.execute("ALTER TABLE t DROP CONSTRAINT t_pkey")
    replica.sync()
    source.execute("INSERT INTO t VALUES (3, 'c')")
    replica.sync()
    counts = "SELECT _fivetran_active, count(*) FROM raw_public.t GROUP BY 1 ORDER BY 1"
    assert replica.rows(counts) == [(False, 6), (True, 4)]
    ids = replica.rows(
        "SELECT count(DISTINCT _fivetran_id) FROM raw_public.t WHERE _fivetran_active"
    )
    assert ids == [(4,)]
    source.execute("DELETE FROM t WHERE id = 3; ALTER TABLE t ADD PRIMARY KEY (id)")
    replica.sync()
    assert replica.rows(counts) == [(False, 10), (True, 2)]


def test_another_key_builds_the_table_anew(replica: Replica, source: Source) -> None:
    source.execute("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v)")
    assert replica.sync()["t"].inserted == 3
    source.execute("DELETE FROM t WHERE v = 'a'")
    assert replica.sync()["t"].deleted == 1


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256((SALT + text).encode()).digest()).decode()


@pytest.mark.parametrize("mode", ["SOFT_DELETE", "HISTORY"])
def test_hashed_columns(replica: Replica, source: Source, mode: str) -> None:
    source.execute("ALTER TABLE t ADD COLUMN n int; UPDATE t SET n = 7 WHERE id < 3")
    replica.table("t", sync_mode=mode)
    replica.sync()
    change_rows(source)
    replica.sync()
    replica.table("t", columns={"n": {"hashed": True}, "v": {"hashed": True}})
    done = replica.sync()["t"]
    # What was in clear is hashed where it lies, closed versions and deleted rows too.
    assert (done.inserted, done.updated, done.deleted) == (0, 0, 0)
    held = {value for row in replica.rows("SELECT v, n FROM raw_public.t") for value in row}
    assert held <= {None, *map(_hash, ("a", "A", "b", "c", "d", "7"))}
    assert replica.rows("SELECT v, n FROM raw_public.t WHERE id = 4") == [(_hash("d"), None)]
    source.execute("UPDATE t SET v = 'x' WHERE id = 4")
    assert replica.sync()["t"].updated == 1
    live = "AND _fivetran_active" if mode == "HISTORY" else ""
    newest = f"SELECT v FROM raw_public.t WHERE id = 4 {live}"
    assert replica.rows(newest) == [(_hash("x"),)]
    replica.table("t", columns={"v": {"hashed": False}})
    replica.sync()
    assert replica.rows(newest) == [("x",)]


def test_a_hashed_key(replica: Replica, source: Source) -> None:
    replica.table("t", columns={"id": {"hashed": True}})
    replica.sync()
    change_rows(source)
    done = replica.sync()["t"]
    assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
    live = replica.rows("SELECT id, v FROM raw_public.t WHERE NOT _fivetran_deleted ORDER BY v")
    assert live == [(_hash("1"), "A"), (_hash("3"), "c"), (_hash("4"), "d")]


@pytest.mark.parametrize("mode", ["HISTORY", "LIVE"])
def test_blocked_columns_and_tables(replica: Replica, source: Source, mode: str) -> None:
    source.execute("CREATE TABLE aside (id int PRIMARY KEY)")
    replica.table("t", sync_mode=mode)
    replica.sync()
    replica.table("t", columns={"v": {"enabled": False}})
    replica.table("aside", enabled=False)
    source.execute("INSERT INTO aside VALUES (1)")
    change_rows(source)
    assert set(replica.sync()) == {"t"}
    # The column stays; what it holds does too, until a row is written anew.
    assert replica.rows("SELECT v FROM raw_public.t WHERE id IN (1, 4) ORDER BY id") == [
        ("a",),
        (None,),
    ]
    assert replica.rows("SELECT count(*) FROM raw_public.aside") == [(0,)]
    if mode != "HISTORY":
        replica.sync(resync="all")
        assert replica.rows("SELECT DISTINCT v FROM raw_public.t") == [(None,)]
    replica.table("t", columns={"v": {"enabled": True}})
    replica.table("aside", enabled=True)
    replica.sync()
    active = {"SOFT_DELETE": "NOT _fivetran_deleted", "HISTORY": "_fivetran_active"}
    rows = replica.rows(
        f"SELECT id, v FROM raw_public.t WHERE {active.get(mode, 'true')} ORDER BY 1"
    )
    assert rows == [(1, "A"), (3, "c"), (4, "d")]
    assert replica.rows("SELECT id FROM raw_public.aside") == [(1,)]
    with pytest.raises(ValueError, match="primary key"):
        replica.table("t", columns={"id": {"enabled": False}})


@pytest.mark.parametrize(
    ("handling", "tables", "extra"),
    [
        ("ALLOW_ALL", {"t", "fresh"}, True),
        ("ALLOW_COLUMNS", {"t"}, True),
        ("BLOCK_ALL", {"t"}, False),
    ],
)
def test_what_is_new_is_allowed_or_blocked(
    replica: Replica, source: Source, handling: str, tables: set[str], extra: bool
) -> None:
    replica.configure({"schema_change_handling": handling})
    source.execute("ALTER TABLE t ADD COLUMN extra int DEFAULT 5")
    source.execute(
        "CREATE TABLE fresh (id int PRIMARY KEY, v int); INSERT INTO fresh VALUES (1, 2)"
    )
    assert set(replica.sync()) == tables
    assert ("extra" in columns(replica)) is extra
    # Enabled by name, a table arrives with the columns it had when it was first seen.
    replica.table("fresh", enabled=True)
    replica.table("t", columns={"extra": {"enabled": True}})
    replica.sync()
    assert replica.rows("SELECT id, v FROM raw_public.fresh") == [(1, 2)]
    assert replica.rows("SELECT DISTINCT extra FROM raw_public.t") == [(5,)]


_LADDER = [
    ("int", "1", "bigint", "9000000000", "BIGINT"),
    ("int", "1", "numeric(12,2)", "1.25", "DECIMAL(12,2)"),
    ("numeric(4,2)", "1.25", "numeric(10,6)", "1.123456", "DECIMAL(10,6)"),
    ("int", "1", "double precision", "1.5", "DOUBLE"),
    ("date", "'2025-01-02'", "timestamp", "'2025-01-02 03:04:05'", "TIMESTAMP"),
    ("int", "1", "text", "'one'", "VARCHAR"),
    ("bigint", "1", "double precision", "1.5", "VARCHAR"),
    ("boolean", "true", "text", "'true'", "VARCHAR"),
    ("timestamptz", "'2025-01-02 00:00:00+00'", "text", "'soon'", "VARCHAR"),
    ("jsonb", "'{\"a\": 1}'", "text", "'plain'", "VARCHAR"),
    ("text", "'12'", "int", "13", "VARCHAR"),
    ("bigint", "5", "int", "6", "BIGINT"),
]


def test_types_climb_the_ladder(replica: Replica, source: Source) -> None:
    for number, (before, old, *_) in enumerate(_LADDER):
        source.execute(f"ALTER TABLE t ADD COLUMN w{number} {before}")
        source.execute(f"UPDATE t SET w{number} = {old}")
    replica.sync()
    for number, (_, _, after, new, _) in enumerate(_LADDER):
        source.execute(
            f"ALTER TABLE t ALTER COLUMN w{number} TYPE {after} USING w{number}::text::{after}"
        )
        source.execute(f"UPDATE t SET w{number} = {new} WHERE id = 2")
    assert replica.sync()["t"].inserted == 0
    types = columns(replica)
    for number, (*rung, held) in enumerate(_LADDER):
        assert types[f"w{number}"] == held, rung
        expected = source.execute(f"SELECT w{number}::text FROM t ORDER BY id").fetchall()
        got = replica.rows(f"SELECT w{number}::VARCHAR FROM raw_public.t ORDER BY id")
        assert [_number(w) for (w,) in got] == [_number(w) for (w,) in expected], rung


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text.removesuffix(" 00:00:00")


_NAMES = ['"Quoted Name"', '"it\'s"', '"say ""hi"""', '"ÜNÏ çödé"', '"select"', '"日本"', '"1st"']


def test_unusual_names(replica: Replica, source: Source) -> None:
    plain = {name: name[1:-1].replace('""', '"') for name in _NAMES}
    for name in _NAMES:
        source.execute(f"CREATE TABLE {name} (id int, {name} text, PRIMARY KEY (id, {name}))")
        source.execute(f"INSERT INTO {name} VALUES (1, 'x'), (2, 'y')")
    replica.sync()
    for mode in ("HISTORY", "LIVE"):
        for name in _NAMES:
            hashed = {plain[name]: {"hashed": mode == "LIVE"}}
            replica.table(plain[name], sync_mode=mode, columns=hashed)
            source.execute(f"DELETE FROM {name} WHERE id = (SELECT min(id) FROM {name})")
            source.execute(f"INSERT INTO {name} SELECT max(id) + 1, 'z' FROM {name}")
        done = replica.sync()
        del done["t"]
        assert len(done) == len(_NAMES)
        for table, result in done.items():
            assert (result.inserted, result.updated, result.deleted) == (1, 0, 1), (table, mode)


def test_names_that_fall_together(replica: Replica, source: Source) -> None:
    source.execute('CREATE TABLE "Some Table" (id int PRIMARY KEY, "aB" int, a_b int)')
    source.execute("CREATE TABLE some_table (id int PRIMARY KEY)")
    source.execute('INSERT INTO "Some Table" VALUES (1, 2, 3); INSERT INTO some_table VALUES (9)')
    replica.sync()
    assert replica.rows("SELECT id, a_b, a_b_1 FROM raw_public.some_table") == [(1, 2, 3)]
    assert replica.rows("SELECT id FROM raw_public.some_table_1") == [(9,)]
    # The other table moves to the name that became free: nothing of the first may pass for its own.
    source.execute('DROP TABLE "Some Table"')
    replica.table("Some Table", enabled=False)
    replica.sync()
    live = "SELECT id FROM raw_public.some_table WHERE NOT _fivetran_deleted"
    assert replica.rows(live) == [(9,)]


def test_schemas_that_fall_together(replica: Replica, source: Source) -> None:
    for number, schema in enumerate(('"My Sales"', "my_sales")):
        source.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id int PRIMARY KEY)")
        source.execute(f"INSERT INTO {schema}.t VALUES ({number})")
    replica.sync()
    assert replica.rows("SELECT id FROM raw_my_sales.t") == [(0,)]
    assert replica.rows("SELECT id FROM raw_my_sales_1.t") == [(1,)]


def test_a_failed_sync_changes_nothing(replica: Replica, source: Source) -> None:
    before = replica.rows("SELECT * FROM raw_public.t ORDER BY id")
    change_rows(source)
    source.execute("CREATE TABLE gone (id int PRIMARY KEY)")
    replica.connection["schema_config"]["schemas"]["public"]["tables"]["missing"] = {
        "enabled": True,
        "columns": {},
    }
    with pytest.raises(SyncFailure, match="is gone from the source"):
        replica.sync()
    assert replica.rows("SELECT * FROM raw_public.t ORDER BY id") == before


def test_modes_are_chosen_through_the_api(
    service: Service, source: Source, production: Callable[..., str]
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    source.execute("CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)")
    connection = production()
    service.sync(connection)
    tables = f"/connections/{connection}/schemas/public/tables"
    service.call("PATCH", f"{tables}/t", {"sync_mode": "HISTORY"})
    service.call("PATCH", f"{tables}/t/columns/v", {"hashed": True})
    source.execute("UPDATE t SET v = 'b'")
    assert service.sync(connection)["by_table"] == {"t": (0, 1, 0), "u": (0, 0, 0)}
    rows = service.rows("SELECT v, _fivetran_active FROM raw_public.t ORDER BY _fivetran_start")
    assert [active for _, active in rows] == [False, True]
    # Salted: neither the text itself nor its plain hash.
    plain = {base64.b64encode(hashlib.sha256(v).digest()).decode() for v in (b"a", b"b")}
    assert not {v for v, _ in rows} & {"a", "b", *plain}
    # What is gone from the warehouse by mistake comes back by a re-sync of the one table.
    with open_duckdb(service.warehouse, purpose="test") as engine:
        engine.execute("DELETE FROM raw_public.t; DELETE FROM raw_public.u")
    service.call("POST", f"/connections/{connection}/schemas/tables/resync", {"public": ["t"]})
    record = service.wait(connection)
    assert {t["table"]: t["inserted"] for t in record["tables"]}["t"] == 1
    assert service.rows("SELECT count(*) FROM raw_public.t") == [(1,)]


def test_a_sync_put_off_runs_by_itself(
    service: Service, source: Source, production: Callable[..., str]
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    connection = production()
    fault = {"match": connection, "kind": "reschedule", "times": 1, "seconds": 3}
    service.call("POST", "/local/faults", [fault])
    assert service.sync(connection)["status"] == "RESCHEDULED"
    status = service.details(connection)["status"]
    assert status["sync_state"] == "rescheduled"
    assert status["rescheduled_for"]
    deadline = time.monotonic() + 60
    while not service.details(connection)["succeeded_at"]:
        assert time.monotonic() < deadline, "it was not tried again"
        time.sleep(0.2)
    assert service.rows("SELECT id FROM raw_public.t") == [(1,)]
