"""PostgreSQL by change capture through the running service: beside the same database by query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dataplatform_tests.local.fivetran.conftest import Service, dsn

pytestmark = pytest.mark.slow
Source = psycopg.Connection[Any]


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
            names = ", ".join(f'"{name}"' for name, _ in kinds["raw"] if name != "_fivetran_synced")
            cdc, raw = (
                f"SELECT {names} FROM {schema}_public.{table} WHERE NOT _fivetran_deleted"
                for schema in ("cdc", "raw")
            )
            assert self.service.rows(f"({cdc}) EXCEPT ALL ({raw})") == []
            assert self.service.rows(f"({raw}) EXCEPT ALL ({cdc})") == []


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
