"""Salesforce, and whatever speaks its REST API, as a source.

Types come from describe, rows from queryAll page by page into a file before the warehouse is
locked. After the first sync only records whose SystemModstamp is recent are read; a record that
Salesforce counts as deleted is marked deleted. How the API is spoken is in ``salesforce_api``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import (
    Column,
    SetupTest,
    SyncFailure,
    SyncRescheduled,
    Table,
    TableResult,
)
from dataplatform.local.fivetran.naming import column_names, destination_names
from dataplatform.local.fivetran.services.base import Service
from dataplatform.local.fivetran.services.parallel import extract_each
from dataplatform.local.fivetran.services.salesforce_api import (
    LIMIT_REACHED,
    QueryLost,
    SalesforceApi,
)
from dataplatform.local.fivetran.sql import ident, literal

SCHEMA = "salesforce"
_STANDARD_OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
_MARK = "SystemModstamp"
# A long transaction commits records that bear an earlier time: look back, compare, find no change.
_OVERLAP = timedelta(minutes=10)
_TYPES = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "currency": "DOUBLE",
    "percent": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP WITH TIME ZONE",
}
# Compound fields repeat what their parts hold; base64 needs a request per record.
_LEFT_OUT = frozenset({"address", "location", "base64"})
# A query whose pages are lost this often is not asked again.
_ATTEMPTS = 3
# Requests are counted over the last day, so that some are free again within the hour.
_LIMIT_PAUSE_SECONDS = 3600.0


class SalesforceService(Service):
    """One Salesforce organisation."""

    def __init__(self, schema: str, config: dict[str, Any]) -> None:
        self.schema = schema
        self.api = SalesforceApi(config)
        self._files: dict[str, Path] = {}
        self._marks: dict[str, str | None] = {}
        self._full: set[str] = set()

    def test(self) -> list[SetupTest]:
        titles = ("Logging in", "Reading an object's description")
        try:
            self.api.log_in()
        except SyncFailure as error:
            return [
                SetupTest(titles[0], "FAILED", str(error), broken=error.broken),
                SetupTest(titles[1], "SKIPPED"),
            ]
        try:
            self.api.objects(_STANDARD_OBJECTS[:1])
        except SyncFailure as error:
            return [
                SetupTest(titles[0], "PASSED"),
                SetupTest(titles[1], "FAILED", str(error)),
            ]
        return [SetupTest(title, "PASSED") for title in titles]

    def discover(self) -> list[Table]:
        described = {name: self.api.describe(name) for name in self.api.objects(_STANDARD_OBJECTS)}
        there = {name: found["fields"] for name, found in described.items() if found is not None}
        targets = destination_names(there)
        return [self._table(name, targets[name], fields) for name, fields in there.items()]

    def _table(self, name: str, target: str, fields: list[dict[str, Any]]) -> Table:
        # A formula's value changes without a modification stamp, so that it would be wrong soon.
        kept = [f for f in fields if f["type"] not in _LEFT_OUT and not f.get("calculated")]
        names = column_names(field["name"] for field in kept)
        columns = tuple(
            Column(
                field["name"],
                names[field["name"]],
                _TYPES.get(field["type"], "VARCHAR"),
                field["name"] == "Id",
                field["type"],
            )
            for field in kept
        )
        signed = json.dumps([name, [(c.source, c.source_type) for c in columns]])
        return Table(
            SCHEMA,
            name,
            self.schema,
            target,
            columns,
            hashlib.sha256(signed.encode()).hexdigest(),
            names.get("IsDeleted"),
        )

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        def extract(number: int, table: Table) -> None:
            cursor = cursors.get(table.label)
            since = (
                cursor.get("mark")
                if cursor and cursor.get("signature") == table.signature
                else None
            )
            if since is None:
                self._full.add(table.label)
            self._files[table.label] = scratch / f"{number}.jsonl"
            try:
                self._marks[table.label] = self._fetch(table, since, self._files[table.label])
            except SyncFailure as error:
                if error.code == LIMIT_REACHED:
                    raise SyncRescheduled(str(error), _LIMIT_PAUSE_SECONDS) from error
                raise

        extract_each(tables, extract)

    def _fetch(self, table: Table, since: str | None, file: Path) -> str | None:
        """Write a table's records to a file; return the latest modification stamp."""
        fields = [column.source for column in table.columns]
        wanted = f"SELECT {', '.join(fields)} FROM {table.name}"
        marked = _MARK in fields
        if since is not None and marked:
            start = datetime.fromisoformat(since).astimezone(UTC) - _OVERLAP
            wanted += f" WHERE {_MARK} > {start.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"
        if marked:
            wanted += f" ORDER BY {_MARK}, Id"
        latest = self._write(wanted, fields, file)
        if not marked or latest is None:
            return since if marked else None
        return max(latest, _moment(since) if since else latest).isoformat()

    def _write(self, soql: str, fields: list[str], file: Path) -> datetime | None:
        """Write a query's records to a file; return the latest modification stamp.

        Raises:
            SyncFailure: the query cannot be read to its end.
        """
        for _ in range(_ATTEMPTS):
            latest: datetime | None = None
            try:
                with file.open("w", encoding="utf-8") as lines:
                    for number, record in enumerate(self.api.query_all(soql)):
                        values = [_text(record.get(field)) for field in fields]
                        lines.write(json.dumps({"n": number, "v": values}) + "\n")
                        stamp = record.get(_MARK)
                        if stamp:
                            latest = max(latest or _moment(stamp), _moment(stamp))
            except QueryLost:
                continue
            return latest
        raise SyncFailure(
            f"Salesforce at {self.api.base} lost the pages of a query {_ATTEMPTS} times.",
            code="source_refused",
        )

    def attach(self, session: Session) -> None:
        """Nothing: the records lie in files already."""

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        for table in tables:
            result = TableResult(table.target_schema, table.target)
            select = self._select(table)
            held = session.prepare(table, replace=table.label in resync)
            full = table.label in self._full
            if not held and full:
                result.inserted = session.load(table, select)
            elif not held:
                raise SyncFailure(
                    f"Table {table.target_schema}.{table.target} has to be built anew, but only "
                    f"recent records were read: re-sync {table.label}.",
                    code="resync_needed",
                )
            else:
                result.inserted, result.updated, result.deleted = session.merge(table, select)
                if full:
                    result.deleted += session.delete_absent(table, select)
                elif self.api.count(table.name) not in (None, session.live_count(table)):
                    # Records were erased for good, which no modification stamp tells.
                    result.deleted += self._delete_erased(session, table)
            mark = self._marks[table.label]
            session.remember(table, {"mark": mark, "signature": table.signature})
            yield result

    def _delete_erased(self, session: Session, table: Table) -> int:
        keys = tuple(column for column in table.columns if column.key)
        self._write(f"SELECT Id FROM {table.name}", ["Id"], self._files[table.label])
        return session.delete_absent(table, self._select(replace(table, columns=keys)))

    def _select(self, table: Table) -> str:
        """Return the query that reads the records back; of one that came twice, the latter."""
        casts = ", ".join(
            f"CAST(v[{number}] AS {column.type}) AS {ident(column.name)}"
            for number, column in enumerate(table.columns, start=1)
        )
        file = literal(str(self._files[table.label]))
        keys = [n for n, column in enumerate(table.columns, start=1) if column.key]
        once = (
            f" QUALIFY row_number() OVER (PARTITION BY {', '.join(f'v[{n}]' for n in keys)} "
            "ORDER BY n DESC) = 1"
        )
        return (
            f"SELECT {casts} FROM read_json({file}, columns = {{'n': 'BIGINT', 'v': 'VARCHAR[]'}}, "
            f"format = 'newline_delimited', maximum_object_size = 100000000){once if keys else ''}"
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
