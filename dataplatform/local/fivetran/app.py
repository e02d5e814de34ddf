"""The HTTP service: authentication, error envelope, and the routes put together.

Every path but ``/health`` asks for the API key and secret by basic authentication.
"""

from __future__ import annotations

import base64
import binascii
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

from dataplatform.local.fivetran.envelope import ApiError, invalid, refusal
from dataplatform.local.fivetran.routes_connections import (
    FAMILIES,
    connection_routes,
    local_routes,
)
from dataplatform.local.fivetran.routes_groups import destination_routes, group_routes
from dataplatform.local.fivetran.routes_schemas import schema_routes
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Store

MAX_BODY_BYTES = 5_000_000


def create_app(state: Path, api_key: str, api_secret: str) -> FastAPI:
    """Return the service on a state folder.

    Args:
        state: what it remembers lives here.
        api_key: the user name that requests must bear.
        api_secret: the password that requests must bear.
    """
    store = Store(state)
    runner = Runner(store, state)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runner.start()
        yield
        runner.stop()

    app = FastAPI(title="Fivetran-compatible service", lifespan=lifespan)
    expected = f"{api_key}:{api_secret}".encode()

    @app.middleware("http")
    async def guard(request: Request, proceed: RequestResponseEndpoint) -> Response:
        if request.url.path != "/health":
            if not _authorised(request.headers.get("authorization", ""), expected):
                return refusal(ApiError(401, "AuthFailed", "The API key or secret is not right."))
            length = request.headers.get("content-length", "0")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                return refusal(ApiError(413, "RequestTooLarge", "The request is too large."))
        return await proceed(request)

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

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(group_routes(store, runner))
    app.include_router(destination_routes(store))
    for family in FAMILIES:
        app.include_router(connection_routes(store, runner, family))
        app.include_router(schema_routes(store, family))
    app.include_router(local_routes(store))
    return app


def _authorised(header: str, expected: bytes) -> bool:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, expected)
