"""Faults of requests, applied where an answer leaves the service.

A fault strikes a request that is otherwise right; it never touches ``/health`` and the service's
own routes, so that one can always look and put an end to it. Which faults wait is in ``faults``.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dataplatform.local.fivetran.envelope import ApiError, refusal
from dataplatform.local.fivetran.faults import REQUEST_KINDS, Fault, Faults
from dataplatform.local.fivetran.limits import too_many
from dataplatform.local.fivetran.store import moment_of, stamp

# Where the server that runs the service tells how to cut a connection.
_RESET = "dataplatform.reset"
_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')

Proceed = Callable[[Request], Any]


def resettable(app: ASGIApp) -> ASGIApp:
    """Return an application that can cut the connection of a request, as a failing network does.

    Works on the server's own transport, so it wraps what the server is given to run.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] == "http" and transport is not None:
            scope[_RESET] = lambda: _cut(transport)
        await app(scope, receive, send)

    return run


def _cut(transport: Any) -> None:
    plain = transport.get_extra_info("socket")
    if plain is not None:
        # Without lingering, closing sends a reset and not the end of the stream.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def is_spared(path: str) -> bool:
    """Tell whether faults and budgets leave a path alone."""
    return path == "/health" or path.startswith("/v1/local/")


async def strike(faults: Faults, request: Request, proceed: Proceed) -> Response:
    """Answer a request, with whatever misfortune waits for it."""
    subject = f"{request.method} {request.url.path}"
    fault = None
    if not is_spared(request.url.path):
        fault = faults.take_any(REQUEST_KINDS, subject)
    if fault is None:
        return await _proceed(request, proceed)
    if fault.kind == "rate_limit":
        return refusal(too_many(max(1, math.ceil(fault.seconds))))
    if fault.kind == "error_500":
        return refusal(ApiError(500, "InternalServerError", "Something went wrong."))
    if fault.kind == "reset":
        reset = request.scope.get(_RESET)
        if reset is None:
            raise ConnectionResetError("the connection is cut on request")
        reset()
        await asyncio.sleep(0.05)  # The server notices that nobody is there to be answered.
        return Response()
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return await _proceed(request, proceed)
    return await _spoiled(fault, await _proceed(request, proceed))


async def _proceed(request: Request, proceed: Proceed) -> Response:
    answer: Response = await proceed(request)
    return answer


async def _spoiled(fault: Fault, answer: Any) -> Response:
    body = b"".join([chunk async for chunk in answer.body_iterator])
    headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
    if fault.kind == "malformed":
        body = body[: max(1, len(body) // 2)]
    elif fault.kind == "clock_skew":
        body = _TIME.sub(lambda found: _shifted(found[1], fault.seconds), body)
    elif answer.status_code == 200:
        return JSONResponse(_looping(json.loads(body)))
    return Response(body, answer.status_code, headers)


def _shifted(text: bytes, seconds: float) -> bytes:
    return b'"' + stamp(moment_of(text.decode()) + timedelta(seconds=seconds)).encode() + b'"'


def _looping(body: Any) -> Any:
    """Return a list's page whose cursor leads back to the same page, for ever."""
    data = body.get("data")
    if isinstance(data, dict) and "items" in data:
        data["next_cursor"] = "MTpub3doZXJl"  # After the first item, which is not there.
    return body
