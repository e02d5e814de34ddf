"""What the API shows of groups, destinations and connections: secrets masked, states spelled.

How a connection begins and changes is in ``connection_document``.
"""

from __future__ import annotations

from typing import Any

from dataplatform.local.fivetran.connection_document import MASK
from dataplatform.local.fivetran.services.base import SECRETS
from dataplatform.local.fivetran.store import Document

USER = "local_user"
_DESTINATION_SECRETS = ("password", "secret_key", "private_key")
_SHOWN = (
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
    "private_link_id",
    "proxy_agent_id",
    "hybrid_deployment_agent_id",
    "created_at",
    "succeeded_at",
    "failed_at",
    "setup_tests",
)


def masked(config: Document, secrets: tuple[str, ...]) -> Document:
    """Return a config with its secrets hidden."""
    return {k: MASK if k in secrets and v not in (None, "") else v for k, v in config.items()}


def all_masked(value: Any) -> Any:
    """Return an authorisation with every value hidden: whatever it holds is a secret."""
    if isinstance(value, dict):
        return {key: all_masked(held) for key, held in value.items()}
    return value if value in (None, "") else MASK


def connection_view(connection: Document, *, syncing: bool) -> Document:
    """Return what the API shows of a connection."""
    return {
        **{name: connection.get(name) for name in _SHOWN},
        "service_version": 1,
        "connected_by": USER,
        "status": _status(connection, syncing),
        "config": masked(connection["config"], SECRETS[connection["service"]]),
        **({"auth": all_masked(connection["auth"])} if connection.get("auth") else {}),
    }


def _status(connection: Document, syncing: bool) -> Document:
    rescheduled = connection.get("rescheduled_for")
    if syncing:
        state = "syncing"
    elif connection["paused"]:
        state = "paused"
    else:
        state = "rescheduled" if rescheduled else "scheduled"
    return {
        "setup_state": connection["setup_state"],
        "schema_status": "ready" if connection["schema_config"] else "blocked_on_capture",
        "sync_state": state,
        "update_state": "on_schedule" if not connection["tasks"] else "delayed",
        "is_historical_sync": connection["is_historical_sync"],
        "rescheduled_for": rescheduled,
        "tasks": connection["tasks"],
        "warnings": connection["warnings"],
    }


def destination_view(destination: Document) -> Document:
    """Return what the API shows of a destination."""
    return {**destination, "config": masked(destination["config"], _DESTINATION_SECRETS)}


def group_view(group: Document) -> dict[str, Any]:
    """Return what the API shows of a group."""
    return {key: group[key] for key in ("id", "name", "created_at")}
