"""A conversation with the PostgreSQL that knows a DuckLake's tables.

What is asked there is the business of the callers: grants, or databases for made environments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dataplatform.declarations.errors import UserError


class CatalogSession:
    """A conversation with a DuckLake's PostgreSQL; each statement counts at once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        cursor = self._connection.execute(sql, list(parameters) or None)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def catalog_session(catalog: Mapping[str, Any]) -> Iterator[CatalogSession]:
    """Open a session of a DuckLake's catalog.

    Args:
        catalog: its resolved host, port, user, password and database.

    Raises:
        UserError: it cannot be reached.
    """
    import psycopg

    try:
        connection = psycopg.connect(
            host=catalog["host"],
            port=int(catalog["port"]),
            user=catalog["user"],
            password=catalog["password"],
            dbname=catalog["database"],
            connect_timeout=10,
            autocommit=True,
        )
    except psycopg.Error as error:
        raise UserError(
            f"The catalog {catalog['database']!r} at {catalog['host']}:{catalog['port']} cannot "
            f"be reached: {str(error).splitlines()[0]}"
        ) from error
    with connection:
        yield CatalogSession(connection)
