"""The Sheets API of Google, version 4, as far as syncing needs it: what ranges there are, values.

Which range is a table, and how its rows land, is decided in ``google_sheets``.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

from dataplatform.declarations.errors import nearest
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.google_account import account_info

_SCOPES = ("https://www.googleapis.com/auth/spreadsheets.readonly",)
_ENDPOINT = "https://sheets.googleapis.com"
_ADDRESS = re.compile(r"/d/([A-Za-z0-9_-]+)")
_TIMEOUT_SECONDS = 120.0
_ATTEMPTS = 4
_LONGEST_PAUSE_SECONDS = 30.0


class SheetsApi:
    """One spreadsheet.

    Raises:
        SyncFailure: the settings hold no usable credentials.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        given = str(config["sheet_id"])
        in_address = _ADDRESS.search(given)
        self.sheet = in_address[1] if in_address else given.strip()
        self.endpoint = str(config.get("endpoint") or _ENDPOINT).rstrip("/")
        self._info = account_info(config)
        self._key = str(config["api_key"]) if config.get("api_key") else None
        self._credentials: Any = None
        if self._info is None and self._key is None:
            raise SyncFailure(
                "A google_sheets connection needs 'secret_key', a service account's JSON key, or "
                "'api_key', which reads public sheets.",
                code="incomplete_config",
                broken=True,
            )

    def _token(self) -> str:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2 import service_account

        try:
            if self._credentials is None:
                self._credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                    self._info, scopes=_SCOPES
                )
            if not self._credentials.valid:
                self._credentials.refresh(Request())  # type: ignore[no-untyped-call]
        except (GoogleAuthError, ValueError) as error:
            reason = error.args[0] if error.args else type(error).__name__
            raise SyncFailure(
                f"The service account {self._email} cannot log in: {reason}",
                code="credentials_rejected",
                broken=True,
            ) from error
        return str(self._credentials.token)

    @property
    def _email(self) -> str:
        return str((self._info or {}).get("client_email", "of the API key"))

    def _get(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Return an answer's JSON; ask again after a pause where the server is busy."""
        import httpx

        for attempt in range(1, _ATTEMPTS + 1):
            headers = {"Authorization": f"Bearer {self._token()}"} if self._info else {}
            key = {"key": self._key} if self._key and not self._info else {}
            pause = 0.2 * 2**attempt
            try:
                answer = httpx.get(
                    f"{self.endpoint}/v4/spreadsheets/{quote(self.sheet, safe='')}{path}",
                    params={**parameters, **key},
                    headers=headers,
                    timeout=_TIMEOUT_SECONDS,
                )
            except httpx.HTTPError as error:
                if attempt == _ATTEMPTS:
                    raise SyncFailure(
                        f"Google Sheets at {self.endpoint} cannot be reached: "
                        f"{type(error).__name__}.",
                        code="source_unreachable",
                    ) from error
            else:
                if answer.status_code == 401 and self._credentials and attempt == 1:
                    # A token may be withdrawn before its time.
                    self._credentials = None
                    continue
                if answer.status_code < 500 and answer.status_code != 429:
                    return self._judged(answer)
                if attempt == _ATTEMPTS:
                    raise SyncFailure(
                        f"Google Sheets at {self.endpoint} is too busy: {_reason(answer)}",
                        code="source_unreachable",
                    )
                told = answer.headers.get("Retry-After", "")
                pause = float(told) if told.isdigit() else pause
            time.sleep(min(pause, _LONGEST_PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def _judged(self, answer: Any) -> dict[str, Any]:
        reason = _reason(answer)
        if answer.status_code in (401, 403):
            raise SyncFailure(
                f"Google Sheets refuses spreadsheet {self.sheet!r}: {reason} Share it with "
                f"{self._email}, or make it public for an API key.",
                code="credentials_rejected",
                broken=True,
            )
        if answer.status_code == 404:
            raise SyncFailure(
                f"There is no spreadsheet {self.sheet!r} at {self.endpoint}.", code="source_missing"
            )
        if answer.status_code >= 400:
            raise SyncFailure(
                f"Google Sheets refuses to read spreadsheet {self.sheet!r}: {reason}",
                code="source_refused",
            )
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise SyncFailure(
                f"Google Sheets at {self.endpoint} answered with something that is not JSON.",
                code="source_malformed",
            )
        return body

    def require_range(self, name: str) -> None:
        """Make sure that there is a named range.

        Raises:
            SyncFailure: there is none of this name, or the spreadsheet cannot be read.
        """
        body = self._get("", {"fields": "namedRanges"})
        names = [str(one.get("name")) for one in body.get("namedRanges", [])]
        if name not in names:
            raise SyncFailure(
                f"Spreadsheet {self.sheet!r} has no named range {name!r}.{nearest(name, names)}",
                code="source_missing",
            )

    def values(self, name: str) -> list[list[Any]]:
        """Return a named range's rows, without the empty ones and empty cells at their ends.

        Raises:
            SyncFailure: they cannot be read.
        """
        body = self._get(
            f"/values/{quote(name, safe='')}",
            {
                "majorDimension": "ROWS",
                "valueRenderOption": "UNFORMATTED_VALUE",
                "dateTimeRenderOption": "FORMATTED_STRING",
            },
        )
        rows = body.get("values", [])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise SyncFailure(
                f"Google Sheets at {self.endpoint} answered with values that are no rows.",
                code="source_malformed",
            )
        return rows


def _reason(answer: Any) -> str:
    try:
        return str(answer.json()["error"]["message"]).rstrip(".") + "."
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}."
