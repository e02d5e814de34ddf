"""The client that the platform uses: requests to one account, its syncs included.

Every wait has a limit, a sync of ours never changes a connection's schedule, and a sync that
fails says why. How requests are made is in ``api``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import MetadataValue, RetryRequested
from dagster_fivetran.translator import FivetranConnector
from dagster_fivetran.types import FivetranOutput

from dataplatform.resources.fivetran.api import ApiClient
from dataplatform.resources.fivetran.transport import FivetranFailure

SYNC_TIMEOUT_SECONDS = 6 * 3600.0
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 10.0
# Looking this much later than a sync's end, at most, as a share of its duration.
_LATENESS = 0.1
_RESCHEDULES = 3


class AccountClient(ApiClient):
    """A client of one account that also syncs.

    Args:
        sync_timeout: seconds that a sync may take.
        others: as ``ApiClient`` takes them.
    """

    def __init__(
        self, *others: Any, sync_timeout: float = SYNC_TIMEOUT_SECONDS, **named: Any
    ) -> None:
        super().__init__(*others, **named)
        self.sync_timeout = sync_timeout

    def start_sync(self, connector_id: str) -> None:
        """Ask for a sync; the connection's schedule is left as it is."""
        self.call_connection("POST", connector_id, "/sync", {"force": True}, legacy_rest="/force")
        self._log.info(f"Asked for a sync of the connection {connector_id!r}.")

    def poll_sync(
        self,
        connector_id: str,
        previous_sync_completed_at: datetime,
        poll_interval: float = _LONGEST_POLL_SECONDS,
        poll_timeout: float | None = None,
    ) -> Mapping[str, Any]:
        """Wait until a sync has ended that is newer than the given one.

        Args:
            connector_id: the connection.
            previous_sync_completed_at: when its last sync had ended before.
            poll_interval: the longest wait between two looks, in seconds; the first are shorter.
            poll_timeout: seconds until waiting is given up; the client's own limit by default.

        Raises:
            FivetranFailure: the sync failed, or did not end in time.
            RetryRequested: Fivetran put the sync off; Dagster asks again after that time.
        """
        limit = self.sync_timeout if poll_timeout is None else poll_timeout
        started = time.monotonic()
        while True:
            details = self.get_connector_details(connector_id)
            connection = FivetranConnector.from_connector_details(details)
            if connection.last_sync_completed_at > previous_sync_completed_at:
                break
            if connection.is_rescheduled and connection.rescheduled_for:
                moment = datetime.fromisoformat(connection.rescheduled_for)
                wait = max(0.0, (moment - datetime.now(UTC)).total_seconds())
                if wait > limit:
                    raise FivetranFailure(
                        f"Fivetran put the sync of {connector_id!r} off until "
                        f"{connection.rescheduled_for}, longer than the {limit:.0f} s it may take."
                    )
                raise RetryRequested(max_retries=_RESCHEDULES, seconds_to_wait=wait)
            passed = time.monotonic() - started
            if passed >= limit:
                raise FivetranFailure(
                    f"The sync of connection {connector_id!r} did not end within {limit:.0f} s "
                    f"(its state is {connection.sync_state!r}); see {self.page_of(connection.id)}."
                )
            time.sleep(min(max(_FIRST_POLL_SECONDS, passed * _LATENESS), poll_interval))
        if not connection.is_last_sync_successful:
            raise FivetranFailure(
                f"The sync of connection {connector_id!r} failed{_reasons(details)}",
                metadata={
                    "connector_details": MetadataValue.json(dict(details)),
                    "log_url": MetadataValue.url(self.page_of(connection.id)),
                },
            )
        return details

    def _sync_and_poll(
        self,
        sync_fn: Callable[..., Any],
        connector_id: str,
        poll_interval: float = _LONGEST_POLL_SECONDS,
        poll_timeout: float | None = None,
    ) -> FivetranOutput | None:
        connection = FivetranConnector.from_connector_details(
            self.get_connector_details(connector_id)
        )
        _assert_syncable(connector_id, connection, self.page_of(connection.id))
        if connection.sync_state == "syncing":
            # It began before we asked, so it may miss rows: await it, then ask for a new one.
            self._await_idle(connector_id, poll_timeout)
            connection = FivetranConnector.from_connector_details(
                self.get_connector_details(connector_id)
            )
        sync_fn(connector_id=connector_id)
        details = self.poll_sync(
            connector_id, connection.last_sync_completed_at, poll_interval, poll_timeout
        )
        # Read afterwards: the first sync makes the schema config complete.
        return FivetranOutput(details, self.get_schema_config_for_connector(connector_id))

    def _await_idle(self, connector_id: str, timeout: float | None) -> None:
        deadline = time.monotonic() + (self.sync_timeout if timeout is None else timeout)
        pause = _FIRST_POLL_SECONDS
        while self.get_connector_details(connector_id)["status"]["sync_state"] == "syncing":
            if time.monotonic() >= deadline:
                raise FivetranFailure(
                    f"A sync of connection {connector_id!r} that somebody else started did not end."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)


def _assert_syncable(connector_id: str, connection: FivetranConnector, url: str) -> None:
    if connection.is_paused:
        raise FivetranFailure(
            f"The connection {connector_id!r} is paused: set `paused: false` in its file and run "
            f"`dataplatform connections apply`, or resume it at {url}."
        )
    # A broken one may be mended by now: its sync is tried, and says why where it is not.
    if connection.setup_state == "incomplete":
        raise FivetranFailure(
            f"The connection {connector_id!r} is not set up: run `dataplatform connections apply`, "
            f"or mend it at {url}."
        )


def _reasons(details: Mapping[str, Any]) -> str:
    tasks = details.get("status", {}).get("tasks") or []
    messages = [str(task.get("message") or task.get("code")) for task in tasks]
    return f": {'; '.join(messages)}" if messages else "."
