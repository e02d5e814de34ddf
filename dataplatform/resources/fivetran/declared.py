"""Connection files compiled to dagster-fivetran's own workspace data; nothing is fetched.

Ids are logical: a connection's is its file's name, the destination's is the environment's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dagster_fivetran.translator import (
    FivetranConnector,
    FivetranDestination,
    FivetranSchema,
    FivetranSchemaConfig,
    FivetranTable,
    FivetranWorkspaceData,
)

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection
    from dataplatform.declarations.project import Project


def workspace_data(project: Project, only: Connection | None = None) -> FivetranWorkspaceData:
    """Return the project's connections as dagster-fivetran describes an account.

    Args:
        project: its ``config/connections`` are compiled.
        only: the one connection that is wanted; all of them without it.
    """
    connections = project.connections if only is None else (only,)
    # The group's own name may be a secret's reference; the environment's stands for it.
    group = project.environment.name
    return FivetranWorkspaceData(
        connectors_by_id={c.name: _connector(c, group) for c in connections},
        destinations_by_id={
            # The destination's own service is nothing that a source table should be labelled with.
            group: FivetranDestination(
                id=group, database=None, service=project.environment.warehouse.type
            )
        },
        schema_configs_by_connector_id={c.name: _schema_config(c) for c in connections},
    )


def _connector(connection: Connection, group: str) -> FivetranConnector:
    return FivetranConnector(
        id=connection.name,
        name=connection.destination_schema,
        service=connection.service,
        group_id=group,
        setup_state="connected",
        sync_state="scheduled",
        paused=connection.paused,
        succeeded_at=None,
        failed_at=None,
        sync_frequency=connection.sync_frequency,
        schedule_type=connection.schedule_type,
        daily_sync_time=connection.daily_sync_time,
    )


def _schema_config(connection: Connection) -> FivetranSchemaConfig:
    schemas: dict[str, dict[str, FivetranTable]] = {}
    for relation, table in connection.relations.items():
        schemas.setdefault(relation.schema, {})[relation.table] = FivetranTable(
            enabled=True,
            name_in_destination=relation.table,
            columns=_columns(table.columns),
        )
    return FivetranSchemaConfig(
        schemas={
            name: FivetranSchema(enabled=True, name_in_destination=name, tables=tables)
            for name, tables in schemas.items()
        }
    )


def _columns(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"name_in_destination": name, "enabled": True} for name in names}
