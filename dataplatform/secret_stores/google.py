"""Google's Secret Manager, over its REST API; google-auth holds and renews the access token."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dataplatform.declarations.errors import nearest
from dataplatform.secret_stores.http import ask
from dataplatform.secret_stores.stored import SecretError, Stored, StoreSilent, from_text

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_WHAT = "Google's Secret Manager"


class GoogleSecrets:
    """The secrets of Google's projects.

    Args:
        settings: the resolved ``secrets.gcp`` block.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._file = settings.get("credentials_file")
        self._endpoint = str(
            settings.get("endpoint") or "https://secretmanager.googleapis.com"
        ).rstrip("/")
        self._credentials: Any = None

    def read(self, path: str) -> Stored:
        """Read a secret, its newest version unless the path names one."""
        versioned = path if "/versions/" in path else f"{path}/versions/latest"
        status, body = self._get(f"{versioned}:access")
        if status == 200:
            return Stored(from_text(base64.b64decode(body["payload"]["data"]).decode()))
        name = path.split("/versions/")[0]
        if status == 404:
            raise SecretError(f"{_WHAT} has no secret {path!r}.{self._near(name)}")
        if status == 403:
            raise SecretError(
                f"{_WHAT} refuses the secret {path!r}: the account lacks "
                "roles/secretmanager.secretAccessor on it."
            )
        if status == 401:
            raise SecretError(f"{_WHAT} does not know the account: its key is wrong or revoked.")
        told = str((body.get("error") or {}).get("status") or f"HTTP {status}")
        raise SecretError(f"{_WHAT} does not give the secret {path!r} ({told}).")

    def _near(self, name: str) -> str:
        project, _, last = name.rpartition("/secrets/")
        status, body = self._get(f"{project}/secrets")
        listed = body.get("secrets") or [] if status == 200 else []
        return nearest(last, [str(one["name"]).rpartition("/")[2] for one in listed])

    def _get(self, place: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        return ask(_WHAT, "GET", f"{self._endpoint}/v1/{quote(place, safe='/:')}", headers)

    def _token(self) -> str:
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        if self._credentials is None:
            self._credentials = _from_file(self._file) if self._file else _from_defaults()
        try:
            if not self._credentials.valid:
                self._credentials.refresh(Request())
        except exceptions.RefreshError as error:
            raise SecretError(
                f"{_WHAT} does not know the account: its key is wrong or revoked ({_short(error)})."
            ) from None
        except exceptions.TransportError:
            raise StoreSilent(
                f"{_WHAT} cannot be reached: Google's log-in does not answer."
            ) from None
        return str(self._credentials.token)


def _from_file(path: str) -> Any:
    from google.oauth2 import service_account

    try:
        return service_account.Credentials.from_service_account_file(path, scopes=[_SCOPE])
    except (OSError, ValueError):
        raise SecretError(f"{path} is no key file of a Google service account.") from None


def _from_defaults() -> Any:
    import google.auth
    from google.auth import exceptions

    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except exceptions.DefaultCredentialsError:
        raise SecretError(
            f"{_WHAT} is given no account: set credentials_file under secrets.gcp, or run "
            "`gcloud auth application-default login`."
        ) from None


def _short(error: Exception) -> str:
    # The second part of the error is the server's answer, which may repeat what was sent.
    return str(error.args[0]).split(":")[0] if error.args else type(error).__name__
