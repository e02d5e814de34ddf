"""Great Expectations on DuckDB.

GX's SQL engine closes its connection before DuckDB's rows are fetched, and knows no regular
expression of DuckDB. Both are mended here by subclasses, so that suites, checkpoints and Data Docs
work as they do elsewhere. Which suites there are is the business of ``gx``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, Literal


@cache
def datasource_class() -> Any:
    """Return the data source of a DuckDB file; defined at first use, for GX is slow to import."""
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine

    class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
        """GX's SQL engine with one connection that stays open until ``close``."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # GX picks the clause of a regular expression by the dialect's marks, and writes
            # DuckDB's own (regexp_matches: found anywhere) for Dremio. Seen as PostgreSQL, the
            # operator would be ~, which matches the whole text in DuckDB.
            self.dialect_module: Any = SimpleNamespace(DremioDialect=True, name="duckdb")

        @contextmanager
        def get_connection(self) -> Iterator[Any]:
            if not getattr(self, "_connection", None):
                self._connection = self.engine.connect()
                self._connection.exec_driver_sql("SET TimeZone = 'UTC'")
            yield self._connection

    class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
        """A DuckDB file."""

        type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]
        execution_engine_override: ClassVar[Any] = DuckDBExecutionEngine

    return DuckDBDatasource


def close(datasource: Any) -> None:
    """Close what a data source holds open, so that others may write the file."""
    engine = datasource._execution_engine
    if engine is not None:
        connection = getattr(engine, "_connection", None)
        if connection is not None:
            connection.close()
            engine._connection = None
        engine.engine.dispose()
    if datasource._engine is not None:
        datasource._engine.dispose()
