"""The local stand-in for BigQuery, in a Python environment of its own.

Clients log in to it as they do to Google: with an access token, or with a service account's key
file, for whose signature the server gives the token out. What the server is lies in
``bigquery_server``.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from dataplatform.local.ports import HOST
from dataplatform.local.server import Server, http_status
from dataplatform.local.snowflake import environment_folder, make_environment

_CODE = Path(__file__).resolve().parents[2]
_PROGRAM = Path(__file__).with_name("bigquery_server.py")
LOCK = _CODE / "requirements-bigquery.lock"
PROJECT = "local"
_KEY_BITS = 2048


class BigQuery(Server):
    """A server that speaks BigQuery's REST API; its tables are in a file of the state folder."""

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"token": secrets.token_urlsafe(24)}

    @classmethod
    def inner_ports_wanted(cls) -> dict[str, int]:
        return {"grpc": 0}

    @property
    def key_file(self) -> Path:
        """The service account's key, readable by its owner alone."""
        return self.directory / "service-account.json"

    def prepare(self) -> None:
        super().prepare()
        make_environment("bigquery", LOCK)
        address = f"http://{HOST}:{self.port}/token"
        if self.key_file.exists():
            known = json.loads(self.key_file.read_text(encoding="utf-8"))
            if known["token_uri"] == address:
                return
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(json.dumps(_account(address), indent=2), encoding="utf-8")

    def command(self) -> list[str]:
        return [
            str(environment_folder("bigquery") / "bin" / "python"), "-P", str(_PROGRAM),
            "--state", str(self.directory), "--host", HOST, "--port", str(self.port),
            "--grpc-port", str(self.inner_ports["grpc"]), "--project", PROJECT,
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "BIGQUERY_TOKEN": self.credentials["token"]}

    def is_ready(self) -> bool:
        return http_status(self.port, "/readyz") == 200

    def record(self) -> dict[str, Any]:
        return {
            "url": f"http://{HOST}:{self.port}",
            "project": PROJECT,
            "key_file": str(self.key_file),
            **self.credentials,
        }


def _account(token_uri: str) -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "local",
        "private_key": text.decode(),
        "client_email": f"dataplatform@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
