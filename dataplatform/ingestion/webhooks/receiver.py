"""The HTTP service that Fivetran's webhooks are sent to.

A request is read up to a limit and within a time, its signature is verified, and what it says is
put into the spool. Everything else is refused before it is looked at. An event that came before is
answered with success and changes nothing: Fivetran sends again what it believes undelivered, and
turns off a webhook that refuses for a day.
"""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dataplatform.ingestion.webhooks.signature import HEADER, age_trouble, is_signed

if TYPE_CHECKING:
    from dataplatform.ingestion.webhooks.spool import Spool

PATH = "/fivetran"
HOST = "127.0.0.1"
MAX_BODY_BYTES = 256 * 1024
READ_SECONDS = 10.0
_CONCURRENT = 64
# Sent when a webhook is made or tried; it tells of nothing, and its time may be a word.
_TESTS = frozenset({"test_event", "test"})

log = logging.getLogger("dataplatform.webhooks")


class Refused(Exception):
    """A request that is not taken, with its status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def create_app(secret: str, spool: Spool, *, read_seconds: float = READ_SECONDS) -> Starlette:
    """Return the service.

    Args:
        secret: what the events are signed with.
        spool: keeps the verified ones.
        read_seconds: the time that a request's body may take.
    """

    async def receive(request: Request) -> Response:
        try:
            return await _receive(request)
        except Refused as refusal:
            log.warning("Refused a request with %s: %s.", refusal.status, refusal)
            answer = {"status": "refused", "reason": str(refusal)}
            return JSONResponse(answer, refusal.status)

    async def _receive(request: Request) -> Response:
        raw = await _body(request, read_seconds)
        body = verified(secret, raw, request.headers.get(HEADER))
        if body["event"] in _TESTS:
            return JSONResponse({"status": "tested"})
        fresh = await run_in_threadpool(spool.put, raw, body)
        name, connection = body["event"], body.get("connector_id")
        if not fresh:
            log.warning("Left out %s of %s, which came before.", name, connection)
        return JSONResponse({"status": "received" if fresh else "came before"})

    def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[Route(PATH, receive, methods=["POST"]), Route("/health", health)],
    )


def verified(secret: str, raw: bytes, signature: str | None) -> dict[str, Any]:
    """Return what a signed body says.

    Raises:
        Refused: it is not signed with the secret, is no event, or is too old.
    """
    if not signature:
        raise Refused(401, f"the header {HEADER} is missing")
    if not is_signed(secret, raw, signature):
        raise Refused(401, "the signature is not right")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise Refused(400, "the body is no event")
    if body["event"] not in _TESTS:
        trouble = age_trouble(body.get("created"), datetime.now(UTC))
        if trouble:
            raise Refused(400, trouble)
    return body


async def _body(request: Request, seconds: float) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdigit():
        raise Refused(400, "the length is not a number")
    if int(length) > MAX_BODY_BYTES:
        raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                found += chunk
                if len(found) > MAX_BODY_BYTES:
                    raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    except TimeoutError:
        raise Refused(408, f"the body did not come within {seconds:g} s") from None
    except ClientDisconnect:
        raise Refused(400, "the body was cut off") from None
    return bytes(found)


def serve(secret: str, spool: Spool, host: str, port: int) -> None:
    """Serve until stopped."""
    import uvicorn

    uvicorn.run(
        create_app(secret, spool),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        limit_concurrency=_CONCURRENT,
        timeout_graceful_shutdown=5,
    )
