"""Great Expectations on DuckDB.

GX's SQL engine closes its connection before DuckDB's rows are fetched, and knows no regular
expression of DuckDB; some of its verdicts cannot be stored. These are mended here, so that suites,
checkpoints and Data Docs work as they do elsewhere. Which suites there are is the business of
``gx``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

from dataplatform.checks.dialects import dialect
from dataplatform.keys import Relation


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
            try:
                yield self._connection
            except Exception:
                # A failed statement would fail every other of its transaction.
                failed: Any = self._connection
                failed.rollback()
                failed.exec_driver_sql("SET TimeZone = 'UTC'")
                raise

    class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
        """A DuckDB file."""

        type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]
        execution_engine_override: ClassVar[Any] = DuckDBExecutionEngine

    return DuckDBDatasource


@cache
def mend_verdicts() -> None:
    """Make every verdict of GX one that its own stores can write.

    Where an expectation judges with numpy (quantiles do), its verdict is numpy's boolean, which
    JSON does not know: GX converts all of a result but this.
    """
    from great_expectations.expectations.expectation import Expectation

    stock = Expectation.metrics_validate

    @wraps(stock)
    def metrics_validate(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = stock(self, *args, **kwargs)
        found.success = bool(found.success)
        return found

    # The base class of all expectations; none has a method of its own here.
    Expectation.metrics_validate = metrics_validate  # type: ignore[method-assign]


def frame(datasource: Any, relation: Relation, columns: Sequence[str]) -> Any:
    """Return columns of a table as a data frame, in the table's own order.

    Args:
        datasource: a DuckDB file that GX has open.
        relation: the table.
        columns: what is read; memory is needed for these alone.
    """
    sql = dialect("duckdb")
    listed = ", ".join(sql.identifier(name) for name in columns) or "*"
    with datasource.get_execution_engine().get_connection() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"select {listed} from {sql.relation(relation)}")
        return cursor.fetch_df() if hasattr(cursor, "fetch_df") else cursor.df()


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
