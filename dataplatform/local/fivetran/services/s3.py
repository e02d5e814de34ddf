"""A bucket of S3, or of a server that speaks its API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.buckets import Object

_REFUSALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403"}
_MISSING = {"NoSuchKey", "404"}


class S3Bucket:
    """One bucket, opened when first needed."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.name = str(config["bucket"])
        self.config = config
        self._client_held: Any = None

    @property
    def _client(self) -> Any:
        if self._client_held is None:
            import boto3
            from botocore.config import Config

            self._client_held = boto3.client(
                "s3",
                endpoint_url=self.config.get("endpoint") or None,
                region_name=self.config.get("region") or "us-east-1",
                aws_access_key_id=self.config.get("access_key_id") or None,
                aws_secret_access_key=self.config.get("secret_access_key") or None,
                config=Config(
                    connect_timeout=10,
                    read_timeout=60,
                    retries={"max_attempts": 3},
                    s3={"addressing_style": "path"} if self.config.get("endpoint") else None,
                ),
            )
        return self._client_held

    def _failure(self, error: Exception) -> SyncFailure:
        where = f"Bucket {self.name!r} at {self.config.get('endpoint') or 'S3'}"
        code = _code(error)
        if code in _REFUSALS:
            return SyncFailure(
                f"{where} refuses the credentials ({code}).",
                code="credentials_rejected",
                broken=True,
            )
        if code in ("NoSuchBucket", "404"):
            return SyncFailure(f"{where} does not exist.", code="source_missing")
        return SyncFailure(f"{where} cannot be read: {error}", code="source_unreachable")

    def listed(self, prefix: str) -> list[Object]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix
            )
            return [
                Object(item["Key"], item["ETag"].strip('"'), item["LastModified"].isoformat())
                for page in pages
                for item in page.get("Contents", [])
            ]
        except (BotoCoreError, ClientError, ValueError) as error:
            raise self._failure(error) from error

    def fetch(self, key: str, path: Path, first: int | None = None) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if first is None:
                self._client.download_file(self.name, key, str(path))
            else:
                # Not a range, which an empty object has none of.
                body = self._client.get_object(Bucket=self.name, Key=key)["Body"]
                path.write_bytes(body.read(first))
                body.close()
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _MISSING:
                return False
            raise self._failure(error) from error
        return True


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
