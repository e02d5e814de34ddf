"""The HTTP service: authentication, budgets, error envelope, and the routes put together.

Every path but ``/health`` asks for the API key and secret by basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response

from dataplatform.local.fivetran import openapi
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import ApiError, invalid, refusal
from dataplatform.local.fivetran.events import Events
from dataplatform.local.fivetran.faults import Faults
from dataplatform.local.fivetran.faults_http import is_spared, strike
from dataplatform.local.fivetran.limits import Limits
from dataplatform.local.fivetran.platform_log import PlatformLog
from dataplatform.local.fivetran.requests import MAX_BODY_BYTES, too_large
from dataplatform.local.fivetran.routes_connections import FAMILIES, connection_routes
from dataplatform.local.fivetran.routes_destinations import destination_routes
from dataplatform.local.fivetran.routes_groups import group_routes
from dataplatform.local.fivetran.routes_local import local_routes
from dataplatform.local.fivetran.routes_metadata import metadata_routes
from dataplatform.local.fivetran.routes_schemas import schema_routes
from dataplatform.local.fivetran.routes_syncs import sync_routes
from dataplatform.local.fivetran.routes_trust import trust_routes
from dataplatform.local.fivetran.routes_webhooks import webhook_routes
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Store
from dataplatform.local.fivetran.trust import CERTIFICATE, FINGERPRINT
from dataplatform.local.fivetran.webhooks import Webhooks
from dataplatform.local.fivetran.writers import Writers

_ACCEPTED = re.compile(r"(\*/\*|application/\*|application/json(\s*;\s*version\s*=\s*[12])?)")
_QUALITY = re.compile(r"\s*;\s*(q|charset)\s*=[^;,]*", re.IGNORECASE)


def create_app(
    state: Path, api_key: str, api_secret: str, limits: dict[str, int | None] | None = None
) -> FastAPI:
    """Return the service on a state folder.

    Args:
        state: what it remembers lives here.
        api_key: the user name that requests must bear.
        api_secret: the password that requests must bear.
        limits: requests per minute by budget; none is set unless asked for.
    """
    context = _context(state, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.webhooks.start()
        context.platform_log.start()
        context.runner.start()
        yield
        context.runner.stop()
        context.platform_log.stop()
        context.webhooks.stop()

    app = FastAPI(
        title="Fivetran-compatible service",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    _guard(app, context, f"{api_key}:{api_secret}".encode())
    _envelopes(app)

    @app.get("/health", tags=["Local"])
    def health() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(group_routes(context))
    app.include_router(metadata_routes())
    app.include_router(webhook_routes(context))
    app.include_router(local_routes(context))
    for kind in (CERTIFICATE, FINGERPRINT):
        app.include_router(trust_routes(context, "/v1/destinations", "destination", kind))
    app.include_router(destination_routes(context))
    for family in FAMILIES:
        for kind in (CERTIFICATE, FINGERPRINT):
            app.include_router(trust_routes(context, family, "connection", kind))
        app.include_router(sync_routes(context, family))
        app.include_router(schema_routes(context, family))
        app.include_router(connection_routes(context, family))
    return app


def _context(state: Path, limits: dict[str, int | None] | None) -> Context:
    store = Store(state)
    events, faults = Events(), Faults()
    writers = Writers()
    webhooks, log = Webhooks(store), PlatformLog(store, state, writers)
    events.listen(webhooks.hear)
    events.listen(log.hear)
    runner = Runner(store, state, events=events, faults=faults, writers=writers)
    return Context(store, runner, events, webhooks, log, faults, Limits(limits))


def _guard(app: FastAPI, context: Context, expected: bytes) -> None:
    @app.middleware("http")
    async def guard(request: Request, proceed: RequestResponseEndpoint) -> Response:
        path = request.url.path
        if path == "/health":
            return await proceed(request)
        try:
            _admit(request, expected)
            spent = {} if is_spared(path) else context.limits.spend(request.method, path)
        except ApiError as error:
            return refusal(error)
        answer = await strike(context.faults, request, proceed)
        answer.headers.update(spent)
        return answer


def _admit(request: Request, expected: bytes) -> None:
    """Refuse a request that is not to be looked at any further.

    Raises:
        ApiError: it is not authorised, too large, or wants an answer of another kind.
    """
    if not _authorised(request.headers.get("authorization", ""), expected):
        raise ApiError(401, "AuthFailed", "The API key or secret is not right.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > MAX_BODY_BYTES:
        raise too_large()
    accepted = _QUALITY.sub("", request.headers.get("accept", "*/*"))
    if not any(_ACCEPTED.fullmatch(kind.strip()) for kind in accepted.split(",")):
        text = "Answers are application/json, in version 1 or 2 of the API."
        raise ApiError(406, "NotAcceptable", text)


def _envelopes(app: FastAPI) -> None:
    """Give every error the form of the API's answers."""

    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> JSONResponse:
        return refusal(error)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "Error")
        where = f"{request.method} {request.url.path}"
        return refusal(ApiError(error.status_code, code, f"{where}: {error.detail}"))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return refusal(invalid(f"{first['loc'][-1]!r}: {first['msg']}."))

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> JSONResponse:
        return refusal(ApiError(500, "InternalError", f"{type(error).__name__}"))


def _authorised(header: str, expected: bytes) -> bool:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, expected)
