"""The sensor that tells Dagster of syncs that ended outside it, by schedule or by hand.

One sensor for all connections; what it has told already is kept in its cursor, by connection.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    MetadataValue,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster_fivetran.translator import FivetranMetadataSet

from dataplatform.declarations.connection import Connection
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.ingestion.syncs.defs import columns_check
from dataplatform.keys import asset_key
from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse.resource import WarehouseResource

SENSOR_NAME = "fivetran_syncs"
INTERVAL_SECONDS = 30
PATIENCE_SECONDS = 10.0
DATA_VERSION = "dagster/data_version"
_ACTIVE = [
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def build_sensors(project: Project) -> list[SensorDefinition]:
    """Return the sensor of a project's connections; none where none is declared."""
    if not project.connections:
        return []
    connections = project.connections

    @sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Reports syncs that ended outside Dagster, by the connection's own schedule or by "
            "hand, as materialisations of their tables. Syncs of our own runs are left out."
        ),
    )
    def fivetran_syncs(
        context: SensorEvaluationContext,
        fivetran: DeclaredWorkspace,
        warehouse: WarehouseResource,
    ) -> SensorResult | SkipReason:
        told: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        events: list[AssetMaterialization | AssetCheckEvaluation] = []
        troubles: list[str] = []
        for connection in connections:
            try:
                ended = fivetran.succeeded_at(connection.name)
                if ended is None or told.get(connection.name) == ended.isoformat():
                    continue
                if _being_synced(context.instance, connection):
                    # Our own run will tell of it; look again when it is over.
                    continue
                if not _known(context.instance, connection, ended):
                    events += _arrivals(fivetran, warehouse, connection, ended)
                told[connection.name] = ended.isoformat()
            except UserError as error:
                troubles.append(str(error))
        for trouble in troubles:
            context.log.warning(trouble)
        if not events and json.dumps(told) == (context.cursor or "{}"):
            return SkipReason("; ".join(troubles) or "No sync has ended since the last look.")
        return SensorResult(asset_events=events, cursor=json.dumps(told))

    return [fivetran_syncs]


def _arrivals(
    fivetran: DeclaredWorkspace,
    warehouse: WarehouseResource,
    connection: Connection,
    ended: datetime,
) -> list[AssetMaterialization | AssetCheckEvaluation]:
    # A tick has a minute; a warehouse that is busy for longer is looked at in the next one.
    facts = warehouse.warehouse.facts(connection.relations, PATIENCE_SECONDS)
    live = fivetran.live_id(connection.name)
    arrived = [
        AssetMaterialization(
            asset_key(relation),
            description=f"Synced outside Dagster by the connection {connection.name}.",
            metadata={
                **observed_metadata(relation, facts[relation], tuple(table.primary_key)),
                **FivetranMetadataSet(
                    connector_id=live,
                    connector_name=connection.destination_schema,
                    destination_schema_name=relation.schema,
                    destination_table_name=relation.table,
                    sync_completed_at=ended.timestamp(),
                ),
                "dagster/url": MetadataValue.url(fivetran.url(live)),
            },
            tags={DATA_VERSION: facts[relation].fingerprint},
        )
        for relation, table in connection.relations.items()
        if relation in facts
    ]
    # The gate on columns is judged by the step that syncs; no step did, so it is judged here.
    verdicts = [
        _evaluation(columns_check(relation, table, facts, warehouse.warehouse))
        for relation, table in connection.relations.items()
        if relation in facts
    ]
    return [*arrived, *verdicts]


def _evaluation(result: AssetCheckResult) -> AssetCheckEvaluation:
    assert result.asset_key is not None and result.check_name is not None
    return AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )


def _being_synced(instance: DagsterInstance, connection: Connection) -> bool:
    """Whether a run that may sync the connection is under way."""
    keys = {asset_key(relation) for relation in connection.relations}
    for run in instance.get_runs(RunsFilter(statuses=_ACTIVE)):
        if run.asset_selection is None or keys & set(run.asset_selection):
            return True
    return False


def _known(instance: DagsterInstance, connection: Connection, ended: datetime) -> bool:
    """Whether every table's last materialisation already tells of a sync that ended then."""
    return all(
        (told := _last_sync(instance, asset_key(relation))) is not None
        and told >= ended.timestamp()
        for relation in connection.relations
    )


def _last_sync(instance: DagsterInstance, key: AssetKey) -> float | None:
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    if materialization is None:
        return None
    metadata: Mapping[str, Any] = materialization.metadata
    return FivetranMetadataSet.extract(metadata).sync_completed_at
