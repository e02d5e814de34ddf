"""dagster-fivetran's client of the REST API, with what it gets wrong put right.

The base address is a setting; lists are read to their last page, groups included; the current
paths are tried first and the legacy ones serve as fallback; all clients of an account share its
rate limit. Logical ids (a connection file's name) are turned into the account's ids by a resolver
that the workspace hands in. Asking for syncs is in ``client``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from dagster_fivetran.resources import FivetranClient

from dataplatform.resources.fivetran.budget import budget_of
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.readable import readable_schemas
from dataplatform.resources.fivetran.transport import Outgoing, Retries, data_of, send

FIVETRAN_API = "https://api.fivetran.com"
FIVETRAN_DASHBOARD = "https://fivetran.com/dashboard/connections"
# The most that the API gives at once.
PAGE_LIMIT = 1000
# A list longer than this is a server that never ends.
MOST_PAGES = 1000
# What may be asked for twice without harm although it is a POST.
_REPEATABLE = frozenset({"sync", "force", "resync", "test", "reload"})


class ApiClient(FivetranClient):
    """A client of one account.

    Args:
        base_url: the API's address up to and without ``/v1``.
        api_key: the key's name.
        api_secret: the key's secret.
        resolve_id: turns a logical id into the account's; an id it does not know is returned.
        retries: patience with failing requests.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        api_secret: str,
        *,
        resolve_id: Callable[[str], str] = lambda name: name,
        retries: Retries | None = None,
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
        self._legacy_paths = False
        self._budget = budget_of(self._base_url, api_key)

    @property
    def api_base_url(self) -> str:
        """The API's address with its version."""
        return f"{self._base_url}/v1"

    def page_of(self, live_id: str) -> str:
        """Return where a person looks at a connection of this account."""
        if self._base_url == FIVETRAN_API:
            return f"{FIVETRAN_DASHBOARD}/{live_id}"
        return f"{self.api_base_url}/connections/{live_id}"

    def logs_of(self, live_id: str) -> str:
        """Return where a connection's syncs are logged."""
        if self._base_url == FIVETRAN_API:
            return f"{self.page_of(live_id)}/logs"
        return f"{self.api_base_url}/local/connections/{live_id}/syncs"

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

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the items of a list, read to its last page.

        Args:
            path: what follows ``/v1/``.
            params: the query, besides the paging.

        Raises:
            FivetranFailure: a request failed, or the paging makes no sense.
        """
        return self._pages(path, params, self._page(path, params, None))

    def _page(
        self, path: str, params: Mapping[str, Any] | None, cursor: str | None
    ) -> requests.Response:
        paging = {"limit": PAGE_LIMIT, **({"cursor": cursor} if cursor else {})}
        return self._make_request("GET", path, None, {**(params or {}), **paging})

    def _pages(
        self, path: str, params: Mapping[str, Any] | None, first: requests.Response
    ) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        seen: set[str] = set()
        response = first
        while True:
            data = data_of(response)
            found, cursor = data.get("items", []), data.get("next_cursor") or data.get("nextCursor")
            if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
                raise FivetranFailure(f"Fivetran's API answered {path} with no list of items.")
            items.extend(found)
            if not cursor:
                return items
            if not isinstance(cursor, str):
                raise FivetranFailure(f"Fivetran's API gives {path} no usable cursor.")
            if cursor in seen:
                raise FivetranFailure(f"Fivetran's API repeats a page of {path}: broken paging.")
            if len(seen) >= MOST_PAGES:
                raise FivetranFailure(
                    f"Fivetran's API gave {MOST_PAGES} pages of {path} and no last one: "
                    f"broken paging."
                )
            seen.add(cursor)
            response = self._page(path, params, cursor)

    def _make_request(
        self,
        method: str,
        endpoint: str,
        data: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        request = Outgoing(
            method=method,
            url=f"{self.api_base_url}/{endpoint}",
            auth=(self.api_key, self.api_secret),
            headers={
                "Accept": "application/json;version=2",
                "Content-Type": "application/json;version=2",
                "User-Agent": "dataplatform",
            },
            data=data,
            params=params,
            repeatable=method != "POST" or endpoint.rsplit("/", 1)[-1] in _REPEATABLE,
        )
        return send(request, self.retries, self._budget)

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
            path = f"groups/{group_id}/connections"
            response = self._page(path, None, None)
            if not _unknown_path(response):
                return self._pages(path, None, response)
        return self.pages(f"groups/{group_id}/connectors")

    def get_schema_config_for_connector(
        self, connector_id: str, raise_on_not_found_error: bool = True
    ) -> Mapping[str, Any]:
        """Return a connection's schema config; none yet is an empty one where that is allowed."""
        try:
            return readable_schemas(self.call_connection("GET", connector_id, "/schemas"))
        except FivetranFailure as failure:
            if raise_on_not_found_error or failure.status != 404:
                raise
            return {}


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
