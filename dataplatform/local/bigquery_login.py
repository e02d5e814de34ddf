"""Who is let in by the local stand-in for BigQuery; the emulator lets in everybody.

Run beside ``bigquery_server``, in the same environment.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import bqemulator.server as server
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_TOKEN_SECONDS = 3600
# For whom Google's clients sign, wherever the token comes from.
_AUDIENCE = "https://oauth2.googleapis.com/token"
# What is asked without a token: whether the server is up.
_OPEN = ("/readyz", "/healthz")


class Login:
    """Answers as Google does: a token for a signed request, and 401 without the token.

    Args:
        app: what is behind it.
        token: the one that is given out.
        account: the service account whose signature is known.
    """

    def __init__(self, app: Any, token: str, account: dict[str, str]) -> None:
        self._app, self._token, self._account = app, token, account
        key = load_pem_private_key(account["private_key"].encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("a service account signs by RSA")
        self._known = key.public_key()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = await self._answer(Request(scope, receive)) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        if request.url.path == "/token":
            return self._give(dict(parse_qsl((await request.body()).decode())))
        known = request.headers.get("authorization", "") == f"Bearer {self._token}"
        if known or request.url.path in _OPEN:
            return None
        error = {"code": 401, "message": "Request had invalid authentication credentials."}
        return JSONResponse({"error": {**error, "status": "UNAUTHENTICATED"}}, 401)

    def _give(self, asked: dict[str, str]) -> Response:
        try:
            jwt.decode(
                asked.get("assertion", ""),
                self._known,
                algorithms=["RS256"],
                audience=_AUDIENCE,
            )
        except jwt.InvalidTokenError as error:
            return JSONResponse({"error": "invalid_grant", "error_description": str(error)}, 400)
        given = {"access_token": self._token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}
        return JSONResponse(given)


def repair_login(token: str, account: dict[str, str]) -> None:
    """Let in who has the token; the emulator lets in everybody."""
    create = server.create_app

    def made(context: Any) -> Any:
        app = create(context)
        app.add_middleware(Login, token=token, account=account)
        return app

    server.create_app = made
