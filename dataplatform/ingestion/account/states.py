"""How the declared connections are doing: state, last sync, and what is left of the promise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataplatform.resources.fivetran.workspace import (
    find_connection,
    find_group,
    group_name,
    open_client,
)

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient


@dataclass(frozen=True)
class ConnectionState:
    """One connection as the account sees it.

    Attributes:
        name: the connection file's name.
        service: the kind of source.
        state: ``not applied``, ``paused``, ``broken``, ``syncing`` or ``scheduled``.
        succeeded_at: the end of the last good sync, or None.
        late_hours: hours past the freshness promise; 0 where it is kept or none was made.
        reason: why it is broken, if it is.
    """

    name: str
    service: str
    state: str
    succeeded_at: datetime | None
    late_hours: float
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the state for programs."""
        moment = self.succeeded_at.isoformat() if self.succeeded_at else None
        return asdict(self) | {"succeeded_at": moment}


def connection_states(
    project: Project, client: AccountClient | None = None, now: datetime | None = None
) -> list[ConnectionState]:
    """Return the state of every declared connection, in the order of their names.

    Raises:
        UserError: the account cannot be reached.
    """
    client = client or open_client(project)
    moment = now or datetime.now(UTC)
    group = find_group(client, group_name(project))
    items = client.list_connectors_for_group(group["id"]) if group else []
    states = []
    for connection in project.connections:
        item = find_connection(items, connection)
        if item is None:
            states.append(
                ConnectionState(connection.name, connection.service, "not applied", None, 0, "")
            )
            continue
        status = item.get("status", {})
        text = item.get("succeeded_at")
        ended = datetime.fromisoformat(text) if text else None
        age = (moment - ended).total_seconds() / 3600 if ended else 0.0
        late = max(0.0, age - connection.freshness) if connection.freshness else 0.0
        reasons = "; ".join(str(task.get("message")) for task in status.get("tasks", []))
        state = str(status.get("sync_state", "unknown"))
        if item.get("paused"):
            state = "paused"
        elif status.get("setup_state") != "connected":
            state = "broken"
        states.append(
            ConnectionState(connection.name, connection.service, state, ended, late, reasons)
        )
    return states
