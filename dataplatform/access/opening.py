"""Which engine brings access into an environment's warehouse.

The choice alone lives here; everything else in this room asks the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.access.bigquery_api import BigQueryEngine
from dataplatform.access.lake import LakeEngine
from dataplatform.access.snowflake import SnowflakeEngine
from dataplatform.access.views import ViewsEngine
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.access.engines import Engine, SqlEngine
    from dataplatform.declarations.project import Project

_ENGINES: dict[str, type[SqlEngine]] = {
    "duckdb": ViewsEngine,
    "ducklake": LakeEngine,
    "snowflake": SnowflakeEngine,
    "bigquery": BigQueryEngine,
}


def open_engine(project: Project) -> Engine:
    """Return the engine of a project's environment; nothing is contacted until it is asked.

    Args:
        project: its environment's warehouse.
    """
    environment = project.environment
    declared = environment.warehouse
    warehouse = open_warehouse(environment, project)
    return _ENGINES[declared.type](
        warehouse, lambda: environment.resolve_all(declared.model_dump())
    )
