"""The ingestion room's part of the graph: extracts, syncs, and the sensor for syncs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import Definitions

from dataplatform.ingestion.arrivals import defs as arrivals
from dataplatform.ingestion.clocks import defs as clocks
from dataplatform.ingestion.drift import defs as drift
from dataplatform.ingestion.extracts import defs as extracts
from dataplatform.ingestion.syncs import defs as syncs

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def build_definitions(project: Project) -> Definitions:
    """Return the room's assets, checks and sensor for a project; nothing is contacted.

    Args:
        project: its declared connections and extracts are compiled.
    """
    return Definitions.merge(
        Definitions(
            assets=[*extracts.build_extracts(project), *syncs.build_syncs(project)],
            sensors=arrivals.build_sensors(project),
        ),
        clocks.build_clocks(project),
        drift.build_drift(project),
    )
