"""PostgreSQL by change capture through the running service: beside the same database by query."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from dataplatform.local.fivetran.destination_duckdb import DuckDBDestination
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.base import open_service
from dataplatform.local.fivetran.services.postgres_cdc import PostgresCdcService
from dataplatform_tests.local.fivetran.conftest import Service, dsn

pytestmark = pytest.mark.slow
Source = psycopg.Connection[Any]
_LEFT = "SELECT (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_publication)"


@pytest.fixture(scope="module", autouse=True)
def _without_slots(postgres: dict[str, Any]) -> Iterator[None]:
    """A slot left behind would keep the server's log for the tests that follow."""
    yield
    with psycopg.connect(dsn(postgres), autocommit=True) as connection:
        _clear(connection)


def _clear(connection: Source) -> None:
    connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for (name,) in connection.execute("SELECT pubname FROM pg_publication").fetchall():
        connection.execute(f'DROP PUBLICATION "{name}"')


class Pair:
    """The same database by change capture and by query."""

    def __init__(self, service: Service, source: Source, settings: dict[str, Any]) -> None:
        self.service = service
        self.source = source
        captured = {**settings, "update_method": "WAL_PGOUTPUT", "schema_prefix": "cdc"}
        self.cdc = service.connect("postgres", captured)
        self.query = service.connect("postgres", {**settings, "schema_prefix": "raw"})

    def sync(self) -> dict[str, tuple[int, int, int]]:
        """Sync both; return what change capture did, by table."""
        record = self.service.sync(self.cdc)
        assert record["status"] == "SUCCESSFUL", record["error"]
        other = self.service.sync(self.query)
        assert other["status"] == "SUCCESSFUL", other["error"]
        found: dict[str, tuple[int, int, int]] = record["by_table"]
        return found

    def fails(self) -> str:
        """Sync by change capture and return why it fails."""
        record = self.service.sync(self.cdc)
        assert record["status"] == "FAILED", record
        return str(record["error"])

    def assert_equal(self, *tables: str) -> None:
        """Both ways lead to the same live rows in columns of the same types."""
        for table in tables:
            kinds = {
                schema: self.service.rows(
                    "SELECT column_name, data_type FROM duckdb_columns() WHERE "
                    f"schema_name = '{schema}_public' AND table_name = '{table}' ORDER BY 1"
                )
                for schema in ("cdc", "raw")
            }
            assert kinds["cdc"] == kinds["raw"]
            # As text, so that types and values beyond Python's own are compared as well.
            names = ", ".join(
                f'"{name}"::VARCHAR' for name, _ in kinds["raw"] if name != "_fivetran_synced"
            )
            cdc, raw = (
                self.service.rows(
                    f"SELECT {names} FROM {schema}_public.{table} WHERE NOT _fivetran_deleted "
                    "ORDER BY ALL"
                )
                for schema in ("cdc", "raw")
            )
            assert cdc == raw


@pytest.fixture
def pair(
    service: Service, source: Source, postgres: dict[str, Any]
) -> Iterator[Callable[[], Pair]]:
    _clear(source)
    yield lambda: Pair(service, source, postgres)
    _clear(source)


def test_changes_of_every_kind_arrive(pair: Callable[[], Pair], source: Source) -> None:
    source.execute(
        """CREATE TABLE orders (id bigint PRIMARY KEY, note text, amount numeric(10,2));
        INSERT INTO orders SELECT i, 'n' || i, i FROM generate_series(1, 1000) i;
        CREATE TABLE items (a bigint, b text, q int, PRIMARY KEY (a, b));
        INSERT INTO items SELECT i, j, i + j FROM generate_series(1, 50) i, generate_series(1, 3) j
        """
    )
    both = pair()
    assert both.sync() == {"orders": (1000, 0, 0), "items": (150, 0, 0)}
    both.assert_equal("orders", "items")
    assert both.sync() == {"orders": (0, 0, 0), "items": (0, 0, 0)}
    source.execute(
        """UPDATE orders SET note = 'corrected' WHERE id = 7;
        DELETE FROM orders WHERE id = 9;
        INSERT INTO orders VALUES (2000, 'late', 1), (2001, 'short-lived', 1);
        DELETE FROM orders WHERE id = 2001;
        DELETE FROM orders WHERE id = 10;
        INSERT INTO orders VALUES (10, 'back', 2);
        UPDATE orders SET id = 3000 WHERE id = 11;
        UPDATE orders SET id = 3001, note = 'moved twice' WHERE id = 3000;
        UPDATE items SET b = 'x' WHERE a = 1 AND b = '1'"""
    )
    with source.transaction(force_rollback=True):
        source.execute("DELETE FROM orders")
    assert both.sync() == {"orders": (2, 2, 2), "items": (1, 0, 1)}
    both.assert_equal("orders", "items")


