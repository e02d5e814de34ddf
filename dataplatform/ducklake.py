"""One way to open a DuckLake: Parquet in object storage, its catalog in PostgreSQL.

Many processes may write at once: PostgreSQL decides whose commit comes first, so there is no lock
here. Extensions come from installed wheels, never a download. What the lake holds, and what is
asked of it, is the business of the callers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import load_extension

if TYPE_CHECKING:
    import duckdb

#: The name under which the lake is attached, in every connection alike.
CATALOG = "lake"
#: The secret that holds everything needed to attach it.
SECRET = "dataplatform_lake"
_EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
# Two writers that commit at the same moment: the later one tries again, with growing pauses.
_COMMIT_ATTEMPTS = 30

# Each thread has a DuckDB instance of its own: transactions that change schemas at the same moment
# in one instance put tables into wrong schemas (duckdb/ducklake issues 1248 and 1404).
_kept = threading.local()


def prepare(connection: duckdb.DuckDBPyConnection, settings: Mapping[str, Any]) -> None:
    """Make a DuckDB connection able to attach the lake: extensions, addresses and secrets.

    Args:
        connection: a connection to any DuckDB database.
        settings: the resolved ``catalog`` and ``files`` of the environment's warehouse.
    """
    for name in _EXTENSIONS:
        load_extension(connection, name)
    catalog, files = settings["catalog"], settings["files"]
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
    _secret(connection, f"{SECRET}_files", storage)
    _secret(connection, f"{SECRET}_catalog", database)
    parameters = f"MAP {{'TYPE': 'postgres', 'SECRET': '{SECRET}_catalog'}}"
    connection.execute(
        f"CREATE OR REPLACE SECRET {SECRET} (TYPE ducklake, METADATA_PATH '', "
        f"DATA_PATH {_text(files['url'])}, METADATA_PARAMETERS {parameters})"
    )
    connection.execute(f"SET ducklake_max_retry_count = {_COMMIT_ATTEMPTS}")


def connect(settings: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Return a connection of its own in which the lake is the current database.

    Args:
        settings: the resolved ``catalog`` and ``files`` of the environment's warehouse.

    Raises:
        UserError: the catalog or the storage does not answer, or refuses.
    """
    import duckdb

    connection = duckdb.connect()
    try:
        prepare(connection, settings)
        connection.execute(f"ATTACH 'ducklake:{SECRET}' AS {CATALOG}")
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
        use(cursor)
        yield cursor
    finally:
        cursor.close()


def _secret(connection: duckdb.DuckDBPyConnection, name: str, parts: Mapping[str, Any]) -> None:
    listed = ", ".join(f"{key} {_text(value)}" for key, value in parts.items())
    connection.execute(f"CREATE OR REPLACE SECRET {name} ({listed})")


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
