"""A connection as the service remembers it: how one begins, and which changes it takes.

What the API shows of it is in ``views``; storing, testing and syncing happen elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.local.fivetran.envelope import invalid
from dataplatform.local.fivetran.fields import Field
from dataplatform.local.fivetran.services.base import DATABASES, REQUIRED
from dataplatform.local.fivetran.store import Document, new_id, now

MASK = "******"
FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
DAILY = 1440
_YEAR_MINUTES = 525_600

SETTINGS: Mapping[str, Field] = {
    "paused": Field("boolean"),
    "pause_after_trial": Field("boolean"),
    "sync_frequency": Field("integer", choices=FREQUENCIES),
    "daily_sync_time": Field(
        "string", pattern=r"([01]\d|2[0-3]):00", says="a full hour such as '14:00'"
    ),
    "schedule_type": Field("string", choices=("auto", "manual")),
    "data_delay_sensitivity": Field(
        "string", choices=("LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY")
    ),
    "data_delay_threshold": Field("integer", low=0, high=_YEAR_MINUTES),
    "networking_method": Field(
        "string", choices=("Directly", "SshTunnel", "PrivateLink", "ProxyAgent")
    ),
    "private_link_id": Field("string"),
    "proxy_agent_id": Field("string"),
    "hybrid_deployment_agent_id": Field("string"),
    "is_historical_sync": Field("boolean"),
}
_ASIDE: Mapping[str, Field] = {
    "config": Field("object"),
    "auth": Field("object"),
    "trust_certificates": Field("boolean"),
    "trust_fingerprints": Field("boolean"),
    "run_setup_tests": Field("boolean"),
}
CHANGES: Mapping[str, Field] = {**SETTINGS, **_ASIDE}
CREATION: Mapping[str, Field] = {
    "group_id": Field("string", required=True),
    "service": Field("string", required=True),
    **CHANGES,
}
# Ways to a source that go through something of the customer's, and what names it.
_THROUGH = {"PrivateLink": "private_link_id", "ProxyAgent": "proxy_agent_id"}


def new_connection(request: Document) -> Document:
    """Return the document of a new connection.

    Raises:
        ApiError: the request lacks something or says something impossible.
    """
    service = request["service"]
    if service not in REQUIRED:
        raise invalid(
            f"The service {service!r} is not served; choose one of {', '.join(REQUIRED)}."
            + nearest(service, REQUIRED)
        )
    config = dict(request.get("config", {}))
    created = now()
    connection: Document = {
        "id": new_id(),
        "group_id": request["group_id"],
        "service": service,
        "schema": schema_of(service, config),
        "config": config,
        "auth": {},
        "paused": False,
        "pause_after_trial": False,
        "sync_frequency": 360,
        "daily_sync_time": None,
        "schedule_type": "auto",
        "data_delay_sensitivity": "NORMAL",
        "data_delay_threshold": 0,
        "networking_method": "Directly",
        "private_link_id": None,
        "proxy_agent_id": None,
        "hybrid_deployment_agent_id": None,
        "created_at": created,
        "scheduled_from": created,
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
    """Apply a checked request to a connection's document; return whether its set-up changed.

    Raises:
        ApiError: what it asks for cannot be together; the document is then not to be stored.
    """
    resumed = connection["paused"] and request.get("paused") is False
    timed = connection["schedule_type"] == "manual" and request.get("schedule_type") == "auto"
    if resumed or timed:
        connection["scheduled_from"] = now()
    for name in SETTINGS:
        if name in request:
            connection[name] = request[name]
    _time_of_day(connection, request)
    method = connection["networking_method"]
    through = _THROUGH.get(method)
    if through and not connection.get(through):
        raise invalid(f"'{through}' is missing: the networking method {method} needs it.")
    return _change_config(connection, request)


def _time_of_day(connection: Document, request: Document) -> None:
    if connection["sync_frequency"] == DAILY:
        return
    if "daily_sync_time" in request:
        raise invalid(f"'daily_sync_time' is only for a 'sync_frequency' of {DAILY}.")
    connection["daily_sync_time"] = None


def _change_config(connection: Document, request: Document) -> bool:
    changed = False
    for part in ("config", "auth"):
        held: dict[str, Any] = connection.setdefault(part, {})
        # A masked value is one that the client has read here and sends back.
        fresh = {k: v for k, v in request.get(part, {}).items() if v != MASK}
        if part == "config":
            for field in ("schema", "schema_prefix"):
                if fresh.get(field, held.get(field)) != held.get(field):
                    raise invalid(f"'config.{field}' cannot be changed once the connection exists.")
        changed = changed or any(held.get(key) != value for key, value in fresh.items())
        held.update(fresh)
    return changed
