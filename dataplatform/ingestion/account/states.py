"""How the declared connections are doing: state, last sync, next, and what is left of the promise.

Only what the account tells; what the warehouse holds is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.reading import together
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.workspace import (
    find_connection,
    find_group,
    group_name,
    open_client,
)

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient


@dataclass(frozen=True)
class ConnectionState:
    """One connection as the account sees it.

    Attributes:
        name: the connection file's name.
        service: the kind of source.
        state: ``not applied``, ``paused``, ``broken``, ``syncing``, ``rescheduled`` or
            ``scheduled``.
        succeeded_at: the end of the last good sync, or None.
        next_at: when its own clock syncs it next; None where nothing will.
        rows: rows that the last sync moved, where the account keeps a record; else None.
        lag_hours: hours since the last good sync, or None before the first.
        promised_hours: hours of its freshness promise, or None.
        reason: why it is broken, if it is.
    """

    name: str
    service: str
    state: str
    succeeded_at: datetime | None = None
    next_at: datetime | None = None
    rows: int | None = None
    lag_hours: float | None = None
    promised_hours: float | None = None
    reason: str = ""

    @property
    def late_hours(self) -> float:
        """Hours past the freshness promise; 0 where it is kept or none was made."""
        if self.lag_hours is None or self.promised_hours is None:
            return 0.0
        return max(0.0, self.lag_hours - self.promised_hours)

    def as_json(self) -> dict[str, Any]:
        """Return the state for programs."""
        moments = {
            name: value.isoformat() if value else None
            for name, value in (("succeeded_at", self.succeeded_at), ("next_at", self.next_at))
        }
        return asdict(self) | moments | {"late_hours": self.late_hours}


def connection_states(
    project: Project, client: AccountClient | None = None, now: datetime | None = None
) -> list[ConnectionState]:
    """Return the state of every declared connection, in the order of their names.

    Raises:
        UserError: the account cannot be reached.
    """
    account = client or open_client(project)
    moment = now or datetime.now(UTC)
    group = find_group(account, group_name(project))
    items = list(account.list_connectors_for_group(str(group["id"]))) if group else []
    pairs = [(one, find_connection(items, one)) for one in project.connections]
    moved = _moved(account, [str(item["id"]) for _, item in pairs if item is not None])
    return [
        ConnectionState(connection.name, connection.service, "not applied")
        if item is None
        else _state(connection, item, moment, moved.get(str(item["id"])))
        for connection, item in pairs
    ]


def _state(
    connection: Connection, item: Mapping[str, Any], now: datetime, rows: int | None
) -> ConnectionState:
    status = item.get("status") or {}
    text = item.get("succeeded_at")
    ended = datetime.fromisoformat(text) if text else None
    state = str(status.get("sync_state", "unknown"))
    if item.get("paused"):
        state = "paused"
    elif status.get("setup_state") != "connected":
        state = "broken"
    return ConnectionState(
        name=connection.name,
        service=connection.service,
        state=state,
        succeeded_at=ended,
        next_at=_next(item, ended, now),
        rows=rows,
        lag_hours=(now - ended).total_seconds() / 3600 if ended else None,
        promised_hours=connection.freshness,
        reason="; ".join(str(task.get("message")) for task in status.get("tasks") or []),
    )


def _next(item: Mapping[str, Any], ended: datetime | None, now: datetime) -> datetime | None:
    """When Fivetran's own clock syncs the connection next, as far as its settings tell."""
    put_off = (item.get("status") or {}).get("rescheduled_for")
    if put_off:
        return datetime.fromisoformat(str(put_off))
    if item.get("paused") or item.get("schedule_type") == "manual":
        return None
    minutes = int(item.get("sync_frequency") or 0)
    hour = str(item.get("daily_sync_time") or "").partition(":")[0]
    if minutes == 1440 and hour.isdigit():
        today = now.replace(hour=int(hour), minute=0, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    if not minutes:
        return None
    return max(now, ended + timedelta(minutes=minutes)) if ended else now


def _moved(client: AccountClient, live_ids: list[str]) -> dict[str, int]:
    """Rows that each connection's last sync moved, where the account keeps a record."""

    def rows(live_id: str) -> int | None:
        try:
            path = f"local/connections/{live_id}/syncs"
            syncs = client.call("GET", path, params={"limit": 1}).get("items", [])
        except FivetranFailure:
            return None
        kinds = ("inserted", "updated", "deleted")
        tables = syncs[0].get("tables") or [] if syncs else []
        return sum(int(table.get(kind) or 0) for table in tables for kind in kinds)

    if not live_ids or rows(live_ids[0]) is None:
        return {}
    found = together(rows, live_ids)
    return {live_id: n for live_id, n in zip(live_ids, found, strict=True) if n is not None}
