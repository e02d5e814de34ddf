"""The table of contents: one graph, merged from the rooms.

Each room says what it adds in its own ``defs.py``. Loading this module contacts nothing. A mistake
in a declared file ends the loading with the one sentence that says where it is.
"""

from __future__ import annotations

from dagster import Definitions

from dataplatform.access import defs as access
from dataplatform.automation import defs as automation
from dataplatform.collector import collector_paused, keep_for_good
from dataplatform.cost import defs as cost
from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion import defs as ingestion
from dataplatform.lake import defs as lake
from dataplatform.quality import defs as quality
from dataplatform.resources.defs import build_resources
from dataplatform.transform import defs as transform

ROOMS = (ingestion, lake, transform, quality, access, cost)


def build_definitions(project: Project) -> Definitions:
    """Return the whole graph of a project.

    Args:
        project: the folder whose declared files are compiled.

    Raises:
        UserError: a declared file is wrong.
    """
    rooms = Definitions.merge(
        *(room.build_definitions(project) for room in ROOMS),
        Definitions(resources=build_resources(project)),
    )
    return automation.build_definitions(project, rooms)


with collector_paused():
    defs = build_definitions(open_project())
    # The graph lives as long as the process does: no later collection looks through it.
    keep_for_good()
