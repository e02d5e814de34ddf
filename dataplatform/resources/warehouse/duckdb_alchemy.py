"""DuckDB's SQL through SQLAlchemy: a file, or a lake, both attached to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.duckdb_file import attach_base
from dataplatform.ducklake import CATALOG, SECRET, attach, prepare, use
from dataplatform.resources.warehouse.alchemy import Alchemy

if TYPE_CHECKING:
    import duckdb


@contextmanager
def of_file(path: Path, base: Path | None) -> Iterator[Alchemy]:
    """Open a DuckDB file; the caller holds its lock, and that of its base.

    Args:
        path: the file.
        base: another one, whose tables views of this one show.
    """
    import duckdb

    def connected() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(path), read_only=True)
        if base is not None:
            attach_base(connection, base)
        return connection

    with _opened(connected) as opened:
        yield opened


@contextmanager
def of_lake(settings: Mapping[str, Any]) -> Iterator[Alchemy]:
    """Open a DuckLake by its resolved ``catalog``, ``files`` and ``base``."""
    import duckdb

    def connected() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        prepare(connection, settings)
        attach(connection, settings, CATALOG, SECRET)
        use(connection)
        return connection

    with _opened(connected) as opened:
        yield opened


@contextmanager
def _opened(connected: Callable[[], duckdb.DuckDBPyConnection]) -> Iterator[Alchemy]:
    import duckdb_engine
    import sqlalchemy

    # One connection for all: a second one would not see what the first has attached.
    engine = sqlalchemy.create_engine(
        "duckdb://",
        creator=lambda: duckdb_engine.ConnectionWrapper(connected()),
        poolclass=sqlalchemy.pool.StaticPool,
    )
    try:
        yield Alchemy(
            engine,
            _frame,
            "duckdb",
            settle="SET TimeZone = 'UTC'",
            # regexp_matches, which finds a pattern anywhere, is known to tools as Dremio's.
            patterns="DremioDialect",
        )
    finally:
        engine.dispose()


def _frame(connection: Any, sql: str) -> Any:
    cursor = connection.connection.cursor()
    cursor.execute(sql)
    return cursor.fetch_df() if hasattr(cursor, "fetch_df") else cursor.df()
