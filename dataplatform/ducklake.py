"""One way to open a DuckLake: Parquet in object storage, its catalog in PostgreSQL.

Many processes may write at once: PostgreSQL decides whose commit comes first, so there is no lock
here. Extensions come from installed wheels, never a download. What the lake holds, and what is
asked of it, is the business of the callers.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_errors import explained
from dataplatform.duckdb_file import BASE, load_extension

if TYPE_CHECKING:
    import duckdb

#: The name under which the lake is attached, in every connection alike.
CATALOG = "lake"
#: The secret that holds everything needed to attach it.
SECRET = "dataplatform_lake"
_EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
#: The secret of another lake that is only read, whose tables this one's views show.
_BASE_SECRET = "dataplatform_base_lake"
# Two writers that commit at the same moment: the later one tries again, with growing pauses.
_COMMIT_ATTEMPTS = 30
# Several that open a new lake at the same moment: one of them makes its catalog.
_OPENING_ATTEMPTS = 5

# Each thread has a DuckDB instance of its own: transactions that change schemas at the same moment
# in one instance put tables into wrong schemas (duckdb/ducklake issues 1248 and 1404).
_kept = threading.local()


def prepare(connection: duckdb.DuckDBPyConnection, settings: Mapping[str, Any]) -> None:
    """Make a DuckDB connection able to attach the lake: extensions, addresses and secrets.

    The lake whose tables it shows, where there is one, is attached at once.

    Args:
        connection: a connection to any DuckDB database.
        settings: the resolved ``catalog``, ``files`` and ``base`` of the environment's warehouse.
    """
    for name in _EXTENSIONS:
        load_extension(connection, name)
    _secrets(connection, SECRET, settings["catalog"], settings["files"])
    connection.execute(f"SET ducklake_max_retry_count = {_COMMIT_ATTEMPTS}")
    base = settings.get("base")
    if base and base["files"]["url"]:
        attach(connection, base, BASE, _BASE_SECRET)


def attach(
    connection: duckdb.DuckDBPyConnection,
    settings: Mapping[str, Any],
    alias: str,
    secret: str,
) -> None:
    """Attach another lake to be read.

    Args:
        connection: one that ``prepare`` has seen.
        settings: the resolved ``catalog`` and ``files`` of the other lake.
        alias: what it is called in this connection.
        secret: the name of the secret that holds its addresses.
    """
    _secrets(connection, secret, settings["catalog"], settings["files"])
    connection.execute(f"ATTACH IF NOT EXISTS 'ducklake:{secret}' AS {alias} (READ_ONLY)")


def _secrets(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    catalog: Mapping[str, Any],
    files: Mapping[str, Any],
) -> None:
    storage = {
        "TYPE": "s3",
        "KEY_ID": files["access_key"],
        "SECRET": files["secret_key"],
        "REGION": files["region"],
        "SCOPE": files["url"],
    }
    if files.get("endpoint"):
        endpoint = urlparse(files["endpoint"])
        storage |= {"ENDPOINT": endpoint.netloc, "URL_STYLE": "path"}
        storage["USE_SSL"] = "true" if endpoint.scheme == "https" else "false"
    database = {
        "TYPE": "postgres",
        "HOST": catalog["host"],
        "PORT": catalog["port"],
        "USER": catalog["user"],
        "PASSWORD": catalog["password"],
        "DATABASE": catalog["database"],
    }
    _secret(connection, f"{name}_files", storage)
    _secret(connection, f"{name}_catalog", database)
    parameters = f"MAP {{'TYPE': 'postgres', 'SECRET': '{name}_catalog'}}"
    connection.execute(
        f"CREATE OR REPLACE SECRET {name} (TYPE ducklake, METADATA_PATH '', "
        f"DATA_PATH {_text(files['url'])}, METADATA_PARAMETERS {parameters})"
    )


def connect(settings: Mapping[str, Any], *, trusting: bool = False) -> duckdb.DuckDBPyConnection:
    """Return a connection of its own in which the lake is the current database.

    Args:
        settings: the resolved ``catalog`` and ``files`` of the environment's warehouse.
        trusting: take extensions as they are installed. Their signatures are else read through
            each time, which takes half a second of a processor.

    Raises:
        UserError: the catalog or the storage does not answer, or refuses.
    """
    import duckdb

    trusted: dict[str, Any] = {"allow_unsigned_extensions": "true"} if trusting else {}
    connection = duckdb.connect(config=trusted)
    try:
        prepare(connection, settings)
        _attach_own(connection)
        use(connection)
    except duckdb.Error as error:
        connection.close()
        catalog, files = settings["catalog"], settings["files"]
        reason = " ".join(str(error).split()).replace(catalog["password"], "…")
        raise UserError(
            f"The DuckLake with its catalog in {catalog['database']} at {catalog['host']}:"
            f"{catalog['port']} and its files in {files['url']} cannot be opened: {reason}"
        ) from error
    return connection


def _attach_own(connection: duckdb.DuckDBPyConnection) -> None:
    """Attach the lake; whoever opens a new one at the same moment as others finds it made."""
    import duckdb

    for attempt in range(_OPENING_ATTEMPTS):
        try:
            connection.execute(f"ATTACH 'ducklake:{SECRET}' AS {CATALOG}")
            return
        except duckdb.Error as error:
            if "initialize DuckLake" not in str(error) or attempt == _OPENING_ATTEMPTS - 1:
                raise
            time.sleep(0.1 * 2**attempt)


def use(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the attached lake a cursor's current database, in UTC."""
    cursor.execute(f"USE {CATALOG}")
    cursor.execute("SET TimeZone = 'UTC'")


@contextmanager
def open_ducklake(settings: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the lake for a conversation; a thread keeps its connection and gives cursors of it.

    Args:
        settings: the resolved ``catalog`` and ``files`` of the environment's warehouse.

    Raises:
        UserError: the catalog or the storage does not answer, or refuses.
    """
    # A forked child must not use its parent's connections.
    wanted = (os.getpid(), repr(sorted((name, repr(value)) for name, value in settings.items())))
    if getattr(_kept, "key", None) != wanted:
        _kept.connection, _kept.key = connect(settings), wanted
    cursor = _kept.connection.cursor()
    try:
        _use_kept(cursor)
        yield cursor
    finally:
        cursor.close()


def _use_kept(cursor: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    try:
        use(cursor)
    except duckdb.Error as error:
        # The catalog may have gone since the connection was opened.
        raise explained(error) or error from error


def _secret(connection: duckdb.DuckDBPyConnection, name: str, parts: Mapping[str, Any]) -> None:
    listed = ", ".join(f"{key} {_text(value)}" for key, value in parts.items())
    connection.execute(f"CREATE OR REPLACE SECRET {name} ({listed})")


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
