"""Files in a bucket as a source, whatever kind of bucket it is.

Objects are listed; those that are new or have changed since the last sync are read before the
warehouse is locked. Rows with a declared key are kept once, as the latest file has them; without
one, file and line are the key, and a file that changed replaces its rows. Reading formats is in
``file_rows``, collecting rows in ``staging``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import SetupTest, SyncFailure, Table, TableResult
from dataplatform.local.fivetran.naming import fivetran_name
from dataplatform.local.fivetran.services.base import Service
from dataplatform.local.fivetran.services.buckets import Bucket, Object
from dataplatform.local.fivetran.services.file_entry import FileEntry, file_entries
from dataplatform.local.fivetran.services.file_rows import is_readable_from_its_start, read_rows
from dataplatform.local.fivetran.services.staging import FILE, FILES, FILES_APPENDED, Staging

_SAMPLE_ROWS = 200
_SAMPLE_BYTES = 4 * 1024 * 1024


@dataclass
class _Reading:
    """What one sync read of one table's files."""

    staging: Staging
    entry: FileEntry
    signature: str
    anew: bool
    objects: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    newest: str = ""
    gone: list[str] = field(default_factory=list)

    def cursor(self) -> dict[str, Any]:
        return {
            "objects": self.objects,
            "members": self.members,
            "newest": self.newest,
            "columns": self.staging.known(),
            "signature": self.signature,
        }


class FilesService(Service):
    """The files of one bucket.

    Raises:
        SyncFailure: the settings make no sense.
    """

    def __init__(self, schema: str, config: dict[str, Any], bucket: Bucket) -> None:
        self.schema = schema
        self.bucket = bucket
        self.prefix = str(config.get("prefix") or "").lstrip("/")
        self.entries = file_entries(schema, config)
        self._read: dict[str, _Reading] = {}
        self._listed: list[Object] | None = None

    def _list(self) -> list[Object]:
        """Return all objects under the prefix, oldest first."""
        if self._listed is None:
            found = [o for o in self.bucket.listed(self.prefix) if not o.key.endswith("/")]
            self._listed = sorted(found, key=lambda o: (o.modified, o.key))
        return self._listed

    def _matching(self, entry: FileEntry) -> list[Object]:
        below = len(self.prefix)
        return [
            o
            for o in self._list()
            if entry.pattern.fullmatch(o.key) or entry.pattern.fullmatch(o.key[below:].lstrip("/"))
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
            for number, entry in enumerate(self.entries):
                staging = _staging(Path(folder), number, entry, {}, frozenset())
                for newest in self._matching(entry)[-1:]:
                    self._stage(staging, entry, newest, Path(folder), limit=_SAMPLE_ROWS)
                staging.finish()
                tables.append(
                    Table(
                        self.schema,
                        entry.table,
                        self.schema,
                        fivetran_name(entry.table),
                        staging.columns() if staging.rows else (),
                        soft_delete=False,
                        inferred=True,
                    )
                )
        return tables

    def _stage(
        self,
        staging: Staging,
        entry: FileEntry,
        found: Object,
        folder: Path,
        limit: int | None = None,
    ) -> list[str] | None:
        """Collect an object's rows; return the names of its files, None if it is gone."""
        path = folder / "object"
        sampled = limit is not None and is_readable_from_its_start(found.key, entry)
        if not self.bucket.fetch(found.key, path, _SAMPLE_BYTES if sampled else None):
            return None
        names = []
        for name, rows in read_rows(path, found.key, entry):
            names.append(name)
            staging.add_file(name, found.modified, itertools.islice(rows, limit))
        path.unlink()
        return names

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        entries = {entry.table: entry for entry in self.entries}
        for number, table in enumerate(tables):
            entry = entries[table.name]
            blocked: frozenset[str] = table.details.get("blocked", frozenset())
            signature = _signature(entry, blocked, table.hashed)
            cursor = cursors.get(table.label, {})
            staging = _staging(scratch, number, entry, cursor.get("columns", {}), blocked)
            # Rows read under other rules are read again, all of them.
            reading = _Reading(staging, entry, signature, cursor.get("signature") != signature)
            self._read_new(reading, cursor, scratch)
            staging.finish()
            if entry.strict and staging.first_bad:
                raise SyncFailure(
                    f"{staging.first_bad}; on_error is 'fail', so nothing was loaded.",
                    code="row_malformed",
                )
            self._read[table.label] = reading

    def _read_new(self, reading: _Reading, cursor: dict[str, Any], scratch: Path) -> None:
        """Read the objects that the cursor does not cover."""
        before: dict[str, str] = cursor.get("objects", {})
        members: dict[str, list[str]] = cursor.get("members", {})
        newest: str = cursor.get("newest", "")
        entry = reading.entry
        there = self._matching(entry)
        for found in there:
            known = before.get(found.key) == found.version
            older = entry.newest_only and found.modified < newest
            if (known or older) and not reading.anew:
                names: list[str] | None = members.get(found.key, [found.key])
            else:
                names = self._stage(reading.staging, entry, found, scratch)
                if names is None:
                    continue
                earlier = members.get(found.key, [found.key]) if found.key in before else []
                reading.gone += [name for name in earlier if name not in names]
            reading.objects[found.key] = found.version
            if names != [found.key]:
                reading.members[found.key] = names or []
            reading.newest = found.modified
        reading.newest = max(reading.newest, newest)
        if entry.deletes:
            for key in before.keys() - reading.objects.keys():
                reading.gone += members.get(key, [key])
        if entry.newest_only:
            # Older objects are never looked at again: only those as new as the newest are told
            # apart by name.
            latest = {o.key for o in there if o.modified >= reading.newest}
            reading.objects = {k: v for k, v in reading.objects.items() if k in latest}
            reading.members = {k: v for k, v in reading.members.items() if k in latest}

    def attach(self, session: Session) -> None:
        """Nothing: the rows lie in files already."""

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        for described in tables:
            reading = self._read[described.label]
            staging = reading.staging
            table = replace(described, columns=staging.columns())
            result = TableResult(table.target_schema, table.target)
            files = [*staging.files, *reading.gone]
            by_file = not (reading.entry.keys or reading.entry.append)
            # All files have been read: what is not in them is gone.
            whole = reading.anew and reading.entry.deletes
            replaces = by_file and (whole or bool(files))
            if staging.rows or replaces:
                if session.prepare(table, replace=described.label in resync):
                    if staging.rows:
                        result.inserted, result.updated, _ = session.merge(table, staging.select())
                    remaining = staging.remaining(reading.gone)
                    if whole:
                        result.deleted = session.delete_absent(table, remaining)
                    elif replaces:
                        result.deleted = session.remove_absent(table, remaining, FILE)
                elif staging.rows:
                    result.inserted = session.load(table, staging.select())
            if files:
                result.quarantined = session.quarantine(table, staging.quarantined(), files)
            if session.cursor(table) is not None or staging.rows or staging.bad:
                session.remember(table, reading.cursor())
            yield result


def _staging(
    folder: Path,
    number: int,
    entry: FileEntry,
    known: dict[str, list[str]],
    blocked: frozenset[str],
) -> Staging:
    origin = FILES_APPENDED if entry.append else FILES
    return Staging(folder, number, entry.keys, known, blocked, origin)


def _signature(entry: FileEntry, blocked: frozenset[str], hashed: frozenset[str]) -> str:
    """Return a mark of the rules that rows were read under."""
    rules = replace(entry, deletes=False, newest_only=False, strict=False)
    text = f"{rules} {rules.pattern.pattern} {sorted(blocked)} {sorted(hashed)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
