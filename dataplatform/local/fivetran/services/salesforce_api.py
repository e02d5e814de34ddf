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
_LONGEST_PAUSE_SECONDS = 30.0
_LOST = "INVALID_QUERY_LOCATOR"
_LIMIT = "REQUEST_LIMIT_EXCEEDED"
#: The code of a failure that passes when requests are free again.
LIMIT_REACHED = "source_limit"


class QueryLost(Exception):
    """The server no longer knows where a query's next page begins."""


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
        body = self._json(answer, "the log-in", ("access_token",))
        self._token = body["access_token"]
        self._instance = body.get("instance_url") or self.base

    def _send(self, method: str, url: str, **options: Any) -> Any:
        """Send a request, again after a pause where the server is busy or out of reach."""
        import httpx

        for attempt in range(1, _ATTEMPTS + 1):
            answer = None
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
            pause = 0.2 * 2**attempt
            if answer is not None and answer.headers.get("Retry-After", "").isdigit():
                pause = float(answer.headers["Retry-After"])
            time.sleep(min(pause, _LONGEST_PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def get(self, path: str, *needed: str) -> Any:
        """Return the JSON behind a path, or None if there is nothing.

        Raises:
            QueryLost: the path is a query's next page, which is lost.
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
        plain = path.split("?")[0]
        if answer.status_code >= 400:
            code = _code(answer)
            if code == _LOST:
                raise QueryLost
            if code == _LIMIT:
                raise SyncFailure(
                    f"Salesforce at {self.base} has answered all requests it allows in a day; "
                    "sync again when some are free, or raise the organisation's limit.",
                    code=LIMIT_REACHED,
                )
            raise SyncFailure(
                f"Salesforce at {self.base} refuses {plain}: {_reason(answer)}",
                code="source_refused",
            )
        return self._json(answer, plain, needed)

    def _json(self, answer: Any, what: str, needed: Sequence[str] = ()) -> Any:
        """Return an answer's JSON, an object that has what is needed."""
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not all(name in body for name in needed):
            raise SyncFailure(
                f"Salesforce at {self.base} answered {what} with something that is not the JSON "
                "it documents.",
                code="source_malformed",
            )
        return body

    def objects(self, standard: Sequence[str]) -> list[str]:
        """Return the names of all queryable objects, or the standard ones if none are listed."""
        listed = self.get(f"services/data/{_VERSION}/sobjects", "sobjects")
        if listed is None:
            return list(standard)
        return [o["name"] for o in listed["sobjects"] if o.get("queryable", True)]

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return an object's description, or None if there is no such object."""
        found: dict[str, Any] | None = self.get(
            f"services/data/{_VERSION}/sobjects/{quote(name, safe='')}/describe", "fields"
        )
        return found

    def query_all(self, soql: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a query, deleted ones included, page by page.

        Raises:
            QueryLost: its next page cannot be had any more; ask the query anew.
            SyncFailure: the server refuses the query.
        """
        path: str | None = f"services/data/{_VERSION}/queryAll?q={quote(soql, safe='')}"
        first = True
        while path is not None:
            page = self.get(path, "records", "done")
            if page is None and not first:
                raise QueryLost
            if page is None or not (page["done"] or page.get("nextRecordsUrl")):
                raise SyncFailure(
                    f"Salesforce at {self.base} does not say where a query's records are.",
                    code="source_malformed",
                )
            yield from page["records"]
            first = False
            path = None if page["done"] else page["nextRecordsUrl"]

    def count(self, name: str) -> int | None:
        """Return how many records an object has that are not deleted, or None if not told."""
        path = f"services/data/{_VERSION}/query?q={quote(f'SELECT COUNT() FROM {name}', safe='')}"
        try:
            answer = self.get(path, "totalSize")
        except SyncFailure:
            return None
        return None if answer is None else int(answer["totalSize"])


def _code(answer: Any) -> str:
    try:
        return str(answer.json()[0]["errorCode"])
    except (ValueError, LookupError, TypeError):
        return ""


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