_TYPES = """
CREATE TYPE mood AS ENUM ('fine', 'so so');
CREATE DOMAIN short AS varchar(9);
CREATE DOMAIN yes AS boolean;
CREATE TABLE everything (
    id bigint PRIMARY KEY, small smallint, whole integer, price numeric(12,2), any_number numeric,
    vast numeric(50,10), ratio double precision, thin real, flag boolean, code char(4),
    name varchar(20), at timestamptz, plain timestamp, day date, clock time, zoned timetz,
    tags text[], grid integer[][], moments timestamptz[], moods mood[], body jsonb, raw_body json,
    raw bytea, state mood, ident uuid, span interval, net inet, period tstzrange, fee money,
    bits bit(3), place point, dom short, agreed yes, "camelCase Ünï" text, "_seq" int);
"""
_VALUES = (
    """1, 2, 3, 12.50, 123456789012345678901234567890.1230, 7.5, 0.1, 0.1, true, 'DE', 'Ann',
    '2025-01-02 03:04:05+02', '2025-01-02 03:04:05.678', '2025-02-03', '04:05:06.7', '04:05+02',
    '{a,"b c",NULL,"\\\\"}', '{{1,2},{3,4}}', '{"2025-01-02 03:04:05+02"}', '{fine,"so so"}',
    '{"k": [1, null], "a": 1.50}', '{"k":  [1]}', '\\x00ff5c', 'so so',
    '6F9619FF-8B86-D011-B42D-00CF4FC964FF', '1 day 02:03', '10.0.0.1/8',
    '[2025-01-01 00:00+02,)', 12.5, '101', '(1,2)', 'dom', true, 'ü\t\n\\ '' "', 7""",
    """2, -2, -3, -0.01, 'NaN', -1, 'NaN', 'Infinity', false, '', '', 'infinity', '-infinity',
    'infinity', '24:00', '00:00-12', '{}', '{}', '{}', '{}', 'null', 'null', '', 'fine',
    '00000000-0000-0000-0000-000000000000', '-1 mon', '::1', 'empty', -1, '000', '(0,0)', '',
    false, '', 0""",
    """3, null, null, 0, 1e30, 0, '-Infinity', 1e-40, null, null, null,
    '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 BC', '00:00', null,
    '{{a},{b}}', null, null, null, '"text"', '[]', '\\x', null, null, null, null, null, null,
    null, null, null, null, null, null""",
    """4, 32767, 2147483647, 9999999999.99, 0.10, null, 1e300, 3.4e38, true, 'abcd', 'x',
    '9999-12-31 23:59:59.999999+00', '20000-01-01', '5874-12-31', '23:59:59.999999', null,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, null, null""",
)


def test_types_equal_those_read_by_query(pair: Callable[[], Pair], source: Source) -> None:
    source.execute(_TYPES)
    both = pair()
    assert both.sync() == {"everything": (0, 0, 0)}
    for values in _VALUES:
        source.execute(f"INSERT INTO everything VALUES ({values})")
    assert both.sync() == {"everything": (4, 0, 0)}
    both.assert_equal("everything")
    # Read in full, every value equals the one that the log told.
    both.service.call("POST", f"/connections/{both.cdc}/resync")
    assert both.service.wait(both.cdc)["tables"][0]["updated"] == 0
    both.assert_equal("everything")


def test_unusual_names_and_values_out_of_line(pair: Callable[[], Pair], source: Source) -> None:
    source.execute(
        """CREATE TABLE "Order Items" ("Key ""1"" x" int, "select" text, "A" int, "a" int,
                                       PRIMARY KEY ("Key ""1"" x"));
        CREATE TABLE wide (id int PRIMARY KEY, big text, n int);
        ALTER TABLE wide ALTER big SET STORAGE EXTERNAL;
        INSERT INTO wide SELECT i, repeat(md5(i::text), 500), i FROM generate_series(1, 9) i"""
    )
    both = pair()
    both.sync()
    source.execute(
        """INSERT INTO "Order Items" VALUES (1, 'x', 2, 3);
        UPDATE wide SET n = -1 WHERE id = 1;
        UPDATE wide SET id = 20 WHERE id = 2;
        UPDATE wide SET big = repeat('new', 9000) WHERE id = 3;
        UPDATE wide SET n = -3 WHERE id = 3;
        UPDATE wide SET n = -4 WHERE id = 4;
        DELETE FROM wide WHERE id = 4"""
    )
    assert both.sync() == {"order_items": (1, 0, 0), "wide": (1, 2, 2)}
    both.assert_equal("order_items", "wide")
    assert both.service.rows("SELECT min(length(big)) FROM cdc_public.wide") == [(16000,)]
    # The old row is told whole here, values out of line included.
    source.execute(
        "ALTER TABLE wide REPLICA IDENTITY FULL; UPDATE wide SET n = 0 WHERE id = 5; "
        "UPDATE wide SET id = 60 WHERE id = 6; DELETE FROM wide WHERE id = 7"
    )
    assert both.sync()["wide"] == (1, 1, 2)
    both.assert_equal("wide")


