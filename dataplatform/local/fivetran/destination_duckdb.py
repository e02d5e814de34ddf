"""The DuckDB destination: a file, opened under the platform's lock for as long as a sync lands.

What a sync does in it is in ``session_duckdb``; what is read from where is the sources' business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import DEFAULT_TIMEOUT_SECONDS, open_duckdb
from dataplatform.local.fivetran.incoming import SALT
from dataplatform.local.fivetran.model import SetupTest
from dataplatform.local.fivetran.session_duckdb import STATE, DuckDBSession
from dataplatform.local.fivetran.sql import literal, qualified

if TYPE_CHECKING:
    import duckdb

# The whole service is promised to stay under 1 GB; the rest of it needs about a quarter of that.
MEMORY_LIMIT = "640MB"
# Trying these on every text column costs a quarter of a first load; without them raw text takes
# about twice the room. Models built from raw tables are compressed as ever.
_SLOW_COMPRESSION = "fsst,dictionary"


class DuckDBDestination:
    """A DuckDB file as a destination."""

    _kept: tuple[ExitStack, duckdb.DuckDBPyConnection] | None = None

    def __init__(self, path: Path, scratch: Path, salt: str) -> None:
        self.path = path
        self.scratch = scratch
        self.salt = salt

    def _opened(
        self, purpose: str, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        # What is loaded into it are the service's own extensions, from the installed wheels.
        return open_duckdb(self.path, purpose=purpose, timeout=timeout, trusting=True)

    def test(self) -> list[SetupTest]:
        title = "Open the warehouse file"
        try:
            with self._opened("destination setup test", timeout=30):
                return [SetupTest(title, "PASSED")]
        except (UserError, OSError) as error:
            return [SetupTest(title, "FAILED", str(error))]

    def cursors(self, connection: str, *, keep: bool = False) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        with ExitStack() as opened:
            engine = opened.enter_context(self._opened(f"sync {connection}"))
            found = self._cursors(engine, STATE, connection)
            if keep:
                self._kept = opened.pop_all(), engine
        return found

    def release(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[0].close()

    def _cursors(
        self, engine: duckdb.DuckDBPyConnection, place: str, connection: str
    ) -> dict[str, dict[str, Any]]:
        tables = engine.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() "
            "WHERE database_name = current_database()"
        ).fetchall()
        there = set(tables)
        if not any(place == qualified(*table) for table in there):
            return {}
        rows = engine.execute(
            f"SELECT source, body FROM {place} WHERE connection = ?", [connection]
        ).fetchall()
        held = {source: json.loads(body) for source, body in rows}
        # A cursor without its table would skip the rows that went with it.
        return {s: body for s, body in held.items() if tuple(body["target"]) in there}

    def new_session(self, engine: duckdb.DuckDBPyConnection, connection: str) -> DuckDBSession:
        """Return a session on an open connection."""
        return DuckDBSession(engine, connection)

    @contextmanager
    def session(self, connection: str, purpose: str) -> Iterator[DuckDBSession]:
        kept, self._kept = self._kept, None
        with kept[0] if kept else ExitStack() as opened:
            engine = kept[1] if kept else opened.enter_context(self._opened(purpose))
            engine.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            engine.execute(f"SET disabled_compression_methods = {literal(_SLOW_COMPRESSION)}")
            engine.execute(f"SET temp_directory = {literal(str(self.scratch / 'spill'))}")
            engine.execute(f"SET VARIABLE {SALT} = {literal(self.salt)}")
            with self._transaction(engine, self.new_session(engine, connection)) as session:
                yield session

    @contextmanager
    def _transaction(
        self, engine: duckdb.DuckDBPyConnection, session: DuckDBSession
    ) -> Iterator[DuckDBSession]:
        """Commit what a session began, unless an error passes through."""
        try:
            yield session
            session.commit()
        except BaseException:
            if session.begun:
                _roll_back(engine)
            raise


def _roll_back(engine: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    try:
        engine.execute("ROLLBACK")
    except duckdb.Error:
        # A failed COMMIT has already rolled the transaction back.
        return
