"""How a sync ended, as the connection shows it, as the record keeps it, and as listeners hear it.

Also when a connection's own schedule calls for the next one. Starting syncs is ``runner``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure, SyncRescheduled, TableResult
from dataplatform.local.fivetran.store import Document, later_than, moment_of, now, stamp

_DAY_MINUTES = 1440

Failure = SyncFailure | SyncRescheduled | None


def _word(failure: Failure) -> str:
    if isinstance(failure, SyncRescheduled):
        return "RESCHEDULED"
    return "SUCCESSFUL" if failure is None else "FAILED"


def outcome(tables: Sequence[TableResult], failure: Failure) -> Document:
    """Return what the record of a sync says of its end."""
    return {
        "status": _word(failure),
        "finished_at": now(),
        "error": None if failure is None else str(failure),
        "tables": [table.as_json() for table in tables],
    }


def event_data(number: int, ended: Document, failure: Failure) -> Document:
    """Return what listeners are told: the API's words for the status, the reason, the rows.

    Args:
        number: the sync's number.
        ended: what ``outcome`` returned.
        failure: why it did not succeed, or None.
    """
    status = ended["status"]
    if isinstance(failure, SyncFailure):
        # A broken connection waits for its owner; any other failure is tried again.
        status = "FAILURE_WITH_TASK" if failure.broken else "FAILURE"
    data: dict[str, Any] = {"sync_id": number, "status": status, "tables": ended["tables"]}
    return data if failure is None else data | {"reason": str(failure)}


def ask_resync(connection: Document, tables: list[str] | str) -> None:
    """Note that tables are to be read anew by the next sync, besides those asked for before.

    Args:
        connection: the document, edited in place.
        tables: as ``schema.table``, or ``all``.
    """
    connection["resync"] = _both(connection.get("resync"), tables)


def take_up(connection: Document) -> None:
    """Note that a sync starts: nothing is put off, and what is asked for from now on is later's."""
    connection["rescheduled_for"] = None
    connection["resyncing"] = _both(connection.get("resyncing"), connection["resync"])
    connection["resync"] = []


def _both(before: list[str] | str | None, more: list[str] | str) -> list[str] | str:
    return "all" if "all" in (before, more) else sorted({*(before or ()), *more})


def settle(connection: Document, tables: Sequence[TableResult], failure: Failure) -> None:
    """Write how a sync ended into the connection's document.

    Args:
        connection: the document, edited in place.
        tables: what was done, by table.
        failure: why it did not succeed, or None.
    """
    if isinstance(failure, SyncRescheduled):
        connection["rescheduled_for"] = stamp(
            datetime.now(UTC) + timedelta(seconds=failure.seconds)
        )
        return
    latest = later_than(connection["succeeded_at"], connection["failed_at"])
    if failure is not None:
        connection["failed_at"] = latest
        connection["tasks"] = [{"code": failure.code, "message": str(failure)}]
        if failure.broken:
            connection["setup_state"] = "broken"
        return
    connection["succeeded_at"] = latest
    connection["is_historical_sync"] = False
    connection["setup_state"] = "connected"
    connection["tasks"] = []
    connection["resyncing"] = []
    connection["warnings"] = [
        {
            "code": "rows_quarantined",
            "message": f"{table.quarantined} rows of {table.schema}.{table.table} could not be "
            "read and were set aside.",
        }
        for table in tables
        if table.quarantined
    ]


def next_sync(connection: Document) -> datetime:
    """Return when a connection's own schedule next calls for a sync.

    One interval after the last sync; a daily connection with a time of day at that hour, in UTC.
    """
    last = max(
        moment_of(text)
        for text in (
            connection["succeeded_at"],
            connection["failed_at"],
            connection["scheduled_from"],
        )
        if text
    )
    hour = connection.get("daily_sync_time")
    if connection["sync_frequency"] != _DAY_MINUTES or not hour:
        return last + timedelta(minutes=connection["sync_frequency"])
    at = last.replace(hour=int(hour.split(":")[0]), minute=0, second=0, microsecond=0)
    return at if at > last else at + timedelta(days=1)
