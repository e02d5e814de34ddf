"""How the engine reads PostgreSQL: queries on the attached database.

Gives queries that yield a table's rows under the destination's names and in its types. Which rows
are wanted is decided in ``postgres``, ``postgres_deletes`` and ``postgres_landing``.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import Column, Table
from dataplatform.local.fivetran.services.postgres_aside import Rows
from dataplatform.local.fivetran.sql import ident, literal, qualified

#: The name that the engine knows the source by.
SOURCE = "_fivetran_source"


def rows(session: Session, sql: str) -> Rows:
    """Run a query in the source, in the snapshot of the session."""
    return session.engine.execute(_query(sql)).fetchall()


def _query(sql: str) -> str:
    return f"SELECT * FROM postgres_query({literal(SOURCE)}, {literal(sql)})"


def _read(table: Table, where: str | None, columns: Sequence[Column]) -> str:
    """Return PostgreSQL's own query for a table, columns under their destination names."""
    renders: dict[str, str] = table.details["renders"]
    chosen = [
        f"{renders.get(c.source, '{}').replace('{}', ident(c.source))} AS {ident(c.name)}"
        for c in columns
    ]
    return (
        f"SELECT {', '.join(chosen) or '1 AS _nothing'} FROM {qualified(table.schema, table.name)}"
        + (f" WHERE {where}" if where else "")
    )


def _cast(source: str, columns: Sequence[Column], names: str) -> str:
    chosen = [f"CAST({ident(getattr(c, names))} AS {c.type}) AS {ident(c.name)}" for c in columns]
    return f"SELECT {', '.join(chosen)} FROM {source}"


def rows_of(table: Table, columns: Sequence[Column] | None = None) -> str:
    """Return the query on the engine that reads a whole table, or some columns of it."""
    columns = table.columns if columns is None else columns
    if table.details["scan"]:
        return _cast(qualified(SOURCE, table.schema, table.name), columns, "source")
    return picked(table, None, columns)


def picked(table: Table, where: str | None, columns: Sequence[Column]) -> str:
    """Return the query on the engine that reads some rows, or some columns."""
    return queried(_read(table, where, columns), columns)


def queried(sql: str, columns: Sequence[Column]) -> str:
    """Return the query on the engine that runs one in PostgreSQL, columns by destination name."""
    return _cast(f"({_query(sql)})", columns, "name")
