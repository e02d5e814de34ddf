"""Files in a bucket of S3, or of a server that speaks its API, as a source.

Objects are listed; those that are new or have changed since the last sync are read before the
warehouse is locked. Rows with a declared key are kept once, as the latest file has them; without
one, file and line are the key. Reading formats is in ``file_rows``, collecting rows in
``staging``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import SetupTest, SyncFailure, Table, TableResult
from dataplatform.local.fivetran.naming import fivetran_name
from dataplatform.local.fivetran.services.file_rows import file_type, read_rows
from dataplatform.local.fivetran.services.staging import FILE, Staging

_SAMPLE_ROWS = 200
_REFUSALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403"}


@dataclass(frozen=True)
class Object:
    """One object of the bucket."""

    key: str
    etag: str
    modified: str

    @property
    def version(self) -> str:
        return f"{self.etag} {self.modified}"


class S3Service:
    """One bucket."""

    def __init__(self, schema: str, config: dict[str, Any]) -> None:
        self.schema = schema
        self.bucket = str(config["bucket"])
        self.prefix = str(config.get("prefix") or "").lstrip("/")
        self.config = config
        self.files: list[dict[str, Any]] = _checked(schema, config["files"])
        self._staged: dict[str, Staging] = {}
        self._objects: dict[str, dict[str, str]] = {}
        self._client_held: Any = None
        self._listed: list[Object] | None = None

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
        where = f"Bucket {self.bucket!r} at {self.config.get('endpoint') or 'S3'}"
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if code in _REFUSALS:
            return SyncFailure(
                f"{where} refuses the credentials ({code}).",
                code="credentials_rejected",
                broken=True,
            )
        if code in ("NoSuchBucket", "404"):
            return SyncFailure(f"{where} does not exist.", code="source_missing")
        return SyncFailure(f"{where} cannot be read: {error}", code="source_unreachable")

    def _list(self) -> list[Object]:
        """Return all objects under the prefix, oldest first."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self._listed is None:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            try:
                found = [
                    Object(
                        item["Key"],
                        item["ETag"].strip('"'),
                        item["LastModified"].isoformat(),
                    )
                    for page in pages
                    for item in page.get("Contents", [])
                    if not item["Key"].endswith("/")
                ]
            except (BotoCoreError, ClientError) as error:
                raise self._failure(error) from error
            self._listed = sorted(found, key=lambda o: (o.modified, o.key))
        return self._listed

    def _matching(self, entry: dict[str, Any]) -> list[Object]:
        pattern = re.compile(entry.get("file_pattern") or ".*")
        return [
            o
            for o in self._list()
            if pattern.fullmatch(o.key) or pattern.fullmatch(o.key[len(self.prefix) :].lstrip("/"))
        ]

    def test(self) -> list[SetupTest]:
        title = "Listing the bucket"
        try:
            self._list()
        except SyncFailure as error:
            return [SetupTest(title, "FAILED", str(error), broken=error.broken)]
        return [SetupTest(title, "PASSED")]

    def discover(self) -> list[Table]:
        tables = []
        with TemporaryDirectory() as folder:
            for number, entry in enumerate(self.files):
                name = entry["table_name"]
                staging = self._staging(Path(folder), number, entry, {}, frozenset())
                for newest in self._matching(entry)[-1:]:
                    self._stage(staging, entry, newest, Path(folder), limit=_SAMPLE_ROWS)
                staging.finish()
                target = fivetran_name(name)
                tables.append(
                    Table(
                        self.schema,
                        name,
                        self.schema,
                        target,
                        staging.columns() if staging.rows else (),
                        soft_delete=False,
                        inferred=True,
                    )
                )
        return tables

    def _staging(
        self,
        folder: Path,
        number: int,
        entry: dict[str, Any],
        known: dict[str, list[str]],
        blocked: frozenset[str],
    ) -> Staging:
        return Staging(folder, number, entry.get("primary_keys") or (), known, blocked)

    def _stage(
        self,
        staging: Staging,
        entry: dict[str, Any],
        found: Object,
        folder: Path,
        limit: int | None = None,
    ) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        kind = file_type(found.key, entry.get("file_type"))
        path = folder / "object"
        try:
            self._client.download_file(self.bucket, found.key, str(path))
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error) from error
        rows = read_rows(path, kind, found.key)
        staging.add_file(found.key, found.modified, itertools.islice(rows, limit))
        path.unlink()

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        entries = {entry["table_name"]: entry for entry in self.files}
        for number, table in enumerate(tables):
            entry = entries[table.name]
            cursor = cursors.get(table.label, {})
            before: dict[str, str] = cursor.get("objects", {})
            blocked = table.details.get("blocked", frozenset())
            staging = self._staging(scratch, number, entry, cursor.get("columns", {}), blocked)
            objects = self._matching(entry)
            for found in objects:
                if before.get(found.key) != found.version:
                    self._stage(staging, entry, found, scratch)
            staging.finish()
            self._staged[table.label] = staging
            self._objects[table.label] = {found.key: found.version for found in objects}

    def attach(self, session: Session) -> None:
        """Nothing: the rows lie in files already."""

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        for described in tables:
            staging = self._staged[described.label]
            table = replace(described, columns=staging.columns())
            result = TableResult(table.target_schema, table.target)
            if staging.rows:
                if session.prepare(table, replace=described.label in resync):
                    result.inserted, result.updated, _ = session.merge(table, staging.select())
                    if not staging.keys:
                        result.deleted = session.remove_absent(table, staging.select(), FILE)
                else:
                    result.inserted = session.load(table, staging.select())
            if staging.bad:
                result.quarantined = session.quarantine(table, staging.quarantined())
            cursor = {
                "objects": self._objects[described.label],
                "columns": staging.known(),
            }
            if session.cursor(table) is not None or staging.rows or staging.bad:
                session.remember(table, cursor)
            yield result


def _checked(schema: str, files: Any) -> list[dict[str, Any]]:
    """Return the declared files.

    Raises:
        SyncFailure: an entry makes no sense.
    """
    if not isinstance(files, list) or not all(isinstance(entry, dict) for entry in files):
        raise SyncFailure(f"The connection {schema!r}: 'files' must be a list of objects.")
    for entry in files:
        if not isinstance(entry.get("table_name"), str) or not entry["table_name"]:
            raise SyncFailure(f"The connection {schema!r}: an entry of 'files' has no table_name.")
        try:
            re.compile(entry.get("file_pattern") or ".*")
        except re.error as error:
            raise SyncFailure(
                f"The connection {schema!r}: the file_pattern {entry['file_pattern']!r} is not a "
                f"regular expression: {error}."
            ) from error
        if not isinstance(entry.get("primary_keys") or [], list):
            raise SyncFailure(f"The connection {schema!r}: 'primary_keys' must be a list.")
    return files
