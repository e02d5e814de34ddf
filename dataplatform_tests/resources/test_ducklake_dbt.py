"""What dbt's threads are given on a lake: a DuckDB instance each, and the same tables to all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments import Environment, create

from dataplatform.ducklake import CATALOG, SECRET, connect
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter
from dataplatform_tests.resources.lakes import served_lake

PLUGIN = "dataplatform.resources.warehouse.ducklake_dbt"
NOWHERE = {
    "catalog": {"host": "h", "port": 1, "user": "u", "password": "p", "database": "d"},
    "files": {"url": "s3://x/", "region": "r", "access_key": "a", "secret_key": "s"},
}
THREADS, TURNS = 4, 6


def environment(settings: dict[str, Any], *modules: str, **more: Any) -> Environment:
    """Open what dbt-duckdb opens for a profile with these plugins."""
    plugins = [{"module": module, "config": settings} for module in modules]
    given = {"path": ":memory:", "database": "memory", "schema": "main", "plugins": plugins}
    trusting = {"config_options": {"allow_unsigned_extensions": "true"}}
    return create(DuckDBCredentials.from_dict({**given, **trusting, **more}))


def seen(it: Environment) -> list[str]:
    cursor = it.handle().cursor()
    return [name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def elsewhere(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as other:
        return other.submit(work).result()


def test_each_thread_has_an_instance_and_keeps_it() -> None:
    it = environment(NOWHERE, PLUGIN)
    it.handle().cursor().execute("CREATE TABLE mine AS SELECT 1 AS a")
    assert seen(it) == ["mine"]
    assert elsewhere(lambda: seen(it)) == []


def test_a_profile_without_the_plugin_shares_one() -> None:
    environment(NOWHERE, PLUGIN)
    it = environment({})
    it.handle().cursor().execute("CREATE TABLE ours AS SELECT 1 AS a")
    assert elsewhere(lambda: seen(it)) == ["ours"]


@pytest.mark.prove
def test_threads_that_change_schemas_at_once_put_each_relation_into_its_own() -> None:
    with served_lake() as settings:
        attached = [{"path": f"ducklake:{SECRET}", "alias": CATALOG}]
        it = environment(settings, PLUGIN, database=CATALOG, attach=attached)
        together = threading.Barrier(THREADS)
        # A new lake, opened by all at once: one of them makes the catalog.
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda _: connect(settings).close(), range(THREADS)))

        def work(number: int) -> None:
            cursor = it.handle().cursor()
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.schema_{number}")
            place = f"{CATALOG}.schema_{number}.thing"
            for turn in range(TURNS):
                together.wait(60)
                cursor.execute("BEGIN")
                cursor.execute(f"CREATE OR REPLACE TABLE {place}_{turn} AS SELECT {number} AS n")
                cursor.execute(f"CREATE VIEW {place}_seen_{turn} AS FROM {place}_{turn}")
                cursor.execute(f"ALTER VIEW {place}_seen_{turn} RENAME TO thing_shown_{turn}")
                cursor.execute("COMMIT")

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(THREADS)))
        warehouse = DuckLakeAdapter(lambda: settings)
        found = {str(relation) for relation in warehouse.relations()}
        assert found == {
            f"schema_{number}.thing_{kind}{turn}"
            for number in range(THREADS)
            for turn in range(TURNS)
            for kind in ("", "shown_")
        }
        for number in range(THREADS):
            shown = f"SELECT n FROM schema_{number}.thing_shown_{TURNS - 1}"
            assert warehouse.query(shown, "test") == [(number,)]
