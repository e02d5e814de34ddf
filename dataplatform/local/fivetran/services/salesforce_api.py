"""Salesforce's REST API, as far as syncing needs it: log in, describe, query page by page.

Which fields are read and where they land is decided in ``salesforce``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urljoin

from dataplatform.local.fivetran.model import SyncFailure

_VERSION = "v60.0"
_TIMEOUT_SECONDS = 60.0
_ATTEMPTS = 4


class SalesforceApi:
    """A session with one organisation, logged in when first needed and again when it expires."""

    def __init__(self, config: dict[str, Any]) -> None:
        domain = str(config["domain"]).rstrip("/")
        self.base = domain if "://" in domain else f"https://{domain}"
        self.credentials = {
            key: str(config[key]) for key in ("client_id", "client_secret", "username", "password")
        }
        self._token: str | None = None
        self._instance = self.base

    def log_in(self) -> None:
        """Obtain a session.

        Raises:
            SyncFailure: the server cannot be reached or refuses the credentials.
        """
        answer = self._send(
            "POST",
            f"{self.base}/services/oauth2/token",
            data={"grant_type": "password", **self.credentials},
        )
        if answer.status_code >= 400:
            raise SyncFailure(
                f"Salesforce at {self.base} refuses the log-in of "
                f"{self.credentials['username']!r}: {_reason(answer)}",
                code="credentials_rejected",
                broken=True,
            )
        body = answer.json()
        self._token = body["access_token"]
        self._instance = body.get("instance_url") or self.base

    def _send(self, method: str, url: str, **options: Any) -> Any:
        """Send a request, again after a pause where the server is busy or out of reach."""
        import httpx

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = httpx.request(method, url, timeout=_TIMEOUT_SECONDS, **options)
            except httpx.HTTPError as error:
                if attempt == _ATTEMPTS:
                    raise SyncFailure(
                        f"Salesforce at {self.base} cannot be reached: {error}",
                        code="source_unreachable",
                    ) from error
            else:
                if attempt == _ATTEMPTS or (answer.status_code < 500 and answer.status_code != 429):
                    return answer
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def get(self, path: str) -> Any:
        """Return the JSON behind a path, or None if there is nothing.

        Raises:
            SyncFailure: the server refuses the request.
        """
        for fresh in (False, True):
            if self._token is None or fresh:
                self.log_in()
            answer = self._send(
                "GET",
                urljoin(self._instance + "/", path.lstrip("/")),
                headers={"Authorization": f"Bearer {self._token}"},
            )
            if answer.status_code != 401:
                break
        if answer.status_code == 404:
            return None
        if answer.status_code >= 400:
            raise SyncFailure(
                f"Salesforce at {self.base} refuses {path.split('?')[0]}: {_reason(answer)}",
                code="source_refused",
            )
        try:
            return answer.json()
        except ValueError as error:
            raise SyncFailure(
                f"Salesforce at {self.base} answered {path.split('?')[0]} with something that is "
                "not JSON.",
                code="source_malformed",
            ) from error

    def objects(self, standard: Sequence[str]) -> list[str]:
        """Return the names of all queryable objects, or the standard ones if none are listed."""
        listed = self.get(f"services/data/{_VERSION}/sobjects")
        if listed is None:
            return list(standard)
        return [o["name"] for o in listed["sobjects"] if o.get("queryable", True)]

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return an object's description, or None if there is no such object."""
        found: dict[str, Any] | None = self.get(
            f"services/data/{_VERSION}/sobjects/{quote(name, safe='')}/describe"
        )
        return found

    def query_all(self, soql: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a query, deleted ones included, page by page."""
        path: str | None = f"services/data/{_VERSION}/queryAll?q={quote(soql, safe='')}"
        while path is not None:
            page = self.get(path)
            if page is None:
                raise SyncFailure(
                    f"Salesforce at {self.base} lost the query's next page.",
                    code="source_refused",
                )
            yield from page["records"]
            path = None if page.get("done", True) else page["nextRecordsUrl"]

    def count(self, name: str) -> int | None:
        """Return how many records an object has that are not deleted, or None if not told."""
        path = f"services/data/{_VERSION}/query?q={quote(f'SELECT COUNT() FROM {name}', safe='')}"
        try:
            answer = self.get(path)
        except SyncFailure:
            return None
        return None if answer is None else int(answer["totalSize"])


def _reason(answer: Any) -> str:
    try:
        body = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict):
        text = first.get("message") or first.get("error_description") or first.get("error")
        if text:
            return str(text)
    return f"HTTP {answer.status_code}"
