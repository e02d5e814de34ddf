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

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


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
    headers = {"WWW-Authenticate": 'Basic realm="fivetran"'} if error.status == 401 else None
    return JSONResponse({"code": error.code, "message": error.message}, error.status, headers)


def not_found(kind: str, identifier: str) -> ApiError:
    """Return the error for something that is not there."""
    return ApiError(404, f"NotFound_{kind}", f"Cannot find {kind.lower()} with id '{identifier}'.")


def invalid(message: str) -> ApiError:
    """Return the error for a request that says something impossible."""
    return ApiError(400, "InvalidInput", message)


def page(items: list[dict[str, Any]], cursor: str | None, limit: int | None) -> dict[str, Any]:
    """Return one page of a list; the cursor names the last item of the page before.

    Raises:
        ApiError: the cursor or the limit makes no sense.
    """
    size = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= size <= MAX_LIMIT:
        raise invalid(f"'limit' must be between 1 and {MAX_LIMIT}.")
    start = 0
    if cursor:
        try:
            last = base64.urlsafe_b64decode(cursor.encode()).decode()
        except (binascii.Error, UnicodeError) as error:
            raise invalid("'cursor' is not one this service gave.") from error
        positions = [n for n, item in enumerate(items) if item["id"] == last]
        if not positions:
            raise invalid("'cursor' is not one this service gave.")
        start = positions[0] + 1
    chosen = items[start : start + size]
    body: dict[str, Any] = {"items": chosen}
    if start + size < len(items):
        body["next_cursor"] = base64.urlsafe_b64encode(chosen[-1]["id"].encode()).decode()
    return body
