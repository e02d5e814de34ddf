"""Reading requests: bodies within a size and a time, and the documents that paths name.

What a body may say is in ``fields``; what is answered belongs to the routes.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from fastapi import Request
from starlette.requests import ClientDisconnect

from dataplatform.local.fivetran.envelope import ApiError, invalid, not_found
from dataplatform.local.fivetran.fields import Fields, checked
from dataplatform.local.fivetran.store import Document, Store

MAX_BODY_BYTES = 5_000_000
BODY_SECONDS = 30.0


def too_large() -> ApiError:
    """Return the error for a body over the limit."""
    return ApiError(413, "RequestTooLarge", "The request is too large.")


async def _raw(request: Request) -> bytes:
    # A body without a length (chunked) is counted as it comes.
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                found += chunk
                if len(found) > MAX_BODY_BYTES:
                    raise too_large()
    except TimeoutError as error:
        text = f"The request's body did not come within {BODY_SECONDS:g} s."
        raise ApiError(408, "RequestTimeout", text) from error
    except ClientDisconnect as error:
        raise invalid("The request's body was cut off.") from error
    return bytes(found)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


async def json_of(request: Request) -> Any:
    """Return what a request's body says; an empty one says ``{}``.

    Raises:
        ApiError: it is no JSON, too large or too slow.
    """
    raw = await _raw(request)
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        # Half a surrogate pair can be read but never be stored or answered.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid("The request's body is not valid JSON.") from error
    return value


async def body_of(request: Request, fields: Fields | None = None) -> Document:
    """Return a request's body.

    Args:
        request: the request.
        fields: what it may say; None if the route itself looks.

    Raises:
        ApiError: it is not a JSON object, or says what it may not.
    """
    body = await json_of(request)
    if not isinstance(body, dict):
        raise invalid("The request's body must be a JSON object.")
    return body if fields is None else checked(body, fields)


def find(store: Store, kind: str, identifier: str) -> Document:
    """Return a document.

    Raises:
        ApiError: there is none.
    """
    document = store.get(kind, identifier)
    if document is None:
        raise not_found(kind.capitalize(), identifier)
    return document
