"""dagster-fivetran's client, with what it gets wrong put right.

The base address is a setting; lists are read to their last page, groups included; the current
paths are tried first and the legacy ones serve as fallback; rate limits are honoured; every wait
has a limit; a sync of ours never changes a connection's schedule. Logical ids (a connection
file's name) are turned into the account's ids by a resolver that the workspace hands in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import requests
from dagster import MetadataValue, RetryRequested
from dagster_fivetran.resources import FivetranClient
from dagster_fivetran.translator import FivetranConnector
from dagster_fivetran.types import FivetranOutput

from dataplatform.resources.fivetran.transport import (
    FivetranFailure,
    Retries,
    data_of,
    send,
)

PAGE_LIMIT = 100
SYNC_TIMEOUT_SECONDS = 6 * 3600.0
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 10.0
_RESCHEDULES = 3


class AccountClient(FivetranClient):
    """A client of one account.

    Args:
        base_url: the API's address up to and without ``/v1``.
        api_key: the key's name.
        api_secret: the key's secret.
        resolve_id: turns a logical id into the account's; an id it does not know is returned.
        retries: patience with failing requests.
        sync_timeout: seconds that a sync may take.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        api_secret: str,
        *,
        resolve_id: Callable[[str], str] = lambda name: name,
        retries: Retries | None = None,
        sync_timeout: float = SYNC_TIMEOUT_SECONDS,
    ) -> None:
        self.retries = retries or Retries()
        super().__init__(
            api_key=api_key,
            api_secret=api_secret,
            request_max_retries=self.retries.attempts,
            request_retry_delay=self.retries.delay,
            request_backoff_factor=self.retries.factor,
            # The connection's file alone owns its schedule.
            disable_schedule_on_trigger=False,
        )
        self._base_url = base_url.rstrip("/").removesuffix("/v1")
        self._resolve_id = resolve_id
        self.sync_timeout = sync_timeout
        self._legacy_paths = False

    @property
    def api_base_url(self) -> str:
        """The API's address with its version."""
        return f"{self._base_url}/v1"

    # Requests

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return its data.

        Args:
            method: the HTTP method.
            path: what follows ``/v1/``.
            body: sent as JSON.
            params: the query.

        Raises:
            FivetranFailure: the request failed; one sentence says why.
        """
        data = None if body is None else json.dumps(body)
        return data_of(self._make_request(method, path, data, params))

    def call_connection(
        self,
        method: str,
        connection_id: str,
        rest: str = "",
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        legacy_rest: str | None = None,
    ) -> dict[str, Any]:
        """Send a request about one connection, by its logical or its account's id."""
        live = self._resolve_id(connection_id)
        data = None if body is None else json.dumps(body)
        if not self._legacy_paths:
            response = self._make_request(method, f"connections/{live}{rest}", data, params)
            if not _unknown_path(response):
                return data_of(response)
        old = rest if legacy_rest is None else legacy_rest
        answer = data_of(self._make_request(method, f"connectors/{live}{old}", data, params))
        self._legacy_paths = True
        return answer

    def pages(self, path: str) -> list[dict[str, Any]]:
        """Return the items of a list, read to its last page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            params = {"limit": PAGE_LIMIT, **({"cursor": cursor} if cursor else {})}
            data = self.call("GET", path, params=params)
            items.extend(data.get("items", []))
            cursor = data.get("next_cursor") or data.get("nextCursor")
            if not cursor:
                return items
            if cursor in seen:
                raise FivetranFailure(f"Fivetran's API repeats a page of {path}: broken paging.")
            seen.add(cursor)

    def _make_request(
        self,
        method: str,
        endpoint: str,
        data: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        return send(
            method,
            f"{self.api_base_url}/{endpoint}",
            auth=(self.api_key, self.api_secret),
            headers={
                "Accept": "application/json;version=2",
                "Content-Type": "application/json;version=2",
            },
            data=data,
            params=params,
            retries=self.retries,
        )

    def _make_and_handle_request(
        self,
        method: str,
        endpoint: str,
        data: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        return data_of(self._make_request(method, endpoint, data, params))

    def _make_connector_request(
        self, method: str, endpoint: str, data: str | None = None
    ) -> Mapping[str, Any]:
        connection_id, _, rest = endpoint.partition("/")
        body = None if data is None else json.loads(data)
        return self.call_connection(method, connection_id, f"/{rest}" if rest else "", body)

    # What the account holds

    def get_groups(self) -> Mapping[str, Any]:
        """Return every group of the account, however many pages they fill."""
        return {"items": self.pages("groups")}

    def list_connectors_for_group(self, group_id: str) -> Sequence[Mapping[str, Any]]:
        """Return every connection of a group."""
        if not self._legacy_paths:
            response = self._make_request("GET", f"groups/{group_id}/connections", None, {})
            if not _unknown_path(response):
                return self.pages(f"groups/{group_id}/connections")
        return self.pages(f"groups/{group_id}/connectors")

    def get_schema_config_for_connector(
        self, connector_id: str, raise_on_not_found_error: bool = True
    ) -> Mapping[str, Any]:
        """Return a connection's schema config; none yet is an empty one where that is allowed."""
        try:
            return self.call_connection("GET", connector_id, "/schemas")
        except FivetranFailure as failure:
            if raise_on_not_found_error or " 404 " not in str(failure.description):
                raise
            return {}

    # Syncs

    def start_sync(self, connector_id: str) -> None:
        """Ask for a sync of a connection that is set up and not paused."""
        self._start_sync(
            lambda: self.call_connection(
                "POST", connector_id, "/sync", {"force": True}, legacy_rest="/force"
            ),
            connector_id,
        )

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
        deadline = time.monotonic() + limit
        pause = min(_FIRST_POLL_SECONDS, poll_interval)
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
            if time.monotonic() >= deadline:
                raise FivetranFailure(
                    f"The sync of connection {connector_id!r} did not end within {limit:.0f} s "
                    f"(its state is {connection.sync_state!r}); see its log at {connection.url}."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, poll_interval)
        if not connection.is_last_sync_successful:
            raise FivetranFailure(
                f"The sync of connection {connector_id!r} failed{_reasons(details)}",
                metadata={
                    "connector_details": MetadataValue.json(dict(details)),
                    "log_url": MetadataValue.url(connection.url),
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
        _assert_syncable(connector_id, connection)
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


def _unknown_path(response: requests.Response) -> bool:
    """Whether the server does not know the path, as against not knowing the connection."""
    if response.status_code == 405:
        return True
    if response.status_code != 404:
        return False
    try:
        return not str(response.json().get("code", "")).startswith("NotFound_")
    except ValueError:
        return True


def _assert_syncable(connector_id: str, connection: FivetranConnector) -> None:
    if connection.is_paused:
        raise FivetranFailure(
            f"The connection {connector_id!r} is paused: set `paused: false` in its file and run "
            f"`dataplatform connections apply`, or resume it at {connection.url}."
        )
    if not connection.is_connected:
        raise FivetranFailure(
            f"The connection {connector_id!r} is not set up (its state is "
            f"{connection.setup_state!r}): run `dataplatform connections apply`, or mend it at "
            f"{connection.url}."
        )


def _reasons(details: Mapping[str, Any]) -> str:
    tasks = details.get("status", {}).get("tasks") or []
    messages = [str(task.get("message") or task.get("code")) for task in tasks]
    return f": {'; '.join(messages)}" if messages else "."
