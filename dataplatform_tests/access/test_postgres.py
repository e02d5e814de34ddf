"""A lake's catalog: roles and grants of a real PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform.access.engines import send
from dataplatform.access.items import Change, differences
from dataplatform.access.postgres import compared
from dataplatform.access.rights import Rights
from dataplatform.declarations.errors import UserError
from dataplatform.local.postgres import Postgres
from dataplatform.resources.warehouse.catalog import catalog_session
from dataplatform_tests.child_server import child, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def catalog() -> Iterator[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="catalog-"))
    server = Postgres("postgres", folder, free_port(), Postgres.make_credentials())
    try:
        with child(server):
            yield server.record()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
