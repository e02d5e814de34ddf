"""The tables of the Platform Connector's log and the rows they get.

Names and columns are those that Fivetran documents for ``fivetran_metadata``. Consumption
(``incremental_mar`` and the like) is not billed here and therefore not told; the rows that each
sync changed are in the log as ``records_modified``. Writing is ``platform_log``'s.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from dataplatform.local.fivetran.events import Event
from dataplatform.local.fivetran.model import Column, Table
from dataplatform.local.fivetran.services.base import DATABASES
from dataplatform.local.fivetran.store import Document
from dataplatform.local.fivetran.views import USER

SCHEMA = "fivetran_metadata"
Row = dict[str, Any]

_FAILED = ("FAILURE", "FAILURE_WITH_TASK")
# What a sync does to a table, in the words of the log.
_OPERATIONS = {
    "inserted": "REPLACED_OR_INSERTED",
    "updated": "UPDATED",
    "deleted": "DELETED",
}


def _table(table: str, key: str, /, **columns: str) -> Table:
    return Table(
        schema=SCHEMA,
        name=table,
        target_schema=SCHEMA,
        target=table,
        columns=tuple(Column(c, c, kind, key=c == key) for c, kind in columns.items()),
        soft_delete=False,
    )


LOG = _table(
    "log",
    "id",
    id="VARCHAR",
    time_stamp="TIMESTAMPTZ",
    connection_id="VARCHAR",
    event="VARCHAR",
    message_event="VARCHAR",
    message_data="VARCHAR",
    transformation_id="VARCHAR",
    sync_id="VARCHAR",
)
CONNECTION = _table(
    "connection",
    "connection_id",
    connection_id="VARCHAR",
    connection_name="VARCHAR",
    connector_type_id="VARCHAR",
    connector_type="VARCHAR",
    destination_id="VARCHAR",
    connecting_user_id="VARCHAR",
    paused="BOOLEAN",
    sync_frequency="INTEGER",
    status="VARCHAR",
    signed_up="TIMESTAMPTZ",
)
CONNECTOR_TYPE = _table(
    "connector_type", "id", id="VARCHAR", official_connector_name="VARCHAR", type="VARCHAR"
)
DESTINATION = _table(
    "destination",
    "id",
    id="VARCHAR",
    account_id="VARCHAR",
    created_at="TIMESTAMPTZ",
    name="VARCHAR",
    region="VARCHAR",
)


def entries(event: Event) -> list[Row]:
    """Return the log's rows for one event: the event, and what a sync did to each table."""
    said = {k: v for k, v in event.data.items() if k not in ("sync_id", "tables")}
    rows = []
    for table in event.data.get("tables") or []:
        place = {"schema": table["schema"], "table": table["table"]}
        for field, operation in _OPERATIONS.items():
            if table.get(field):
                told = {**place, "operationType": operation, "count": table[field]}
                rows.append(_row(event, "INFO", "records_modified", told))
        if table.get("quarantined"):
            told = {**place, "type": "rows_quarantined", "count": table["quarantined"]}
            rows.append(_row(event, "WARNING", "warning", told))
    level = "INFO"
    if said.get("status") in _FAILED:
        level = "SEVERE"
    elif said.get("status") == "RESCHEDULED" or event.name == "connection_failure":
        level = "WARNING"
    return [*rows, _row(event, level, event.name, said)]


def _row(event: Event, level: str, name: str, data: Row) -> Row:
    sync = event.data.get("sync_id")
    return {
        "id": str(uuid.uuid4()),
        "time_stamp": event.created,
        "connection_id": event.connection["id"],
        "event": level,
        "message_event": name,
        "message_data": json.dumps(data) if data else None,
        "transformation_id": None,
        "sync_id": None if sync is None else str(sync),
    }


def connections(held: list[Document]) -> list[Row]:
    """Return the rows of the connections as they are now."""
    return [
        {
            "connection_id": connection["id"],
            "connection_name": connection["schema"],
            "connector_type_id": connection["service"],
            "connector_type": connection["service"],
            "destination_id": connection["group_id"],
            "connecting_user_id": USER,
            "paused": connection["paused"],
            "sync_frequency": connection["sync_frequency"],
            "status": connection["setup_state"],
            "signed_up": connection["created_at"],
        }
        for connection in held
    ]


def connector_types(held: list[Document]) -> list[Row]:
    """Return the kinds of sources among some connections."""
    services = sorted({connection["service"] for connection in held})
    return [
        {
            "id": service,
            "official_connector_name": service.replace("_", " ").title(),
            "type": "Database" if service in DATABASES else "Other",
        }
        for service in services
    ]


def destination(group: Document, described: Document) -> Row:
    """Return the row of a group's destination."""
    return {
        "id": group["id"],
        "account_id": "local",
        "created_at": group["created_at"],
        "name": group["name"],
        "region": described.get("region"),
    }
