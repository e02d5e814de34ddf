"""A bucket of Google Cloud Storage, or of a server that speaks its JSON API.

``secret_key`` holds a service account's key as JSON text; without it a bucket is read as the
public may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.buckets import Object
from dataplatform.local.fivetran.services.google_account import account_info

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_only",)
_TIMEOUT_SECONDS = (10.0, 60.0)
_RETRIED_SECONDS = 30.0


class GcsBucket:
    """One bucket, opened when first needed."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.name = str(config["bucket"])
        self.config = config
        self._bucket_held: Any = None

    @property
    def _bucket(self) -> Any:
        if self._bucket_held is None:
            from google.auth.credentials import AnonymousCredentials
            from google.cloud import storage
            from google.oauth2 import service_account

            info = account_info(self.config)
            endpoint = self.config.get("endpoint")
            credentials: Any = AnonymousCredentials()  # type: ignore[no-untyped-call]
            if info is not None:
                credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                    info, scopes=_SCOPES
                )
            client = storage.Client(
                project=(info or {}).get("project_id") or "none",
                credentials=credentials,
                client_options={"api_endpoint": str(endpoint).rstrip("/")} if endpoint else None,
            )
            self._bucket_held = client.bucket(self.name)
        return self._bucket_held

    @property
    def _retry(self) -> Any:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(_RETRIED_SECONDS)

    def _failure(self, error: Exception) -> SyncFailure:
        from google.api_core.exceptions import Forbidden, NotFound, Unauthorized
        from google.auth.exceptions import RefreshError

        where = f"Bucket {self.name!r} at {self.config.get('endpoint') or 'Google Cloud Storage'}"
        if isinstance(error, Forbidden | Unauthorized | RefreshError):
            return SyncFailure(
                f"{where} refuses the credentials ({type(error).__name__}).",
                code="credentials_rejected",
                broken=True,
            )
        if isinstance(error, NotFound):
            return SyncFailure(f"{where} does not exist.", code="source_missing")
        return SyncFailure(f"{where} cannot be read: {error}", code="source_unreachable")

    def listed(self, prefix: str) -> list[Object]:
        try:
            blobs = self._bucket.client.list_blobs(
                self._bucket, prefix=prefix or None, timeout=_TIMEOUT_SECONDS, retry=self._retry
            )
            return [
                Object(blob.name, str(blob.generation), blob.updated.isoformat()) for blob in blobs
            ]
        except SyncFailure:
            raise
        except _errors() as error:
            raise self._failure(error) from error

    def fetch(self, key: str, path: Path, first: int | None = None) -> bool:
        from google.api_core.exceptions import NotFound, RequestRangeNotSatisfiable

        try:
            blob = self._bucket.blob(key)
            blob.download_to_filename(
                str(path),
                end=None if first is None else first - 1,
                raw_download=True,
                timeout=_TIMEOUT_SECONDS,
                retry=self._retry,
            )
        except NotFound:
            return False
        except RequestRangeNotSatisfiable:
            # There is no beginning of an empty object.
            path.write_bytes(b"")
        except _errors() as error:
            raise self._failure(error) from error
        return True


def _errors() -> tuple[type[Exception], ...]:
    """Return what Google's clients raise when a bucket cannot be read."""
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    return (GoogleAPIError, GoogleAuthError, requests.RequestException, ValueError)
