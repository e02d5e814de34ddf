"""The warehouse as a Dagster resource, under the key ``warehouse``.

A thin shell that finds the project when it is first used; the work is the adapters'.
"""

from __future__ import annotations

from dagster import ConfigurableResource
from pydantic import Field, PrivateAttr

from dataplatform.resources.project import declared_project
from dataplatform.resources.warehouse.interface import Warehouse
from dataplatform.resources.warehouse.opening import open_warehouse


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