def test_truncated_tables_are_emptied(pair: Callable[[], Pair], source: Source) -> None:
    source.execute(
        """CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE u (id int PRIMARY KEY);
        INSERT INTO t SELECT i, i FROM generate_series(1, 5) i; INSERT INTO u VALUES (1)"""
    )
    both = pair()
    both.sync()
    source.execute(
        """INSERT INTO t VALUES (6, 6); TRUNCATE t, u; INSERT INTO t VALUES (2, 20), (7, 7);
        UPDATE t SET n = 70 WHERE id = 7"""
    )
    assert both.sync() == {"t": (1, 1, 4), "u": (0, 0, 1)}
    both.assert_equal("t", "u")
    source.execute("TRUNCATE t; TRUNCATE t")
    assert both.sync() == {"t": (0, 0, 2), "u": (0, 0, 0)}
    both.assert_equal("t", "u")


def test_columns_come_go_and_change(pair: Callable[[], Pair], source: Source) -> None:
    source.execute(
        """CREATE TABLE t (id int PRIMARY KEY, a int, b text);
        INSERT INTO t SELECT i, i, 'b' FROM generate_series(1, 5) i"""
    )
    both = pair()
    both.sync()
    source.execute(
        """INSERT INTO t VALUES (6, 6, 'before'); ALTER TABLE t ADD extra text;
        UPDATE t SET extra = 'x' WHERE id = 1; ALTER TABLE t DROP b;
        INSERT INTO t VALUES (7, 7, 'after')"""
    )
    # Told by the log alone: five rows that were there are not read again.
    assert both.sync() == {"t": (2, 1, 0)}
    rows = "SELECT id, a, extra FROM cdc_public.t WHERE NOT _fivetran_deleted ORDER BY 1"
    assert (
        both.service.rows(rows)
        == source.execute("SELECT id, a, extra FROM t ORDER BY 1").fetchall()
    )
    source.execute(
        """UPDATE t SET a = 99 WHERE id = 2; ALTER TABLE t ALTER a TYPE bigint;
        UPDATE t SET a = 5000000000 WHERE id = 3; ALTER TABLE t ADD filled int DEFAULT 4;
        ALTER TABLE t ADD changing uuid DEFAULT gen_random_uuid();
        ALTER TABLE t RENAME extra TO further; DELETE FROM t WHERE id = 4"""
    )
    both.sync()
    rows = "SELECT id, a, further, filled, changing FROM cdc_public.t WHERE NOT _fivetran_deleted"
    there = "SELECT id, a, further, filled, changing::text FROM t ORDER BY 1"
    assert both.service.rows(rows + " ORDER BY 1") == source.execute(there).fetchall()
    source.execute("ALTER TABLE t ALTER a TYPE bigint USING a + 1; UPDATE t SET a = 1 WHERE id = 1")
    both.sync()
    assert both.service.rows(rows + " ORDER BY 1") == source.execute(there).fetchall()


def test_new_tables_partitions_and_generated_columns(
    pair: Callable[[], Pair], source: Source
) -> None:
    source.execute(
        """CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
        INSERT INTO parts VALUES (1, '2025-01-05');
        CREATE TABLE made (id int PRIMARY KEY, n int, stored int GENERATED ALWAYS AS (n * 2) STORED,
                           calculated int GENERATED ALWAYS AS (n * 3) VIRTUAL);
        INSERT INTO made VALUES (1, 1)"""
    )
    both = pair()
    both.sync()
    source.execute(
        """INSERT INTO parts VALUES (2, '2025-01-06'); UPDATE made SET n = 5;
        INSERT INTO made VALUES (2, 2);
        CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)"""
    )
    assert both.sync() == {"parts": (1, 0, 0), "made": (1, 1, 0), "fresh": (1, 0, 0)}
    source.execute(
        """INSERT INTO fresh VALUES (2);
        CREATE TABLE p2 (id int NOT NULL, at date NOT NULL);
        INSERT INTO p2 VALUES (3, '2025-02-05');
        ALTER TABLE parts ATTACH PARTITION p2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
        UPDATE parts SET at = '2025-02-02' WHERE id = 1; TRUNCATE p1"""
    )
    both.sync()
    both.assert_equal("parts", "made", "fresh")


