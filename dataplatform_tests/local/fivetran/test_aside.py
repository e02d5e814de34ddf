"""A question on the side: what it sees, how it ends, and that its answer counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services import postgres_deletes
from dataplatform.local.fivetran.services.postgres_aside import Aside
from dataplatform_tests.local.fivetran.conftest import dsn
from dataplatform_tests.local.fivetran.replica import Replica


@pytest.fixture
def first(postgres: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """The connection whose snapshot is looked through."""
    with psycopg.connect(dsn(postgres), autocommit=True) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        yield connection


@pytest.fixture
def aside(first: psycopg.Connection[Any], postgres: dict[str, Any]) -> Iterator[Aside]:
    (snapshot,) = first.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    made = Aside(lambda: psycopg.connect(dsn(postgres), autocommit=True), snapshot)
    yield made
    made.close()


def test_it_sees_what_the_first_connection_sees(
    source: psycopg.Connection[Any], request: pytest.FixtureRequest
) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id")
    aside = request.getfixturevalue("aside")
    source.execute("INSERT INTO t VALUES (2), (3)")
    answers = [aside.ask("SELECT count(*) FROM t") for _ in range(2)]
    assert [answer() for answer in answers] == [[(1,)], [(1,)]]


def test_a_question_that_still_runs_is_cancelled(
    source: psycopg.Connection[Any], aside: Aside
) -> None:
    answer = aside.ask("SELECT pg_sleep(60) /* on the side */")
    running = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'on the sid[e]'"
    deadline = time.monotonic() + 60
    while source.execute(running + " AND state = 'active'").fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started = time.monotonic()
    aside.close()
    assert time.monotonic() - started < 20
    with pytest.raises(SyncFailure, match="PostgreSQL does not count its rows: cancel"):
        answer()


def test_what_the_server_refuses_is_one_sentence(aside: Aside) -> None:
    answer = aside.ask("SELECT count(*) FROM nowhere")
    with pytest.raises(SyncFailure, match='rows: relation "nowhere" does not exist'):
        answer()


@pytest.mark.parametrize("key", ["bigint", "text"])
def test_rows_gone_are_found_by_a_count_on_the_side(
    source: psycopg.Connection[Any],
    postgres: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    monkeypatch.setattr(postgres_deletes, "_MANY", 0)
    asked: list[str] = []
    ask = Aside.ask

    def noted(self: Aside, sql: str) -> Any:
        asked.append(sql)
        return ask(self, sql)

    monkeypatch.setattr(Aside, "ask", noted)
    source.execute(
        f"CREATE TABLE t (id {key} PRIMARY KEY, v int);"
        "INSERT INTO t SELECT i, i FROM generate_series(1, 3000) i"
    )
    replica = Replica(tmp_path, postgres)
    replica.sync()
    source.execute(
        "DELETE FROM t WHERE v IN (1, 1500, 3000); UPDATE t SET v = 0 WHERE v = 7;"
        "INSERT INTO t VALUES (5000, 5000)"
    )
    result = replica.sync()["t"]
    assert (result.inserted, result.updated, result.deleted) == (1, 1, 3)
    live = "SELECT id::varchar, v FROM raw_public.t WHERE NOT _fivetran_deleted ORDER BY 1"
    there = source.execute('SELECT id::text, v FROM t ORDER BY id::text COLLATE "C"').fetchall()
    assert replica.rows(live) == there
    result = replica.sync()["t"]
    assert (result.inserted, result.updated, result.deleted) == (0, 0, 0)
    assert len(asked) == 2
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fivetran'"
    deadline = time.monotonic() + 60
    while source.execute(left).fetchone() != (0,):
        assert time.monotonic() < deadline, "a connection stayed open"
        time.sleep(0.02)
