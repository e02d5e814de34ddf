"""Secrets in Google's Secret Manager: a small server of ours that checks what it is sent.

It takes a log-in only if its assertion is signed with the account's key, and a read only with the
token that it gave.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.errors import UserError
from dataplatform.secret_stores.google import GoogleSecrets
from dataplatform.secret_stores.stored import StoreSilent

#: Whom google-auth signs an assertion for, wherever it sends it.
AUDIENCE = "https://oauth2.googleapis.com/token"
SECRETS = {
    "projects/acme/secrets/warehouse/versions/latest": b'{"password": "p-1"}',
    "projects/acme/secrets/warehouse/versions/1": b"p-0",
}


@dataclass
class Google:
    """The server, the account's key file, and how often somebody logged in."""

    url: str
    key_file: Path
    logins: list[str] = field(default_factory=list)


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    found = Google("", tmp_path / "key.json")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            try:
                said = jwt.decode(form["assertion"][0], certs=public, audience=AUDIENCE)
            except ValueError:
                return self._say(400, {"error": "invalid_grant"})
            found.logins.append(str(said["iss"]))
            self._say(200, {"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"})

        def do_GET(self) -> None:
            if self.headers["Authorization"] != "Bearer token-1":
                return self._say(401, {"error": {"status": "UNAUTHENTICATED"}})
            name = self.path.removeprefix("/v1/")
            if name == "projects/acme/secrets":
                return self._say(200, {"secrets": [{"name": "projects/1/secrets/warehouse"}]})
            if name.startswith("projects/other/"):
                return self._say(403, {"error": {"status": "PERMISSION_DENIED"}})
            if name.startswith("projects/full/"):
                return self._say(429, {"error": {"status": "RESOURCE_EXHAUSTED"}})
            held = SECRETS.get(name.removesuffix(":access"))
            if held is None:
                return self._say(404, {"error": {"status": "NOT_FOUND"}})
            self._say(200, {"payload": {"data": base64.b64encode(held).decode()}})

        def _say(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    account = {
        "type": "service_account",
        "client_email": "platform@acme.example",
        "private_key": private.decode(),
        "private_key_id": "1",
        "token_uri": found.url + "/token",
    }
    found.key_file.write_text(json.dumps(account))
    yield found
    server.shutdown()
    server.server_close()


def store(google: Google) -> GoogleSecrets:
    return GoogleSecrets({"credentials_file": str(google.key_file), "endpoint": google.url})


def test_a_secret_is_read_with_one_log_in(
    google: Google, environment_with: Callable[..., Environment]
) -> None:
    section = f"secrets:\n  gcp: {{credentials_file: {google.key_file}, endpoint: {google.url}}}"
    made = environment_with("${gcp:projects/acme/secrets/warehouse#password}", section)
    assert made.resolve_all(made.warehouse)["password"] == "p-1"
    assert made.resolve("${gcp:projects/acme/secrets/warehouse/versions/1}") == "p-0"
    assert google.logins == ["platform@acme.example"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "projects/acme/secrets/warehous",
            "has no secret 'projects/acme/secrets/warehous'. Did you mean 'warehouse'?",
        ),
        ("projects/other/secrets/x", "the account lacks roles/secretmanager.secretAccessor"),
        ("projects/full/secrets/x", "after 3 tries: it answers HTTP 429 (too many requests)."),
    ],
)
def test_a_refusal_is_a_sentence(google: Google, path: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        store(google).read(path)
    assert told in str(caught.value)


def test_a_key_that_the_account_does_not_have(google: Google) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = json.loads(google.key_file.read_text())
    google.key_file.write_text(json.dumps({**account, "private_key": other.decode()}))
    with pytest.raises(UserError, match=r"its key is wrong or revoked \(invalid_grant\)"):
        store(google).read("projects/acme/secrets/warehouse")


def test_a_file_that_is_no_key(google: Google) -> None:
    google.key_file.write_text("{}")
    with pytest.raises(UserError, match=r"key\.json is no key file of a Google service account"):
        store(google).read("projects/acme/secrets/warehouse")


def test_a_log_in_that_nobody_answers(google: Google) -> None:
    account = json.loads(google.key_file.read_text())
    account["token_uri"] = "http://127.0.0.1:9/token"
    google.key_file.write_text(json.dumps(account))
    with pytest.raises(StoreSilent, match="Google's log-in does not answer"):
        store(google).read("projects/acme/secrets/warehouse")