def test_tables_without_a_key(pair: Callable[[], Pair], source: Source) -> None:
    source.execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (1, 'x')")
    both = pair()
    assert both.sync() == {"t": (2, 0, 0)}
    identity = "SELECT relreplident::text FROM pg_class WHERE oid = 't'::regclass"
    assert source.execute(identity).fetchone() == ("f",)
    source.execute(
        """INSERT INTO t VALUES (1, 'x'), (2, NULL); UPDATE t SET b = 'y' WHERE a = 2;
        DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)"""
    )
    assert both.sync() == {"t": (1, 0, 0)}
    both.assert_equal("t")
    source.execute("TRUNCATE t")
    assert both.sync() == {"t": (0, 0, 3)}
    both.assert_equal("t")


def test_a_crash_before_the_acknowledgement_repeats_nothing(
    source: Source, postgres: dict[str, Any], tmp_path: Path
) -> None:
    _clear(source)
    source.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)")
    config = {**postgres, "update_method": "WAL_PGOUTPUT", "schema_prefix": "cdc"}
    warehouse = tmp_path / "crash.duckdb"

    def sync(crash: bool = False) -> dict[str, tuple[int, int, int]]:
        cdc = PostgresCdcService("cdc", config)
        destination = DuckDBDestination(warehouse, tmp_path / "scratch", "salt")
        tables = cdc.discover()
        (tmp_path / "scratch").mkdir(exist_ok=True)
        cdc.extract(tables, destination.cursors("c"), tmp_path / "scratch")
        with destination.session("c", "test") as session:
            cdc.attach(session)
            session.begin()
            results = list(cdc.load(session, tables, frozenset()))
        if not crash:
            cdc.after_commit()
        shutil.rmtree(tmp_path / "scratch")
        return {r.table: (r.inserted, r.updated, r.deleted) for r in results}

    confirmed = "SELECT confirmed_flush_lsn FROM pg_replication_slots"
    assert sync() == {"t": (1, 0, 0)}
    before = source.execute(confirmed).fetchone()
    source.execute("UPDATE t SET n = 2; INSERT INTO t VALUES (2, 2); DELETE FROM t WHERE id = 1")
    assert sync(crash=True) == {"t": (1, 0, 1)}
    # The server still holds it all for us, and it is recognised when it comes again.
    assert source.execute(confirmed).fetchone() == before
    source.execute("INSERT INTO t VALUES (3, 3)")
    assert sync() == {"t": (1, 0, 0)}
    assert source.execute(confirmed).fetchone() != before
    with duckdb.connect(str(warehouse)) as engine:
        rows = engine.execute("SELECT id, n, _fivetran_deleted FROM cdc_public.t ORDER BY 1")
        assert rows.fetchall() == [(1, 1, True), (2, 2, False), (3, 3, False)]
    # A transaction that was open while the table was first read is told once, after its commit.
    source.execute("CREATE TABLE late (id int PRIMARY KEY)")
    with psycopg.connect(dsn(postgres)) as other:
        other.execute("INSERT INTO late VALUES (1)")
        other.execute("UPDATE t SET n = 30 WHERE id = 3")
        assert sync() == {"late": (0, 0, 0), "t": (0, 0, 0)}
    assert sync() == {"late": (1, 0, 0), "t": (0, 1, 0)}
    PostgresCdcService("cdc", config).teardown()
    assert source.execute(_LEFT).fetchone() == (0, 0)


def test_a_lost_slot_asks_for_a_resync(pair: Callable[[], Pair], source: Source) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    both = pair()
    both.sync()
    source.execute("INSERT INTO t VALUES (2)")
    source.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    reason = both.fails()
    assert "'fivetran_cdc_slot' is gone" in reason and "re-sync the connection" in reason
    # A new slot of the old name knows nothing of what came between.
    source.execute("SELECT pg_create_logical_replication_slot('fivetran_cdc_slot', 'pgoutput')")
    assert "was read by somebody else" in both.fails()
    both.service.call("POST", f"/connections/{both.cdc}/resync")
    assert both.service.wait(both.cdc)["status"] == "SUCCESSFUL"
    source.execute("INSERT INTO t VALUES (3)")
    assert both.sync() == {"t": (1, 0, 0)}
    both.assert_equal("t")


