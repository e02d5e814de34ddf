"""The DuckLake destination: Parquet in object storage, written by many syncs at once.

The statements are those of the DuckDB file; what differs is how the lake is reached, that each
connection keeps its cursors in a table of its own, so that two syncs never write to the same one,
and that columns which no promotion widens are rewritten.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_errors import explained
from dataplatform.ducklake import connect
from dataplatform.local.fivetran.destination_duckdb import MEMORY_LIMIT, DuckDBDestination
from dataplatform.local.fivetran.incoming import SALT
from dataplatform.local.fivetran.model import SetupTest
from dataplatform.local.fivetran.session_duckdb import STATE_SCHEMA, DuckDBSession
from dataplatform.local.fivetran.sql import ident, literal, qualified
from dataplatform.local.fivetran.target import require

if TYPE_CHECKING:
    import duckdb

_CATALOG = ("host", "port", "user", "password", "database")
_FILES = ("url", "endpoint", "region", "access_key", "secret_key")
_OPTIONAL = {"files_endpoint": None, "files_region": "us-east-1"}
# Another sync may make the same schema at the same moment; the later one then finds it made.
_ATTEMPTS = 5


def lake_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lake's addresses from a destination's settings.

    Raises:
        SyncFailure: a setting is missing.
    """
    given = {**_OPTIONAL, **config}
    names = [*_CATALOG, *(f"files_{name}" for name in _FILES)]
    require(config, (name for name in names if name not in _OPTIONAL), "a DuckLake")
    return {
        "catalog": {name: given[name] for name in _CATALOG},
        "files": {name: given[f"files_{name}"] for name in _FILES},
    }


def state_table(connection: str) -> str:
    """Return the quoted place of a connection's cursors."""
    return qualified(STATE_SCHEMA, f"cursors_{hashlib.md5(connection.encode()).hexdigest()[:16]}")


class DuckLakeSession(DuckDBSession):
    """One transaction on the lake."""

    #: A column's type is changed by writing the table anew where the lake cannot promote it.
    rewrites_types = True

    def __init__(self, engine: duckdb.DuckDBPyConnection, connection: str) -> None:
        super().__init__(engine, connection)
        self.state = state_table(connection)

    def begin(self) -> None:
        """Start the transaction; the schema of the cursors is there before it."""
        for attempt in range(_ATTEMPTS):
            try:
                self.engine.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(STATE_SCHEMA)}")
                break
            except Exception:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
        super().begin()


class DuckLakeDestination(DuckDBDestination):
    """A DuckLake as a destination."""

    def __init__(self, settings: Mapping[str, Any], scratch: Path, salt: str) -> None:
        self.settings = settings
        self.scratch = scratch
        self.salt = salt

    def _connect(self) -> duckdb.DuckDBPyConnection:
        # What is loaded into it are the service's own extensions, and its own statements run there.
        return connect(self.settings, trusting=True)

    def test(self) -> list[SetupTest]:
        title = "Open the lake"
        try:
            self._connect().close()
        except UserError as error:
            return [SetupTest(title, "FAILED", str(error))]
        return [SetupTest(title, "PASSED")]

    def cursors(self, connection: str, *, keep: bool = False) -> dict[str, dict[str, Any]]:
        with self._connect() as engine:
            return self._cursors(engine, state_table(connection), connection)

    @contextmanager
    def session(self, connection: str, purpose: str) -> Iterator[DuckDBSession]:
        import duckdb

        engine = self._connect()
        try:
            engine.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            engine.execute(f"SET temp_directory = {literal(str(self.scratch / 'spill'))}")
            engine.execute(f"SET VARIABLE {SALT} = {literal(self.salt)}")
            with self._transaction(engine, DuckLakeSession(engine, connection)) as session:
                yield session
        except duckdb.Error as error:
            raise self._told(error) or error from error
        finally:
            engine.close()

    def _told(self, error: Exception) -> UserError | None:
        """Return what befell the lake as a sentence; of a source its own error tells."""
        bucket = re.escape(urlparse(self.settings["files"]["url"]).netloc)
        host, port = (re.escape(str(self.settings["catalog"][name])) for name in ("host", "port"))
        catalog = rf'ducklake|failed to commit|at "{host}".*, port {port}\b'
        ours = re.search(rf"{catalog}|/{bucket}[./]", str(error), re.I)
        return explained(error) if ours else None
