"""The sensor that tells Dagster of syncs that ended outside it, by schedule or by hand.

One sensor for all connections; what it has told already is kept in its cursor, by connection. The
account is asked after every connection from time to time. Where webhooks come in, the sensor looks
at their spool every second, and asks at once after the connections that they name: a webhook says
where to look, the account what is so.
"""

import time
from collections.abc import Iterable, Mapping
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
from dataplatform.ingestion.arrivals.told import SYNC_END, Told
from dataplatform.ingestion.syncs.defs import columns_check
from dataplatform.ingestion.webhooks.spool import Event, Spool, spool_of
from dataplatform.keys import asset_key
from dataplatform.resources.fivetran.identity import matches
from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse.resource import WarehouseResource

SENSOR_NAME = "fivetran_syncs"
# Between two rounds of asking after every connection.
ROUND_SECONDS = 30
# Between two looks at the spool.
SPOOL_SECONDS = 1
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

    webhook = project.environment.fivetran.webhook
    spool = spool_of(project.state) if webhook is not None else None

    @sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=ROUND_SECONDS if spool is None else SPOOL_SECONDS,
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
    ) -> SensorResult:
        told, now = Told.read(context.cursor), time.time()
        signals = _signals(spool, connections) if spool is not None else {}
        # All connections in a round; between two rounds, those of which a webhook told.
        in_round = spool is None or now - told.round >= ROUND_SECONDS
        events: list[AssetMaterialization | AssetCheckEvaluation] = []
        troubles: list[str] = []
        for connection in connections:
            if not in_round and connection.name not in signals:
                continue
            try:
                events += _unknown_end(context.instance, fivetran, warehouse, connection, told)
            except UserError as error:
                troubles.append(str(error))
        for trouble in troubles:
            context.log.warning(trouble)
        if spool is not None:
            spool.take(
                signal
                for name, waiting in signals.items()
                for signal in waiting
                if told.settles(name, signal, now)
            )
        if in_round:
            told.round = now
        if events:
            return SensorResult(asset_events=events, cursor=told.written())
        reason = "; ".join(troubles) or "No sync has ended since the last look."
        return SensorResult(skip_reason=SkipReason(reason), cursor=told.written())

    return [fivetran_syncs]


def _signals(spool: Spool, connections: Iterable[Connection]) -> dict[str, list[Event]]:
    """Return the ends of syncs that webhooks tell of, by connection; take the rest away."""
    found: dict[str, list[Event]] = {}
    others = []
    for event in spool.waiting():
        record = {
            "service": event.body.get("connector_type"),
            "schema": event.body.get("connector_name"),
        }
        named = [one.name for one in connections if matches(record, one)]
        if event.name == SYNC_END and named:
            found.setdefault(named[0], []).append(event)
        else:
            others.append(event)
    spool.take(others)
    return found


def _unknown_end(
    instance: DagsterInstance,
    fivetran: DeclaredWorkspace,
    warehouse: WarehouseResource,
    connection: Connection,
    told: Told,
) -> list[AssetMaterialization | AssetCheckEvaluation]:
    """Return what is to be told of a connection's last sync, once."""
    ended = fivetran.succeeded_at(connection.name)
    if ended is None or told.knows(connection.name, ended):
        return []
    if _being_synced(instance, connection):
        # Our own run will tell of it; look again when it is over.
        return []
    events = []
    if not _known(instance, connection, ended):
        events = _arrivals(fivetran, warehouse, connection, ended)
    told.note(connection.name, ended)
    return events


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
                "dataplatform/sync_logs": MetadataValue.url(fivetran.logs_url(live)),
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