def test_a_table_left_out_for_a_while_is_read_again(
    pair: Callable[[], Pair], source: Source
) -> None:
    source.execute(
        """CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY);
        INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)"""
    )
    both = pair()
    both.sync()
    table = f"/connections/{both.cdc}/schemas/public/tables/u"
    both.service.call("PATCH", table, {"enabled": False})
    source.execute("INSERT INTO u VALUES (2); INSERT INTO t VALUES (2)")
    assert both.sync() == {"t": (1, 0, 0)}
    both.service.call("PATCH", table, {"enabled": True})
    source.execute("DELETE FROM u WHERE id = 1; INSERT INTO t VALUES (3)")
    assert both.sync() == {"t": (1, 0, 0), "u": (1, 0, 1)}
    both.assert_equal("t", "u")


def test_what_cannot_be_captured_is_refused(source: Source, postgres: dict[str, Any]) -> None:
    _clear(source)
    source.execute(
        """DROP ROLE IF EXISTS reader; DROP ROLE IF EXISTS capturer;
        CREATE ROLE reader LOGIN PASSWORD 'reader';
        CREATE ROLE capturer LOGIN REPLICATION PASSWORD 'capturer';
        CREATE TABLE t (id int); GRANT USAGE ON SCHEMA public TO capturer;
        GRANT SELECT ON t TO capturer; CREATE PUBLICATION mine"""
    )

    def refused(user: str, **more: Any) -> str:
        config = {**postgres, "user": user, "password": user, "update_method": "WAL_PGOUTPUT"}
        cdc = PostgresCdcService("cdc", {**config, **more})
        failed = [test.message for test in cdc.test() if test.status == "FAILED"]
        if failed:
            return failed[0]
        with pytest.raises(SyncFailure) as caught:
            cdc.extract(cdc.discover(), {}, Path("/nonexistent"))
        return str(caught.value)

    with pytest.raises(SyncFailure, match=r"use QUERY_BASED or WAL_PGOUTPUT.*WAL_PGOUTPUT"):
        open_service("postgres", "cdc", {**postgres, "update_method": "WAL_PGOUTPU"})
    assert 'run ALTER ROLE "reader" REPLICATION' in refused("reader")
    assert 'run ALTER TABLE "public"."t" REPLICA IDENTITY FULL as its owner' in refused("capturer")
    source.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
    assert "run CREATE PUBLICATION" in refused("capturer")
    assert 'run ALTER PUBLICATION "mine" ADD TABLE' in refused("capturer", publication_name="mine")
    source.execute("ALTER PUBLICATION mine SET (publish = 'insert')")
    assert "leaves out some kinds" in refused("capturer", publication_name="mine")
    source.execute("ALTER TABLE t REPLICA IDENTITY NOTHING")
    assert "does not tell its primary key" in refused("capturer")
    source.execute("ALTER TABLE t SET UNLOGGED")
    assert "UNLOGGED" in refused("capturer")
    source.execute("SELECT pg_create_physical_replication_slot('other')")
    assert "is for the plug-in 'none'" in refused("capturer", replication_slot="other")
    _clear(source)
    source.execute("DROP OWNED BY capturer; DROP ROLE reader, capturer")


def test_values_are_written_one_way_however_the_database_is_set(
    pair: Callable[[], Pair], source: Source
) -> None:
    source.execute(
        """CREATE TABLE t (id int PRIMARY KEY, at timestamptz, span interval, raw bytea,
                          period tstzrange)"""
    )
    database = psycopg.sql.Identifier(source.info.dbname).as_string(source)
    settings = ("datestyle", "german"), ("timezone", "Asia/Tokyo"), ("bytea_output", "escape")
    for name, value in (*settings, ("intervalstyle", "iso_8601")):
        source.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
    try:
        both = pair()
        both.sync()
        source.execute(
            r"""INSERT INTO t VALUES (1, '2025-01-02 03:04:05+02', '1 day 02:03', '\x00ff5c',
                                      '[2025-01-01 00:00+02,)')"""
        )
        assert both.sync() == {"t": (1, 0, 0)}
        both.assert_equal("t")
        assert both.service.rows('SELECT "at"::VARCHAR, span FROM cdc_public.t') == [
            ("2025-01-02 01:04:05+00", "1 day 02:03:00")
        ]
    finally:
        source.execute(f"ALTER DATABASE {database} RESET ALL")


def test_a_deleted_connection_leaves_no_slot(pair: Callable[[], Pair], source: Source) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    both = pair()
    both.sync()
    assert source.execute(_LEFT).fetchone() == (1, 1)
    answer = both.service.client.delete(f"/v1/connections/{both.cdc}")
    assert answer.status_code == 200 and "left behind" not in answer.text
    assert source.execute(_LEFT).fetchone() == (0, 0)
