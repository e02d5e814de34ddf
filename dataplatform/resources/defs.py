"""The resources of the graph: which key serves which outside system.

They are built with nothing up and no credentials; each resolves its settings at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.resources.lake import LakeResource
from dataplatform.resources.warehouse.resource import WarehouseResource

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def build_resources(project: Project) -> dict[str, Any]:
    """Return the resources that every room's steps ask for by key.

    Args:
        project: the project whose environment they serve.
    """
    root = str(project.root)
    return {
        "warehouse": WarehouseResource(project_root=root),
        "lake": LakeResource(project_root=root),
        "fivetran": DeclaredWorkspace(project_root=root),
    }
