"""PostgreSQL through the running service: every change is found, and nothing else is touched."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dataplatform_tests.local.fivetran.conftest import Service, dsn

pytestmark = pytest.mark.slow
Make = Callable[..., str]

_TYPES = """
CREATE TYPE status AS ENUM ('active', 'inactive');
CREATE TABLE everything (
    id bigint PRIMARY KEY, small smallint, whole integer, price numeric(12,2), any_number numeric,
    ratio double precision, flag boolean, code char(2), name varchar(20), at timestamptz,
    plain timestamp, day date, clock time, tags text[], grid integer[][], body jsonb, raw bytea,
    state status, ident uuid, span interval, net inet, "camelCase Ünï" text);
INSERT INTO everything VALUES
 (1, 2, 3, 12.50, 123456789012345678901234567890.123, 0.5, true, 'DE', 'Ann',
  '2025-01-02 03:04:05+02', '2025-01-02 03:04:05.678', '2025-02-03', '04:05:06', '{a,"b c"}',
  '{{1,2},{3,4}}', '{"k": [1, null]}', '\\x00ff', 'active',
  '6f9619ff-8b86-d011-b42d-00cf4fc964ff', '1 day', '10.0.0.1', 'ü'),
 (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null);
"""


def test_types_arrive_as_declared(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    source.execute(_TYPES)
    connection = production()
    record = service.sync(connection)
    assert record["by_table"] == {"everything": (2, 0, 0)}, record
    assert service.sync(connection)["by_table"] == {"everything": (0, 0, 0)}
    # Every value compared with itself: none may look changed.
    service.call("POST", f"/connections/{connection}/resync")
    assert service.wait(connection)["tables"][0]["updated"] == 0
    described = dict(
        row[:2]
        for row in service.rows(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'everything'"
        )
    )
    assert described == {
        "id": "BIGINT",
        "small": "INTEGER",
        "whole": "INTEGER",
        "price": "DECIMAL(12,2)",
        "any_number": "VARCHAR",
        "ratio": "DOUBLE",
        "flag": "BOOLEAN",
        "code": "VARCHAR",
        "name": "VARCHAR",
        "at": "TIMESTAMP WITH TIME ZONE",
        "plain": "TIMESTAMP",
        "day": "DATE",
        "clock": "TIME",
        "tags": "JSON",
        "grid": "JSON",
        "body": "JSON",
        "raw": "BLOB",
        "state": "VARCHAR",
        "ident": "VARCHAR",
        "span": "VARCHAR",
        "net": "VARCHAR",
        "camel_case_uni": "VARCHAR",
        "_fivetran_deleted": "BOOLEAN",
        "_fivetran_synced": "TIMESTAMP WITH TIME ZONE",
    }
    row = service.rows(
        "SELECT price::varchar, any_number, tags->>1, grid->>'$[1][0]', body->>'$.k[0]', state, "
        'ident, "at"::varchar, raw, camel_case_uni FROM raw_public.everything WHERE id = 1'
    )[0]
    assert row == (
        "12.50",
        "123456789012345678901234567890.123",
        "b c",
        "3",
        "1",
        "active",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "2025-01-02 01:04:05+00",
        b"\x00\xff",
        "ü",
    )


def test_every_change_is_found_and_nothing_else_touched(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    source.execute(
        """CREATE TABLE orders (id bigint PRIMARY KEY, note text, amount numeric(10,2));
        INSERT INTO orders SELECT i, 'n' || i, i FROM generate_series(1, 1000) i;
        CREATE TABLE items (a bigint, b int, q int, PRIMARY KEY (a, b));
        INSERT INTO items SELECT i, j, i + j FROM generate_series(1, 50) i, generate_series(1, 3) j;
        CREATE TABLE payments (order_id bigint, amount int);
        INSERT INTO payments SELECT i % 10, i % 3 FROM generate_series(1, 100) i"""
    )
    connection = production()
    assert service.sync(connection)["by_table"] == {
        "orders": (1000, 0, 0),
        "items": (150, 0, 0),
        "payments": (100, 0, 0),
    }
    before = service.rows("SELECT * FROM raw_public.orders ORDER BY ALL")
    assert all(t == (0, 0, 0) for t in service.sync(connection)["by_table"].values())
    assert service.rows("SELECT * FROM raw_public.orders ORDER BY ALL") == before

    source.execute(
        """UPDATE orders SET note = 'corrected' WHERE id = 7;
        UPDATE orders SET note = note WHERE id = 8;
        DELETE FROM orders WHERE id = 9;
        INSERT INTO orders VALUES (2000, 'late', 1);
        UPDATE items SET b = 9 WHERE a = 1 AND b = 1;
        DELETE FROM payments WHERE ctid = (SELECT min(ctid) FROM payments WHERE order_id = 3);
        INSERT INTO payments VALUES (77, 1), (77, 1)"""
    )
    assert service.sync(connection)["by_table"] == {
        "orders": (1, 1, 1),
        "items": (1, 0, 1),
        "payments": (2, 0, 1),
    }
    _assert_equal(service, source, "orders", "id, note, amount")
    _assert_equal(service, source, "items", "a, b, q")
    _assert_equal(service, source, "payments", "order_id, amount")
    ids = service.rows("SELECT count(*), count(DISTINCT _fivetran_id) FROM raw_public.payments")
    assert ids[0][0] == ids[0][1]
    touched = service.rows(
        "SELECT id FROM raw_public.orders WHERE _fivetran_synced > "
        "(SELECT min(_fivetran_synced) FROM raw_public.orders) ORDER BY id"
    )
    assert [row[0] for row in touched] == [7, 9, 2000]

    source.execute("INSERT INTO orders VALUES (9, 'back again', 9)")
    assert service.sync(connection)["by_table"]["orders"] == (0, 1, 0)
    _assert_equal(service, source, "orders", "id, note, amount")


def test_rows_gone_from_tables_large_enough_to_be_compared_in_parts(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    # One with an index that counts, one of two keys, one whose rows lie in two heaps.
    source.execute(
        """CREATE TABLE single (id int PRIMARY KEY, v text);
        INSERT INTO single SELECT i * 7 - 20000, 'v' FROM generate_series(1, 6000) i;
        CREATE TABLE pair (a bigint, b bigint, PRIMARY KEY (a, b));
        INSERT INTO pair SELECT i, i % 3 FROM generate_series(1, 6000) i;
        CREATE TABLE parted (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (3000);
        CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (3000) TO (9000);
        INSERT INTO parted SELECT i FROM generate_series(1, 6000) i"""
    )
    connection = production()
    assert service.sync(connection)["by_table"]["single"] == (6000, 0, 0)
    source.execute(
        """DELETE FROM single WHERE id IN (-19993, 22000, 1) OR id BETWEEN 5000 AND 5100;
        UPDATE single SET id = id + 1000000 WHERE id = -19986;
        INSERT INTO single VALUES (-30000, 'below');
        DELETE FROM pair WHERE a IN (1, 777, 6000);
        DELETE FROM parted WHERE id IN (5, 5999)"""
    )
    counted = source.execute("SELECT 6000 - count(*) FROM single WHERE id BETWEEN -20000 AND 22000")
    gone = counted.fetchone()
    assert gone is not None
    assert service.sync(connection)["by_table"] == {
        "single": (2, 0, gone[0]),
        "pair": (0, 0, 3),
        "parted": (0, 0, 2),
    }
    _assert_equal(service, source, "single", "id, v")
    _assert_equal(service, source, "pair", "a, b")
    _assert_equal(service, source, "parted", "id")


def test_late_commit_of_an_early_transaction_is_found(
    service: Service,
    source: psycopg.Connection[Any],
    production: Make,
    postgres: dict[str, Any],
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    connection = production()
    with psycopg.connect(dsn(postgres)) as slow:
        slow.execute("INSERT INTO t VALUES (2)")
        source.execute("INSERT INTO t VALUES (3)")
        assert service.sync(connection)["by_table"] == {"t": (2, 0, 0)}
        slow.commit()
    assert service.sync(connection)["by_table"] == {"t": (1, 0, 0)}
    assert service.sync(connection)["by_table"] == {"t": (0, 0, 0)}


def test_schema_changes_are_followed(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    connection = production()
    service.sync(connection)
    # A default fills old rows without rewriting any of them.
    source.execute("ALTER TABLE t ADD COLUMN extra int DEFAULT 5; INSERT INTO t VALUES (2, 'b', 6)")
    assert service.sync(connection)["by_table"] == {"t": (1, 1, 0)}
    assert service.rows("SELECT id, extra FROM raw_public.t ORDER BY id") == [
        (1, 5),
        (2, 6),
    ]
    source.execute("ALTER TABLE t ALTER COLUMN extra TYPE bigint; UPDATE t SET extra = 5000000000")
    assert service.sync(connection)["by_table"] == {"t": (0, 2, 0)}
    source.execute("ALTER TABLE t DROP COLUMN v; CREATE TABLE fresh (id int PRIMARY KEY)")
    record = service.sync(connection)
    assert record["status"] == "SUCCESSFUL"
    assert "fresh" in record["by_table"]
    assert service.rows("SELECT v FROM raw_public.t WHERE id = 1") == [("a",)]
    source.execute("TRUNCATE t; INSERT INTO t VALUES (3, 1)")
    assert service.sync(connection)["by_table"]["t"] == (1, 0, 2)
    source.execute("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, extra bigint)")
    source.execute("INSERT INTO t VALUES (1, 1)")
    assert service.sync(connection)["by_table"]["t"] == (0, 1, 1)
    _assert_equal(service, source, "t", "id, extra")


@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        ("DROP TABLE t", "Table public.t is gone from the source", "table_missing"),
    ],
)
def test_what_cannot_be_followed_fails_clearly_and_applies_nothing(
    service: Service,
    source: psycopg.Connection[Any],
    production: Make,
    change: str,
    reason: str,
    code: str,
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    source.execute("CREATE TABLE aside (id int PRIMARY KEY)")
    connection = production()
    service.sync(connection)
    source.execute(change)
    source.execute("INSERT INTO aside VALUES (1)")
    record = service.sync(connection)
    assert record["status"] == "FAILED"
    assert record["error"].startswith(reason)
    assert service.rows("SELECT count(*) FROM raw_public.aside") == [(0,)]
    details = service.details(connection)
    assert details["status"]["tasks"] == [{"code": code, "message": record["error"]}]
    assert details["failed_at"] > details["succeeded_at"]


def test_resync_rebuilds_a_changed_column(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'abc')")
    connection = production()
    service.sync(connection)
    source.execute("ALTER TABLE t ALTER COLUMN v TYPE integer USING length(v)")
    service.call("POST", f"/connections/{connection}/schemas/tables/resync", {"public": ["t"]})
    assert service.wait(connection)["status"] == "SUCCESSFUL"
    assert service.rows("SELECT v FROM raw_public.t") == [(3,)]


def test_malicious_identifiers(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    evil = '"; DROP SCHEMA raw_public CASCADE; --'
    quoted = '"' + evil.replace('"', '""') + '"'
    source.execute(
        f"""CREATE TABLE {quoted} (id int PRIMARY KEY, {quoted} text, "it's" text, "A" int, "a" int,
            "_fivetran_synced" text);
        INSERT INTO {quoted} VALUES (1, 'x', 'y', 1, 2, 'mine');
        CREATE TABLE "Mixed" (id int PRIMARY KEY); CREATE TABLE mixed (id int PRIMARY KEY);
        INSERT INTO mixed VALUES (1)"""
    )
    connection = production()
    record = service.sync(connection)
    assert record["status"] == "SUCCESSFUL", record
    assert record["by_table"] == {
        "_drop_schema_raw_public_cascade": (1, 0, 0),
        "mixed": (0, 0, 0),
        "mixed_1": (1, 0, 0),
    }
    row = service.rows("SELECT * FROM raw_public._drop_schema_raw_public_cascade")[0]
    assert row[:6] == (1, "x", "y", 1, 2, "mine")
    source.execute(f"UPDATE {quoted} SET {quoted} = 'z'")
    assert service.sync(connection)["by_table"]["_drop_schema_raw_public_cascade"] == (
        0,
        1,
        0,
    )


def test_killed_sync_leaves_the_destination_and_the_next_completes(
    service: Service, source: psycopg.Connection[Any], production: Make
) -> None:
    source.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 20000) i"
    )
    connection = production()
    service.sync(connection)
    before = service.rows("SELECT * FROM raw_public.t ORDER BY id")
    source.execute(
        "INSERT INTO t SELECT i, md5(i::text) FROM generate_series(20001, 400000) i;"
        "DELETE FROM t WHERE id <= 100; UPDATE t SET v = 'new' WHERE id = 500"
    )
    service.call("POST", f"/connections/{connection}/force")
    time.sleep(0.4)
    service.stop(signal.SIGKILL)
    after = service.rows("SELECT * FROM raw_public.t ORDER BY id")
    assert after == before or len(after) == 400000
    service.start()
    if after == before:
        details = service.details(connection)
        assert details["status"]["tasks"][0]["code"] == "interrupted"
        assert details["failed_at"] > details["succeeded_at"]
    assert service.sync(connection)["status"] == "SUCCESSFUL"
    _assert_equal(service, source, "t", "id, v")


def test_wrong_password_breaks_the_connection_and_a_right_one_mends_it(
    service: Service,
    source: psycopg.Connection[Any],
    production: Make,
    postgres: dict[str, Any],
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    connection = production()
    path = f"/connections/{connection}"
    changed = service.call("PATCH", path, {"config": {"password": "not-the-one"}})
    assert changed["status"]["setup_state"] == "incomplete"
    assert "refuses user" in changed["status"]["tasks"][0]["message"]
    assert "not-the-one" not in str(changed)
    answer = service.client.post(f"/v1{path}/sync", json={})
    assert answer.status_code == 409
    mended = service.call("PATCH", path, {"config": {"password": postgres["password"]}})
    assert mended["status"]["setup_state"] == "connected"
    assert mended["config"]["password"] == "******"
    assert service.sync(connection)["status"] == "SUCCESSFUL"


def _assert_equal(
    service: Service, source: psycopg.Connection[Any], table: str, columns: str
) -> None:
    ours = service.rows(
        f"SELECT {columns} FROM raw_public.{table} WHERE NOT _fivetran_deleted ORDER BY ALL"
    )
    theirs = sorted(source.execute(f"SELECT {columns} FROM {table}").fetchall())
    assert ours == theirs
