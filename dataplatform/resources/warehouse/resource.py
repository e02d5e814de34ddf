"""The warehouse as a Dagster resource, under the key ``warehouse``.

A thin shell that finds the project when it is first used; the work is the adapters'.
"""

from __future__ import annotations

from dagster import ConfigurableResource, InitResourceContext
from pydantic import Field, PrivateAttr

from dataplatform.resources.project import declared_project
from dataplatform.resources.warehouse.interface import Warehouse
from dataplatform.resources.warehouse.opening import open_warehouse
from dataplatform.resources.warehouse.work import Work, begin

#: Dagster's own name for a run of chosen assets, which is no pipeline's.
_BY_HAND = "__"


class WarehouseResource(ConfigurableResource):  # type: ignore[type-arg]
    """Gives steps the warehouse of the chosen environment."""

    project_root: str = Field(description="The folder that holds config/ and dbt_project/.")
    _opened: Warehouse | None = PrivateAttr(default=None)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse; made once, contacted only by its methods."""
        if self._opened is None:
            project = declared_project(self.project_root)
            self._opened = open_warehouse(project.environment, project)
        return self._opened

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Note for which run the warehouse works, so that its sessions say so."""
        run = context.run
        if run is not None:
            pipeline = None if run.job_name.startswith(_BY_HAND) else run.job_name
            begin(Work(run.run_id, pipeline))
