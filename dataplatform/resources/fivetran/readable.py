"""What an account answers, checked once so that nobody else trips over it.

Fivetran's answers are data of another company's: a field that is missing or of another kind is
told in a sentence, and never as a failing look-up deep within a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dataplatform.resources.fivetran.failure import FivetranFailure

SYNCING = "syncing"
RESCHEDULED = "rescheduled"
CONNECTED = "connected"
_LEAST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Connection:
    """An account's record of a connection, as far as syncing needs it.

    Attributes:
        id: the account's own.
        paused: whether it takes no syncs.
        setup_state: ``connected``, ``incomplete`` or ``broken``.
        sync_state: ``scheduled``, ``syncing``, ``paused`` or ``rescheduled``.
        created_at: when it was made, where that is told; it never changes.
        succeeded_at: when its last good sync ended.
        failed_at: when its last failed sync ended.
        rescheduled_for: until when Fivetran put the next sync off.
        reasons: what is wrong with it, in Fivetran's words.
        details: the whole record.
    """

    id: str
    paused: bool
    setup_state: str
    sync_state: str
    created_at: datetime | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    rescheduled_for: datetime | None
    reasons: tuple[str, ...]
    details: Mapping[str, Any]

    @property
    def last_ended(self) -> datetime:
        """When its last sync ended, good or not; the beginning of time before the first."""
        return max(self.succeeded_at or _LEAST, self.failed_at or _LEAST)

    def by_clock_of(self, created_at: datetime | None) -> Connection:
        """Return the same with its times put right, where the account's clock has moved.

        Args:
            created_at: what the account told earlier of the time at which it was made.
        """
        if created_at is None or self.created_at is None or self.created_at == created_at:
            return self
        moved = created_at - self.created_at
        return replace(
            self,
            created_at=created_at,
            succeeded_at=self.succeeded_at and self.succeeded_at + moved,
            failed_at=self.failed_at and self.failed_at + moved,
            rescheduled_for=self.rescheduled_for and self.rescheduled_for + moved,
        )

    @property
    def syncing(self) -> bool:
        """Whether a sync is under way."""
        return self.sync_state == SYNCING

    @property
    def put_off(self) -> bool:
        """Whether the sync that was asked for waits for a later time."""
        if self.syncing:
            return False
        later = self.rescheduled_for is not None and self.rescheduled_for > self.last_ended
        return self.sync_state == RESCHEDULED or later


def readable_connection(details: Mapping[str, Any]) -> Connection:
    """Return what a connection's record says.

    Raises:
        FivetranFailure: something in it is missing or cannot be read.
    """
    status = details.get("status")
    found = {name: details.get(name) for name in ("id", "schema", "service", "group_id")}
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise _unreadable(name, value)
    if not isinstance(status, Mapping):
        raise _unreadable("status", status)
    for name in ("setup_state", "sync_state"):
        if not isinstance(status.get(name), str):
            raise _unreadable(f"status.{name}", status.get(name))
    if not isinstance(details.get("paused"), bool):
        raise _unreadable("paused", details.get("paused"))
    return Connection(
        id=str(found["id"]),
        paused=details["paused"],
        setup_state=status["setup_state"],
        sync_state=status["sync_state"],
        created_at=_moment("created_at", details.get("created_at")),
        succeeded_at=_moment("succeeded_at", details.get("succeeded_at")),
        failed_at=_moment("failed_at", details.get("failed_at")),
        rescheduled_for=_moment("status.rescheduled_for", status.get("rescheduled_for")),
        reasons=_reasons(details, status),
        details=details,
    )


def readable_schemas(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a connection's schema config, complete enough for dagster-fivetran to read.

    Raises:
        FivetranFailure: it is of another shape.
    """
    schemas = config.get("schemas") or {}
    if not isinstance(schemas, Mapping):
        raise _unreadable("schemas", schemas)
    return {
        **config,
        "schemas": {name: _schema(name, schema) for name, schema in schemas.items()},
    }


def _schema(name: str, schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise _unreadable(f"schemas.{name}", schema)
    tables = schema.get("tables") or {}
    if not isinstance(tables, Mapping):
        raise _unreadable(f"schemas.{name}.tables", tables)
    found = {}
    for table, settings in tables.items():
        if not isinstance(settings, Mapping):
            raise _unreadable(f"schemas.{name}.tables.{table}", settings)
        found[table] = {"enabled": True, "name_in_destination": table, **settings}
    return {"enabled": True, "name_in_destination": name, **schema, "tables": found}


def _moment(name: str, value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _unreadable(name, value) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reasons(details: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[str, ...]:
    tests = details.get("setup_tests")
    failed = [
        test.get("message") or test.get("title")
        for test in (tests if isinstance(tests, list) else [])
        if isinstance(test, Mapping) and str(test.get("status", "")).upper() == "FAILED"
    ]
    tasks = status.get("tasks")
    told = [
        task.get("message") or task.get("code")
        for task in (tasks if isinstance(tasks, list) else [])
        if isinstance(task, Mapping)
    ]
    # The same trouble is told by the test that found it and by the task to mend it.
    return tuple(dict.fromkeys(str(one).rstrip(".") for one in [*told, *failed] if one))


def _unreadable(name: str, value: Any) -> FivetranFailure:
    said = "is missing" if value is None else f"is {str(value)[:60]!r}"
    return FivetranFailure(
        f"Fivetran's API answered with a connection that cannot be read: {name!r} {said}.",
        passing=True,
    )
