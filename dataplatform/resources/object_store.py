"""The object store behind the lake: any server that speaks S3.

What is stored, and under which names, is the business of the rooms. Writing is either
``put_if_absent`` (raw objects never change) or a whole replacement (readers see old or new).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.resources.object_store_errors import reason_of

_MULTIPART_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class StoredObject:
    """One object of a bucket.

    Attributes:
        layer: ``raw``, ``staging`` or ``curated``.
        key: the object's name in its bucket.
        size: bytes.
        modified: when it was last written, UTC.
        metadata: what was stored beside it; empty in listings.
    """

    layer: str
    key: str
    size: int
    modified: datetime
    metadata: Mapping[str, str]


class ObjectStore:
    """The lake's buckets by layer.

    Args:
        settings: gives the resolved ``lake`` block when it is first needed.
    """

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._load = settings

    @cached_property
    def _settings(self) -> Mapping[str, Any]:
        return self._load()

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = self._settings
        return boto3.client(
            "s3",
            endpoint_url=settings.get("endpoint") or None,
            region_name=settings.get("region") or None,
            aws_access_key_id=settings.get("access_key") or None,
            aws_secret_access_key=settings.get("secret_key") or None,
            config=Config(
                connect_timeout=10,
                read_timeout=120,
                retries={"max_attempts": 4, "mode": "standard"},
                # Names of local servers do not resolve with a bucket in front of them.
                s3={"addressing_style": "path" if settings.get("endpoint") else "auto"},
            ),
        )

    def bucket(self, layer: str) -> str:
        """Return the bucket of a layer.

        Raises:
            UserError: the environment declares no bucket for the layer.
        """
        buckets = self._settings["buckets"]
        if layer not in buckets:
            raise UserError(
                f"The lake has no layer {layer!r}: it has {', '.join(sorted(buckets))}."
                f"{nearest(layer, buckets)}"
            )
        return str(buckets[layer])

    def uri(self, layer: str, key: str) -> str:
        """Return the object's address, for example ``s3://bucket/key``."""
        return f"s3://{self.bucket(layer)}/{key}"

    def ensure_buckets(self) -> list[str]:
        """Make the buckets that do not exist yet and return their names."""
        made = []
        with self._sentence("make its buckets"):
            for bucket in dict.fromkeys(self._settings["buckets"].values()):
                if not self._bucket_exists(bucket):
                    self._client.create_bucket(Bucket=bucket)
                    made.append(str(bucket))
        return made

    def _bucket_exists(self, bucket: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if _status(error) == 404:
                return False
            raise
        return True

    def put_if_absent(
        self, layer: str, key: str, body: bytes, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Store an object unless one of that name exists.

        Returns:
            True where it was stored, False where one existed (which stays as it is).
        """
        from botocore.exceptions import ClientError

        with self._sentence(f"store {key}"):
            try:
                self._client.put_object(
                    Bucket=self.bucket(layer),
                    Key=key,
                    Body=body,
                    IfNoneMatch="*",
                    Metadata=dict(metadata or {}),
                )
            except ClientError as error:
                # 409: another writer is storing the same name at this moment.
                if _status(error) in (409, 412):
                    return False
                raise
        return True

    def put_file(
        self, layer: str, key: str, path: Path, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Store a local file, replacing the object as a whole: readers see old or new."""
        from boto3.s3.transfer import TransferConfig

        with self._sentence(f"store {key}"):
            self._client.upload_file(
                str(path),
                self.bucket(layer),
                key,
                ExtraArgs={"Metadata": dict(metadata or {})},
                Config=TransferConfig(multipart_threshold=_MULTIPART_BYTES),
            )

    def get(self, layer: str, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            UserError: there is no such object, or the store cannot be reached.
        """
        with self._sentence(f"read {key}"):
            answer = self._client.get_object(Bucket=self.bucket(layer), Key=key)
            return bytes(answer["Body"].read())

    def download(self, layer: str, key: str, path: Path) -> None:
        """Write an object to a local file."""
        with self._sentence(f"read {key}"):
            self._client.download_file(self.bucket(layer), key, str(path))

    def sha256(self, layer: str, key: str) -> str:
        """Return the SHA-256 of an object's bytes, read in pieces."""
        with self._sentence(f"read {key}"):
            body = self._client.get_object(Bucket=self.bucket(layer), Key=key)["Body"]
            hashed = hashlib.sha256()
            for piece in body.iter_chunks(1 << 20):
                hashed.update(piece)
        return hashed.hexdigest()

    def head(self, layer: str, key: str) -> StoredObject | None:
        """Return what is known of an object, or None where there is none."""
        from botocore.exceptions import ClientError

        with self._sentence(f"look up {key}"):
            try:
                answer = self._client.head_object(Bucket=self.bucket(layer), Key=key)
            except ClientError as error:
                if _status(error) == 404:
                    return None
                raise
        return StoredObject(
            layer, key, answer["ContentLength"], answer["LastModified"], answer["Metadata"]
        )

    def delete(self, layer: str, key: str) -> None:
        """Delete an object; one that is not there is no mistake."""
        with self._sentence(f"delete {key}"):
            self._client.delete_object(Bucket=self.bucket(layer), Key=key)

    def exists(self, layer: str, key: str) -> bool:
        """Return whether there is an object of that name."""
        return self.head(layer, key) is not None

    def list(self, layer: str, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects of a layer whose names begin with a prefix, sorted by name."""
        with self._sentence(f"list {layer}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket(layer), Prefix=prefix
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield StoredObject(layer, item["Key"], item["Size"], item["LastModified"], {})

    def _sentence(self, doing: str) -> _Sentence:
        return _Sentence(self._settings.get("endpoint") or "Amazon S3", doing)


class _Sentence:
    """Turns what boto3 raises into one sentence."""

    def __init__(self, where: str, doing: str) -> None:
        self.where, self.doing = where, doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, (UserError, GeneratorExit)):
            return
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, (BotoCoreError, ClientError)) or "boto3" in type(error).__module__:
            raise UserError(
                f"The object store at {self.where} could not {self.doing}: {reason_of(error)}"
            ) from error


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def open_object_store(project: Any) -> ObjectStore:
    """Return the object store of a project's environment; nothing is contacted yet."""
    environment = project.environment
    return ObjectStore(lambda: environment.resolve_all(environment.lake.model_dump()))
