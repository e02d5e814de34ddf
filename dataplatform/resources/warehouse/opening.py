"""Which adapter serves an environment's warehouse.

The choice alone lives here; the adapters are imported when they are chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse.interface import Warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.environment import Environment
    from dataplatform.declarations.project import Project


def open_warehouse(environment: Environment, project: Project) -> Warehouse:
    """Return the warehouse of an environment; nothing is contacted until it is used.

    Args:
        environment: the environment whose ``warehouse`` block is served.
        project: the project whose root relative paths start from.

    Raises:
        UserError: no adapter serves the declared type.
    """
    declared = environment.warehouse
    if declared.type == "duckdb":
        from dataplatform.resources.warehouse.duckdb import DuckDBAdapter

        def file(path: str) -> Path:
            return project.root / environment.resolve(path)

        base = declared.base
        read = None if base is None else lambda: file(base)
        return DuckDBAdapter(lambda: file(declared.path), read)
    if declared.type == "ducklake":
        from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter

        return DuckLakeAdapter(lambda: environment.resolve_all(declared))
    if declared.type == "snowflake":
        from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter

        return SnowflakeAdapter(lambda: environment.resolve_all(declared.model_dump()))
    if declared.type == "bigquery":
        from dataplatform.resources.warehouse.bigquery import BigQueryAdapter

        return BigQueryAdapter(lambda: environment.resolve_all(declared.model_dump()))
    raise UserError(f"No adapter serves a warehouse of type {declared.type!r}.")
