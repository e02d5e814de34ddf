"""A DuckLake on real servers: views of what a role sees, and roles of the catalog's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataplatform.access.engines import send
from dataplatform.access.items import Change, differences
from dataplatform.access.lake import LakeEngine
from dataplatform.access.postgres import compared
from dataplatform.access.rights import Rights
from dataplatform.declarations.errors import UserError
from dataplatform.ducklake import connect
from dataplatform.resources.warehouse.catalog import catalog_session
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter
from dataplatform_tests.resources.lakes import served_lake

pytestmark = pytest.mark.slow

_MADE = (
    "CREATE SCHEMA marts",
    "CREATE SCHEMA staging",
    """CREATE TABLE marts.dim_customers AS FROM (VALUES
    (1, 'ada@uni.example', 'DE'), (2, 'eve@x.example', 'US')) AS t(customer_id, email, country)""",
    "CREATE TABLE staging.stg_customers AS SELECT 'ada@uni.example' AS email",
)


@pytest.fixture(scope="module")
def lake() -> Iterator[dict[str, Any]]:
    with served_lake() as settings:
        yield settings


@pytest.fixture
def catalog(lake: dict[str, Any]) -> dict[str, Any]:
    """A database beside the lake's own, in which a test makes what it likes."""
    return {**lake["catalog"], "database": "postgres"}


def _changes(engine: LakeEngine, rights: Rights) -> list[Change]:
    return differences(*engine.compare(rights))


def _told(engine: LakeEngine, rights: Rights) -> list[str]:
    return sorted(change.sentence() for change in _changes(engine, rights))


def test_a_lake_shows_a_role_what_it_may_see_and_a_hand_is_found(
    lake: dict[str, Any], rights: Rights
) -> None:
    warehouse = DuckLakeAdapter(lambda: lake)
    with warehouse.session("a test") as session, catalog_session(lake["catalog"]) as owner:
        for statement in _MADE:
            session.execute(statement)
        owner.execute("CREATE ROLE \"emmy@example.com\" LOGIN PASSWORD 'emmy'")
    engine = LakeEngine(warehouse, lambda: lake)
    engine.carry_out(_changes(engine, rights), lambda change: None)
    assert _changes(engine, rights) == []
    # Who holds the role opens the lake with a log-in of her own, sees masks, and writes nothing.
    hers = {**lake["catalog"], "user": "emmy@example.com", "password": "emmy"}
    with connect({**lake, "catalog": hers}) as emmy:
        seen = emmy.execute("SELECT customer_id, email FROM as_analyst_de__marts.dim_customers")
        assert seen.fetchall() == [(1, "a***@uni.example")]
        with pytest.raises(Exception, match="permission denied"):
            emmy.execute("INSERT INTO marts.dim_customers VALUES (3, 'x', 'DE')")
    # A table of tomorrow: the catalog's grants hold already, and its views are to be made.
    warehouse.query("CREATE TABLE marts.fact_orders AS SELECT 7::BIGINT AS order_id", "a test")
    kinds = {change.item.key[0] for change in _changes(engine, rights)}
    assert kinds == {"view"}
    engine.carry_out(_changes(engine, rights), lambda change: None)
    with catalog_session(lake["catalog"]) as owner:
        owner.execute("GRANT UPDATE ON ducklake_table TO analyst_de")
    spied = "CREATE VIEW as_analyst__marts.spied AS SELECT * FROM staging.stg_customers"
    warehouse.query(spied, "a hand")
    warehouse.query("DROP VIEW as_support__marts.dim_customers", "a hand")
    assert _told(engine, rights) == [
        "analyst reads marts.spied as as_analyst__marts.spied: is not declared",
        "analyst_de: UPDATE on the catalog's table ducklake_table: is not declared",
        "support reads marts.dim_customers as as_support__marts.dim_customers: is missing",
    ]
    engine.carry_out(_changes(engine, rights), lambda change: None)
    assert _changes(engine, rights) == []


def _plan(catalog: dict[str, Any], rights: Rights) -> list[Change]:
    with catalog_session(catalog) as session:
        return differences(*compared(session, rights))


def _apply(catalog: dict[str, Any], rights: Rights) -> None:
    changes = _plan(catalog, rights)
    with catalog_session(catalog) as session:
        send(session, changes, lambda change: None)


def test_a_catalog_is_brought_in_line_and_a_hand_is_found(
    catalog: dict[str, Any], rights: Rights
) -> None:
    with catalog_session(catalog) as session:
        session.execute("CREATE TABLE ducklake_table (table_id bigint, table_name text)")
        session.execute("CREATE ROLE \"ada@example.com\" LOGIN PASSWORD 'ada'")
        session.execute("CREATE ROLE fivetran LOGIN PASSWORD 'fivetran'")
    assert _plan(catalog, rights)
    _apply(catalog, rights)
    assert _plan(catalog, rights) == []
    with catalog_session(catalog) as session:
        # A table that the lake makes tomorrow is granted already.
        session.execute("CREATE TABLE ducklake_column (column_id bigint)")
        notes = compared(session, rights)[0].notes
    assert _plan(catalog, rights) == []
    assert any("grace@example.com should hold analyst" in note for note in notes)
    with catalog_session(catalog) as session:
        session.execute("CREATE ROLE stranger")
        session.execute("GRANT SELECT, INSERT ON ducklake_table TO stranger")
        session.execute("GRANT SELECT ON ducklake_table TO PUBLIC")
        assert list(compared(session, rights)[1].notes) == [
            "Everybody holds SELECT on the catalog's tables, and no file declares it.",
            "stranger holds INSERT, SELECT on the catalog's tables, and no file declares it.",
        ]
        session.execute("REVOKE SELECT ON ducklake_table FROM PUBLIC")
    reader = {**catalog, "user": "ada@example.com", "password": "ada"}
    with catalog_session(reader) as session:
        assert session.execute("SELECT count(*) FROM ducklake_column") == [(0,)]
        with pytest.raises(Exception, match="permission denied"):
            session.execute("INSERT INTO ducklake_table VALUES (1, 'x')")
    writer = {**catalog, "user": "fivetran", "password": "fivetran"}
    with catalog_session(writer) as session:
        session.execute("INSERT INTO ducklake_table VALUES (1, 'x')")
        session.execute("CREATE TABLE of_its_own (id bigint)")
    with catalog_session(catalog) as session:
        session.execute("DROP TABLE of_its_own")
        session.execute("GRANT UPDATE ON ducklake_table TO analyst")
        session.execute('GRANT transformer TO "ada@example.com"')
    found = sorted(change.sentence() for change in _plan(catalog, rights))
    assert found == [
        "ada@example.com holds the catalog's role transformer: is not declared",
        "analyst: UPDATE on the catalog's table ducklake_table: is not declared",
    ]
    _apply(catalog, rights)
    assert _plan(catalog, rights) == []


def test_a_catalog_that_is_not_there_is_told_in_one_sentence(catalog: dict[str, Any]) -> None:
    with (
        pytest.raises(UserError, match="cannot be reached") as caught,
        catalog_session({**catalog, "password": "wrong"}),
    ):
        pass
    assert "\n" not in str(caught.value) and "wrong" not in str(caught.value)
