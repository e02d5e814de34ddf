"""HashiCorp Vault and OpenBao, over their HTTP API: a token or an AppRole, KV of either version.

A path is written as ``vault kv get`` takes it: the mount, then the secret's name.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dataplatform.declarations.errors import nearest
from dataplatform.secret_stores.http import ask
from dataplatform.secret_stores.stored import SecretError, Stored, as_text

#: A token is renewed when less than this part of its time is left.
RENEWED_BELOW = 0.5


class Vault:
    """One vault, and the token that opens it.

    Args:
        settings: the resolved ``secrets.vault`` block.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._address = str(settings["address"]).rstrip("/")
        self._settings = settings
        self._what = f"The vault at {self._address}"
        self._token = ""
        self._until = self._since = 0.0
        self._renewable = False
        #: The mounts that were asked for so far, with the version of their KV store.
        self._mounts: dict[str, int] = {}

    def read(self, path: str) -> Stored:
        """Read a secret with all its keys."""
        path = path.strip("/")
        mount, version = self._mount_of(path)
        name = path[len(mount) :]
        place = f"{mount}data/{name}" if version == 2 else path
        status, body = self._ask("GET", place)
        if status == 404:
            raise SecretError(
                f"{self._what} has no secret {path!r}.{self._near(mount, version, name)}"
            )
        if status != 200:
            raise self._refused(status, path, place)
        data = body.get("data") or {}
        values = data.get("data") if version == 2 else data
        if not isinstance(values, dict):
            raise SecretError(f"{self._what} has deleted the newest version of {path!r}.")
        # A store of version 1 says how often a secret is to be read anew; one of version 2 says 0.
        lease = float(body.get("lease_duration") or 0)
        return Stored({str(key): as_text(value) for key, value in values.items()}, lease or None)

    def _mount_of(self, path: str) -> tuple[str, int]:
        for mount, version in self._mounts.items():
            if path.startswith(mount):
                return mount, version
        status, body = self._ask("GET", f"sys/internal/ui/mounts/{path}")
        data = body.get("data") or {}
        if status != 200 or not data.get("path"):
            raise self._refused(status, path, path)
        mount = str(data["path"])
        version = int((data.get("options") or {}).get("version") or 1)
        self._mounts[mount] = version
        return mount, version

    def _near(self, mount: str, version: int, name: str) -> str:
        folder, _, last = name.rpartition("/")
        kind = "metadata/" if version == 2 else ""
        status, body = self._ask("LIST", f"{mount}{kind}{folder}")
        keys = (body.get("data") or {}).get("keys") or [] if status == 200 else []
        return nearest(last, [str(key).rstrip("/") for key in keys])

    def _refused(self, status: int, path: str, place: str) -> SecretError:
        if status != 403:
            return SecretError(f"{self._what} does not give {path!r}: it answers HTTP {status}.")
        known, _ = self._send("GET", "auth/token/lookup-self")
        if known == 403:
            return SecretError(f"{self._what} does not know the token: it is wrong or has expired.")
        return SecretError(
            f"{self._what} refuses the secret {path!r}: either there is no such mount, or the "
            f"token's policy lacks 'read' on {place!r}."
        )

    def _ask(self, method: str, place: str) -> tuple[int, dict[str, Any]]:
        self._open()
        status, body = self._send(method, place)
        if status == 403 and self._settings.get("role_id"):
            # The token may have been revoked before its time: an AppRole simply logs in again.
            self._log_in()
            status, body = self._send(method, place)
        return status, body

    def _send(
        self, method: str, place: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"X-Vault-Token": self._token, "X-Vault-Request": "true"}
        if self._settings.get("namespace"):
            headers["X-Vault-Namespace"] = str(self._settings["namespace"])
        url = f"{self._address}/v1/{quote(place)}"
        return ask(self._what, method, url, headers, body)

    def _open(self) -> None:
        now = time.monotonic()
        if not self._token:
            if self._settings.get("role_id"):
                self._log_in()
            else:
                self._token = str(self._settings.get("token") or "")
                if not self._token:
                    raise SecretError(f"{self._what} is given no token: set it.")
                _, body = self._send("GET", "auth/token/lookup-self")
                data = body.get("data") or {}
                self._keep(float(data.get("ttl") or 0), bool(data.get("renewable")))
        elif self._until and now > self._since + (self._until - self._since) * RENEWED_BELOW:
            self._renew()

    def _renew(self) -> None:
        if self._renewable:
            status, body = self._send("POST", "auth/token/renew-self", {})
            auth = body.get("auth") or {}
            if status == 200 and auth:
                self._keep(float(auth.get("lease_duration") or 0), bool(auth.get("renewable")))
                return
        if self._settings.get("role_id"):
            self._log_in()
        else:
            # Nothing more can be done with a given token: its last use will be refused.
            self._until = 0.0

    def _log_in(self) -> None:
        self._token = ""
        login = {name: self._settings[name] for name in ("role_id", "secret_id")}
        status, body = self._send("POST", f"auth/{self._settings['approle']}/login", login)
        auth = body.get("auth") or {}
        if status != 200 or not auth.get("client_token"):
            raise SecretError(
                f"{self._what} refuses the AppRole: role_id or secret_id is wrong or has expired."
            )
        self._token = str(auth["client_token"])
        self._keep(float(auth.get("lease_duration") or 0), bool(auth.get("renewable")))

    def _keep(self, seconds: float, renewable: bool) -> None:
        self._since = time.monotonic()
        self._until = self._since + seconds if seconds else 0.0
        self._renewable = renewable
