"""What each warehouse is asked about its relations, and how it writes their names."""

from __future__ import annotations

import duckdb
import pytest

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.bigquery_swap import BigQuerySwap
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.swap import CloneSwap, SnowflakeSwap, Swap

MARTS = {"orders", "who's"}


@pytest.fixture(params=[Swap, SnowflakeSwap])
def world(request: pytest.FixtureRequest) -> tuple[Swap, DuckDBSession]:
    """A database with two marts, one of them a view, named as the warehouse folds names."""
    swap: Swap = request.param()
    session = DuckDBSession(duckdb.connect())
    session.execute(swap.schema("marts"))
    session.execute(f"CREATE TABLE {swap.name(Relation('marts', 'orders'))} (id INTEGER)")
    view = swap.name(Relation("marts", "who's"))
    session.execute(f"CREATE VIEW {view} AS SELECT 1 AS id")
    return swap, session


def test_relations_are_listed_in_small_letters(world: tuple[Swap, DuckDBSession]) -> None:
    swap, session = world
    assert swap.relations(session) == {Relation("marts", name) for name in MARTS}
    assert swap.tables(session, "marts") == MARTS
    assert swap.tables(session, "versions") == set()


def test_a_table_is_told_from_a_view(world: tuple[Swap, DuckDBSession]) -> None:
    swap, session = world
    assert swap.kind(session, Relation("marts", "orders")) == "BASE TABLE"
    assert swap.kind(session, Relation("marts", "who's")) == "VIEW"
    assert swap.kind(session, Relation("marts", "nothing")) is None


def test_a_database_that_is_attached_is_not_the_warehouse() -> None:
    session = DuckDBSession(duckdb.connect())
    session.execute("ATTACH ':memory:' AS other")
    session.execute("CREATE SCHEMA other.marts")
    session.execute("CREATE TABLE other.marts.orders (id INTEGER)")
    assert Swap().relations(session) == set()


def test_snowflake_folds_names_before_it_quotes_them() -> None:
    assert SnowflakeSwap().schema("marts") == 'CREATE SCHEMA IF NOT EXISTS "MARTS"'
    assert SnowflakeSwap().name(Relation("marts", 'a"b')) == '"MARTS"."A""B"'


@pytest.mark.parametrize(
    ("swap", "grants"), [(SnowflakeSwap(), " COPY GRANTS"), (BigQuerySwap(), "")]
)
def test_a_clone_takes_the_place_of_what_readers_see(swap: CloneSwap, grants: str) -> None:
    version, target = Relation("versions", "orders__1"), Relation("marts", "orders")
    clone = f"CREATE OR REPLACE TABLE {swap.name(target)} CLONE {swap.name(version)}{grants}"
    assert swap.show(version, target, "BASE TABLE", ["id"]) == [clone]
    assert swap.show(version, target, "VIEW", ["id"]) == [f"DROP VIEW {swap.name(target)}", clone]
    assert swap.comment(target, {"id": "The order."}) == []
    assert not swap.transactional
