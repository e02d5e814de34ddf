"""A lake whose catalog or object store goes away in the middle of a load, and comes back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.local.fivetran.destination_ducklake import DuckLakeDestination
from dataplatform.local.fivetran.model import Column, Table
from dataplatform.local.server import Server
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter
from dataplatform_tests.child_server import child
from dataplatform_tests.resources.lakes import lake_servers, lake_settings

pytestmark = pytest.mark.slow

LOADED, SYNCED = Relation("raw", "loaded"), Relation("raw", "synced")
TABLE = Table(
    schema="public",
    name="synced",
    target_schema="raw",
    target="synced",
    columns=(Column("id", "id", "BIGINT", key=True),),
)
FEW, MANY = 10, 200_000


class Lake:
    """A lake with ten rows in each of two tables, and switches for its two servers."""

    def __init__(self, folder: Path) -> None:
        catalog, store = lake_servers(folder)
        self._servers: dict[str, Server] = {"catalog": catalog, "store": store}
        self._running: dict[str, ExitStack] = {}
        for name in self._servers:
            self.start(name)
        self.settings = lake_settings(catalog, store)
        self.adapter = DuckLakeAdapter(lambda: self.settings)
        self.destination = DuckLakeDestination(self.settings, folder / "scratch", "salt")
        self.files = {rows: folder / f"{rows}.parquet" for rows in (FEW, MANY)}
        for rows, file in self.files.items():
            duckdb.execute(f"COPY (SELECT i AS id FROM range({rows}) AS t(i)) TO '{file}'")

    def start(self, name: str) -> None:
        self._running[name] = ExitStack()
        self._running[name].enter_context(child(self._servers[name]))

    def stop(self, name: str) -> None:
        self._running.pop(name).close()

    def close(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def load(self, rows: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Replace a table by the adapter, in one transaction."""
        with self.adapter.session("a test") as session:
            session.execute("BEGIN")
            session.execute("CREATE SCHEMA IF NOT EXISTS raw")
            session.execute(
                f"CREATE OR REPLACE TABLE {LOADED} AS SELECT * FROM '{self.files[rows]}'"
            )
            meanwhile()
            session.execute(f"INSERT INTO {LOADED} SELECT * FROM '{self.files[rows]}'")
            session.execute("COMMIT")

    def sync(self, rows: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Land rows as a sync does; another table follows in the same transaction."""
        select = f"SELECT * FROM '{self.files[rows]}'"
        also = Table("public", "also", "raw", f"also_{rows}", TABLE.columns)
        with self.destination.session("measured", "a test") as session:
            session.begin()
            if session.prepare(TABLE, replace=False):
                session.merge(TABLE, select)
            else:
                session.load(TABLE, select)
            meanwhile()
            session.prepare(also, replace=False)
            session.load(also, select)
            session.remember(TABLE, {"at": rows})

    def held(self) -> tuple[int, int, Any]:
        cursor = self.destination.cursors("measured")["public.synced"]["at"]
        return self.adapter.row_count(LOADED), self.adapter.row_count(SYNCED), cursor


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    # Not pytest's own folder: PostgreSQL runs as a user who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="lake-"))
    found = Lake(folder)
    try:
        found.load(FEW)
        found.sync(FEW)
        yield found
    finally:
        found.close()
        shutil.rmtree(folder, ignore_errors=True)


_NO_CATALOG = "lost the connection to its catalog|does not reach its catalog"
_NO_STORE = "does not reach its object store"


@pytest.mark.parametrize(
    ("way", "server", "told"),
    [
        pytest.param("load", "catalog", _NO_CATALOG, id="a load, its catalog"),
        pytest.param("sync", "catalog", _NO_CATALOG, id="a sync, its catalog"),
        pytest.param("sync", "store", _NO_STORE, id="a sync, its store"),
        pytest.param("load", "store", _NO_STORE, id="a load, its store", marks=pytest.mark.prove),
    ],
)
def test_a_server_that_stops_in_mid_load_is_one_sentence_and_the_old_rows_stay(
    lake: Lake, way: str, server: str, told: str
) -> None:
    before = lake.held()
    bring_in: Callable[..., None] = getattr(lake, way)
    with pytest.raises(UserError, match=told) as refused:
        bring_in(MANY, meanwhile=lambda: lake.stop(server))
    text = str(refused.value)
    assert "\n" not in text
    assert lake.settings["catalog"]["password"] not in text
    # Nobody answers yet: the next one hears the same, at once.
    with pytest.raises(UserError, match=r"does not reach its|cannot be opened"):
        bring_in(MANY)
    lake.start(server)
    assert lake.held() == before
    assert lake.adapter.columns(Relation("raw", f"also_{MANY}")) is None


def test_what_was_cut_off_is_done_again(lake: Lake) -> None:
    lake.load(MANY)
    lake.sync(MANY)
    assert lake.held() == (2 * MANY, MANY, MANY)
