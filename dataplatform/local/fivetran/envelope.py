"""The form of every answer: ``{code, message, data}``, errors included, and lists in pages.

What is answered belongs to the routes.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fastapi.responses import JSONResponse

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100


class ApiError(Exception):
    """A request that is refused, in the API's words."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def answer(data: Any = None, message: str | None = None, status: int = 200) -> JSONResponse:
    """Return a successful answer."""
    body: dict[str, Any] = {"code": "Success"}
    if message is not None:
        body["message"] = message
    if data is not None:
        body["data"] = data
    return JSONResponse(body, status)


def refusal(error: ApiError) -> JSONResponse:
    """Return an error as an answer."""
    headers = dict(error.headers)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="fivetran"'
    return JSONResponse({"code": error.code, "message": error.message}, error.status, headers)


def not_found(kind: str, identifier: str) -> ApiError:
    """Return the error for something that is not there."""
    return ApiError(404, f"NotFound_{kind}", f"Cannot find {kind.lower()} with id '{identifier}'.")


def invalid(message: str) -> ApiError:
    """Return the error for a request that says something impossible."""
    return ApiError(400, "InvalidInput", message)


def conflict(message: str) -> ApiError:
    """Return the error for a request that what is there stands in the way of."""
    return ApiError(409, "Conflict", message)


def page(items: list[dict[str, Any]], cursor: str | None, limit: int | None) -> dict[str, Any]:
    """Return one page of a list; the cursor names the last item of the page before.

    If that item is gone meanwhile, the list goes on where it stood.

    Raises:
        ApiError: the cursor or the limit makes no sense.
    """
    size = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= size <= MAX_LIMIT:
        raise invalid(f"'limit' must be between 1 and {MAX_LIMIT}.")
    start = _start(items, cursor) if cursor else 0
    chosen = items[start : start + size]
    body: dict[str, Any] = {"items": chosen}
    if start + size < len(items):
        mark = f"{start + size}:{chosen[-1]['id']}"
        body["next_cursor"] = base64.urlsafe_b64encode(mark.encode()).decode()
    return body


def _start(items: list[dict[str, Any]], cursor: str) -> int:
    try:
        place, _, last = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        following = int(place)
    except (binascii.Error, ValueError) as error:
        raise invalid("'cursor' is not one this service gave.") from error
    if following < 1 or not last:
        raise invalid("'cursor' is not one this service gave.")
    for number, item in enumerate(items):
        if item["id"] == last:
            return number + 1
    return following - 1
