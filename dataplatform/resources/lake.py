"""The lake's object store as a Dagster resource, under the key ``lake``.

A thin shell that finds the project when it is first used; the work is the object store's.
"""

from __future__ import annotations

from dagster import ConfigurableResource
from pydantic import Field, PrivateAttr

from dataplatform.resources.object_store import ObjectStore, open_object_store
from dataplatform.resources.project import declared_project


class LakeResource(ConfigurableResource):  # type: ignore[type-arg]
    """Gives steps the lake's object store."""

    project_root: str = Field(description="The folder that holds config/ and dbt_project/.")
    _store: ObjectStore | None = PrivateAttr(default=None)

    @property
    def store(self) -> ObjectStore:
        """The object store; made once, contacted only by its methods."""
        if self._store is None:
            self._store = open_object_store(declared_project(self.project_root))
        return self._store
