"""Connections as documents and as answers.

How a connection begins, which changes it takes, and what of it the API shows: secrets masked,
states spelled as the API spells them. Storing and syncing happens elsewhere.
"""

from __future__ import annotations

from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.local.fivetran.envelope import invalid
from dataplatform.local.fivetran.services.base import DATABASES, REQUIRED, SECRETS
from dataplatform.local.fivetran.store import Document, new_id, now

MASK = "******"
FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
_PLAIN_FIELDS = {
    "paused": bool,
    "pause_after_trial": bool,
    "daily_sync_time": str,
    "data_delay_sensitivity": str,
    "data_delay_threshold": int,
    "networking_method": str,
    "is_historical_sync": bool,
}


def new_connection(request: Document) -> Document:
    """Return the document of a new connection.

    Raises:
        ApiError: the request lacks something or says something impossible.
    """
    service = request.get("service")
    if service not in REQUIRED:
        raise invalid(
            f"The service {service!r} is not served; choose one of {', '.join(REQUIRED)}."
            + nearest(str(service), REQUIRED)
        )
    config = dict(_object(request, "config"))
    schema = schema_of(service, config)
    connection: Document = {
        "id": new_id(),
        "group_id": request["group_id"],
        "service": service,
        "schema": schema,
        "config": config,
        "paused": False,
        "pause_after_trial": False,
        "sync_frequency": 360,
        "daily_sync_time": None,
        "schedule_type": "auto",
        "data_delay_sensitivity": "NORMAL",
        "data_delay_threshold": 0,
        "networking_method": "Directly",
        "created_at": now(),
        "scheduled_from": now(),
        "succeeded_at": None,
        "failed_at": None,
        "is_historical_sync": True,
        "setup_state": "incomplete",
        "setup_tests": [],
        "tasks": [],
        "warnings": [],
        "resync": [],
        "schema_config": None,
    }
    change_connection(connection, {k: v for k, v in request.items() if k != "config"})
    return connection


def schema_of(service: str, config: Document) -> str:
    """Return the destination schema, or the prefix for databases, that a config names."""
    field = "schema_prefix" if service in DATABASES else "schema"
    schema = config.get(field) or config.get("schema")
    if not isinstance(schema, str) or not schema.strip():
        raise invalid(f"'config.{field}' is missing: name where the tables of {service} land.")
    return schema


def change_connection(connection: Document, request: Document) -> bool:
    """Apply a request to a connection's document; return whether its set-up changed.

    Raises:
        ApiError: a value is impossible; the document is then not to be stored.
    """
    for name, kind in _PLAIN_FIELDS.items():
        value = request.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise invalid(f"'{name}' must be of type {kind.__name__}.")
        if name == "paused" and connection["paused"] and not value:
            connection["scheduled_from"] = now()
        connection[name] = value
    frequency = request.get("sync_frequency")
    if frequency is not None:
        if isinstance(frequency, str) and frequency.isdigit():
            frequency = int(frequency)
        if frequency not in FREQUENCIES or isinstance(frequency, bool):
            choices = ", ".join(map(str, FREQUENCIES))
            raise invalid(f"'sync_frequency' must be one of {choices} minutes, not {frequency!r}.")
        connection["sync_frequency"] = frequency
    schedule = request.get("schedule_type")
    if schedule is not None:
        if schedule not in ("auto", "manual"):
            raise invalid(f"'schedule_type' must be auto or manual, not {schedule!r}.")
        if schedule == "auto" and connection["schedule_type"] == "manual":
            connection["scheduled_from"] = now()
        connection["schedule_type"] = schedule
    config = _object(request, "config")
    fresh = {key: value for key, value in config.items() if value != MASK}
    for field in ("schema", "schema_prefix"):
        if fresh.get(field, connection["config"].get(field)) != connection["config"].get(field):
            raise invalid(f"'config.{field}' cannot be changed once the connection exists.")
    changed = any(connection["config"].get(key) != value for key, value in fresh.items())
    connection["config"].update(fresh)
    return changed


def _object(request: Document, key: str) -> Document:
    value = request.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"'{key}' must be an object.")
    return value


def masked(config: Document, secrets: tuple[str, ...]) -> Document:
    """Return a config with its secrets hidden."""
    return {k: MASK if k in secrets and v not in (None, "") else v for k, v in config.items()}


def connection_view(connection: Document, *, syncing: bool) -> Document:
    """Return what the API shows of a connection."""
    paused = connection["paused"]
    shown = (
        "id",
        "group_id",
        "service",
        "schema",
        "paused",
        "pause_after_trial",
        "sync_frequency",
        "daily_sync_time",
        "schedule_type",
        "data_delay_sensitivity",
        "data_delay_threshold",
        "networking_method",
        "created_at",
        "succeeded_at",
        "failed_at",
        "setup_tests",
    )
    return {
        **{name: connection[name] for name in shown},
        "service_version": 1,
        "connected_by": "local",
        "private_link_id": None,
        "status": {
            "setup_state": connection["setup_state"],
            "schema_status": "ready" if connection["schema_config"] else "blocked_on_capture",
            "sync_state": "syncing" if syncing else "paused" if paused else "scheduled",
            "update_state": "on_schedule" if not connection["tasks"] else "delayed",
            "is_historical_sync": connection["is_historical_sync"],
            "tasks": connection["tasks"],
            "warnings": connection["warnings"],
        },
        "config": masked(connection["config"], SECRETS[connection["service"]]),
    }


def destination_view(destination: Document) -> Document:
    """Return what the API shows of a destination."""
    secrets: tuple[str, ...] = ("password", "secret_key", "private_key")
    return {**destination, "config": masked(destination["config"], secrets)}


def group_view(group: Document) -> dict[str, Any]:
    """Return what the API shows of a group."""
    return {key: group[key] for key in ("id", "name", "created_at")}
