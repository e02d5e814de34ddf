"""The warehouse as a data source of Great Expectations.

GX makes its own connections from an address that it writes into its project, closes them before
the rows of some warehouses are fetched, and gives verdicts that it cannot store. Here it gets an
engine that the warehouse's adapter has opened, so that no secret is written down, one connection
for all its questions, and verdicts that are plain. Which suites there are is ``gx``'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dataplatform.checks.dialects import dialect
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.alchemy import Alchemy

#: How many rows of a table are taken into memory for what GX evaluates in pandas alone.
ROWS_IN_MEMORY = 10_000_000
#: The kinds of our data sources; DuckDB alone was that of an earlier version.
_OURS = frozenset({"duckdb", "warehouse"})
#: The warehouse that GX has open; a process opens one at a time.
_open: list[Alchemy] = []


@cache
def datasource_class() -> Any:
    """Return the data source of a warehouse; defined at first use, for GX is slow to import."""
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine

    class WarehouseExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
        """GX's SQL engine with one connection that stays open until ``closed``."""

        def __init__(self, name: str | None = None, **_: Any) -> None:
            super().__init__(name=name, engine=_open[-1].engine, create_temp_table=False)
            if _open[-1].patterns:
                # GX picks the clause of a regular expression by the dialect's marks.
                marks = {_open[-1].patterns: True, "name": self.engine.dialect.name}
                self.dialect_module: Any = SimpleNamespace(**marks)

        @contextmanager
        def get_connection(self) -> Iterator[Any]:
            if not getattr(self, "_connection", None):
                self._connection = self.engine.connect()
                self._settle()
            try:
                yield self._connection
            except Exception:
                # A failed statement would fail every other of its transaction.
                failed: Any = self._connection
                failed.rollback()
                self._settle()
                raise

        def _settle(self) -> None:
            if _open[-1].settle:
                connection: Any = self._connection
                connection.exec_driver_sql(_open[-1].settle)

    class WarehouseDatasource(SQLDatasource):  # type: ignore[misc]
        """The warehouse of the environment."""

        type: Literal["warehouse"] = "warehouse"  # type: ignore[assignment]
        execution_engine_override: ClassVar[Any] = WarehouseExecutionEngine

        def _create_engine(self) -> Any:
            return _open[-1].engine

    return WarehouseDatasource


@contextmanager
def opened(context: Any, name: str, warehouse: Alchemy) -> Iterator[Any]:
    """Make an open warehouse a data source of a GX project, while the context lasts.

    Args:
        context: GX's data context.
        name: of the data source.
        warehouse: what an adapter has opened.
    """
    kind = datasource_class()
    _open.append(warehouse)
    try:
        # GX wants an address; ours comes from the environment, and lasts no longer than this.
        datasource = kind(name=name, connection_string=f"{warehouse.dialect}://")
        datasource = context.data_sources.add_or_update_warehouse(datasource)
        try:
            yield datasource
        finally:
            _close(datasource)
    finally:
        _open.pop()


def forget(file: Path) -> None:
    """Drop our data sources from GX's own file, so that whoever opens the project can read it.

    GX knows a data source by its class, and only a process that runs this module has that; an
    earlier version wrote another one down.

    Args:
        file: ``great_expectations.yml``; written only where it holds one.
    """
    from ruamel.yaml import YAML

    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if not any(f"type: {kind}\n" in text for kind in _OURS):
        return
    yaml = YAML()
    written = yaml.load(text)
    sources = written.get("fluent_datasources") or {}
    for name in [name for name, source in sources.items() if source.get("type") in _OURS]:
        del sources[name]
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(written, stream)


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


def frame(datasource: Any, warehouse: Alchemy, relation: Relation, columns: Sequence[str]) -> Any:
    """Return columns of a table as a data frame, in the order in which the warehouse gives rows.

    Args:
        datasource: of the warehouse, as GX has it open.
        warehouse: how it is asked.
        relation: the table.
        columns: what is read; memory is needed for these alone.

    Raises:
        UserError: the table has more rows than are taken into memory.
    """
    sql = dialect(warehouse.dialect)
    listed = ", ".join(sql.identifier(name) for name in columns) or "*"
    query = f"select {listed} from {sql.relation(relation)} limit {ROWS_IN_MEMORY + 1}"
    with datasource.get_execution_engine().get_connection() as connection:
        found = warehouse.frame(connection, query)
    if len(found) > ROWS_IN_MEMORY:
        raise UserError(
            f"{relation} has more than {ROWS_IN_MEMORY:,} rows, and Great Expectations evaluates "
            "this in memory alone: write the rule as one that the scan can judge."
        )
    found.columns = list(columns) or [str(name).lower() for name in found.columns]
    return found


def _close(datasource: Any) -> None:
    """Close what a data source holds open, so that others may have the warehouse."""
    engine = datasource._execution_engine
    connection = getattr(engine, "_connection", None)
    if connection is not None:
        connection.close()
        engine._connection = None
