"""Who may read the local spreadsheets: a service account of their own, or an API key's holder.

Tokens are given for assertions that the account's key has signed, as Google's token service does.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request

EMAIL = "reader@local.iam.gserviceaccount.com"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPES = {
    f"https://www.googleapis.com/auth/{name}"
    for name in ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly")
}
# What Google's own clients name as the audience, whatever address the key's file gives.
_AUDIENCE = "https://oauth2.googleapis.com/token"
_TOKEN_SECONDS = 3600


class ApiError(Exception):
    """An answer that is an error, in Google's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Readers:
    """Who may read: the service account, and whoever has the API key."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = f"{address}/token"
        self._account = folder / "service_account.json"
        self._key = folder / "api_key"
        folder.mkdir(parents=True, exist_ok=True)
        if not self._key.exists():
            _write_privately(self._key, secrets.token_urlsafe(24))
        if not self._account.exists():
            _write_privately(self._account, json.dumps(_new_account(), indent=1))
        held = json.loads(self._account.read_text(encoding="utf-8"))
        # The port may differ from the last start's.
        _write_privately(self._account, json.dumps({**held, "token_uri": self.address}, indent=1))
        self._public = _public_key(held["private_key"])
        self._tokens: dict[str, float] = {}

    def log_in(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return a token for a signed assertion.

        Raises:
            ApiError: the assertion is not the account's own, or not for this purpose.
        """
        from google.auth import exceptions, jwt

        if form.get("grant_type") != _GRANT:
            raise ApiError(400, "unsupported_grant_type")
        try:
            said = jwt.decode(  # type: ignore[no-untyped-call]
                form.get("assertion", ""), certs=self._public, audience=[self.address, _AUDIENCE]
            )
        except (exceptions.GoogleAuthError, ValueError) as error:
            raise ApiError(400, f"invalid_grant: {error}") from None
        if said.get("iss") != EMAIL:
            raise ApiError(400, "invalid_grant: not a known account")
        if not set(str(said.get("scope", "")).split()) & _SCOPES:
            raise ApiError(400, "invalid_scope: reading spreadsheets is not asked for")
        now = time.monotonic()
        token = secrets.token_urlsafe(32)
        self._tokens = {t: end for t, end in self._tokens.items() if end > now}
        self._tokens[token] = now + _TOKEN_SECONDS
        return {"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}

    def reader(self, request: Request) -> str:
        """Return who asks: the account's address, or ``public`` with the API key.

        Raises:
            ApiError: neither is shown, or it is wrong.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            if self._tokens.get(token, 0) > time.monotonic():
                return EMAIL
            raise ApiError(401, "Request had invalid authentication credentials.")
        key = request.query_params.get("key")
        if key is None:
            raise ApiError(403, "Method doesn't allow unregistered callers.")
        if not hmac.compare_digest(key.encode(), self._key.read_bytes()):
            raise ApiError(400, "API key not valid. Please pass a valid API key.")
        return "public"


def _write_privately(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


def _new_account() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "type": "service_account",
        "project_id": "local",
        "private_key_id": secrets.token_hex(8),
        "private_key": pem.decode(),
        "client_email": EMAIL,
    }


def _public_key(private: str) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    public = load_pem_private_key(private.encode(), None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
