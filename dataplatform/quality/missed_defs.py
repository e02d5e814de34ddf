"""The sensor that looks for updates that never came.

A table that is not updated makes no run that could notice it. Every quarter of an hour the moments
of the last measurements are looked at, and where the next one is overdue the table's own check is
run, which says so and gates. When an update is missed is decided in ``monitors``.
"""

# Dagster reads the annotations of a sensor, so they are not postponed in this module.

import datetime
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckKey,
    AssetSelection,
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation, asset_key, layer_of
from dataplatform.quality.monitoring import missed_updates, watched
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

_CHECK = "usual_freshness"
_EVERY_SECONDS = 15 * 60
#: Whoever holds the warehouse is at work; the next look is soon enough.
_PATIENCE_SECONDS = 5.0


def missed_sensors(project: "Project") -> list[SensorDefinition]:
    """Return the sensor of a project, or nothing where no raw table's freshness is watched."""
    checks = [_check(relation) for relation in _raw(project)]
    if not checks:
        return []

    @sensor(
        name="missed_updates",
        target=AssetSelection.checks(*checks),
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Judges the freshness of raw tables whose usual update did not come: once when that "
            "is unusual, and once more when it is very unusual."
        ),
    )
    def missed(context: SensorEvaluationContext) -> list[RunRequest] | SkipReason:
        warehouse = open_warehouse(project.environment, project)
        now = datetime.datetime.now(datetime.UTC)
        try:
            due = due_requests(project, warehouse, context.instance, now)
        except UserError as error:
            return SkipReason(f"The warehouse could not be asked: {error}")
        return due or SkipReason("No update was missed.")

    return [missed]


def due_requests(
    project: "Project",
    warehouse: "Warehouse",
    instance: DagsterInstance,
    at: datetime.datetime,
) -> list[RunRequest]:
    """Return the checks to run for missed updates; asking twice returns the same, with one key.

    Args:
        project: says what is watched.
        warehouse: where the measurements are.
        instance: knows what was ever built.
        at: the moment.

    Raises:
        UserError: the warehouse cannot be opened.
    """
    keys = [asset_key(relation) for relation in _raw(project)]
    if not latest_materialisations(instance, keys):
        # Nothing was ever brought: a look would only make an empty warehouse.
        return []
    with warehouse.session("missed updates", _PATIENCE_SECONDS) as session:
        store = MonitorStore(session, warehouse.dialect)
        if not store.ready:
            return []
        late = missed_updates(project, store, at)
        builds = store.builds(late)
    return [
        RunRequest(
            # Dagster starts one run for a key: one for each missed update and how bad it is.
            run_key=f"missed {relation} {builds[relation].at.isoformat()} {finding.state}",
            asset_selection=[],
            asset_check_keys=[_check(relation)],
            tags={"dataplatform/automation": "missed update"},
        )
        for relation, finding in sorted(late.items())
        if relation in builds
    ]


def _raw(project: "Project") -> list[Relation]:
    return [
        relation
        for relation, how in watched(project).items()
        if layer_of(relation) == "raw" and "freshness" in how.monitors
    ]


def _check(relation: Relation) -> AssetCheckKey:
    return AssetCheckKey(asset_key(relation), _CHECK)
