"""Rows of one table on their way from files to the warehouse.

Collects rows and their columns in a file of lists of texts, so that columns may be found while
reading, and gives the queries that read it back with types and names. Rows that cannot be kept
are collected beside them. Reading files is the business of ``file_rows``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataplatform.local.fivetran.model import RESERVED, Column
from dataplatform.local.fivetran.naming import destination_names
from dataplatform.local.fivetran.services.file_rows import Bad, Row
from dataplatform.local.fivetran.sql import ident, listed, literal
from dataplatform.local.fivetran.widening import widened

FILE, LINE, MODIFIED = "_file", "_line", "_modified"
_ADDED = (
    Column(FILE, FILE, "VARCHAR"),
    Column(LINE, LINE, "BIGINT"),
    Column(MODIFIED, MODIFIED, "TIMESTAMP WITH TIME ZONE"),
)


@dataclass
class _Found:
    """A column as seen so far; its type is None while every value was NULL."""

    name: str
    type: str | None
    position: int


class Staging:
    """Rows of one table, read but not landed.

    Args:
        folder: where the collecting files lie; they go with the sync's scratch folder.
        number: tells this table's files from others'.
        keys: names of the key's columns, in the source or in the destination.
        known: columns of earlier syncs, source name to destination name and type.
        blocked: source columns that are not wanted.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        keys: Iterable[str],
        known: Mapping[str, list[str]],
        blocked: frozenset[str],
    ) -> None:
        self._rows = folder / f"rows-{number}.jsonl"
        self._bad = folder / f"bad-{number}.jsonl"
        self._rows_out = self._rows.open("w", encoding="utf-8")
        self._bad_out = self._bad.open("w", encoding="utf-8")
        self.keys = tuple(keys)
        self.blocked = blocked
        self.rows = 0
        self.bad = 0
        self._files: list[tuple[str, str]] = []
        self._found: dict[str, _Found] = {}
        for source, (name, type_name) in known.items():
            self._found[source] = _Found(name, type_name, len(self._found))

    def _column(self, source: str) -> _Found:
        found = self._found.get(source)
        if found is None:
            taken = [
                *RESERVED,
                FILE,
                LINE,
                MODIFIED,
                *(f.name for f in self._found.values()),
            ]
            name = destination_names([source], taken)[source]
            found = self._found[source] = _Found(name, None, len(self._found))
        return found

    def add_file(self, name: str, modified: str, rows: Iterable[Row | Bad]) -> None:
        """Collect the rows of one file.

        Args:
            name: its name in the bucket.
            modified: when it was last modified, in ISO form.
            rows: its rows.
        """
        position = len(self._files)
        self._files.append((name, modified))
        for row in rows:
            if isinstance(row, Bad):
                self._set_aside(name, row)
                continue
            values: list[str | None] = [None] * len(self._found)
            for source, (text, kind) in row.values.items():
                if source in self.blocked:
                    continue
                column = self._column(source)
                if kind is not None:
                    column.type = (
                        kind if column.type is None else widened(column.type, kind, as_text=True)
                    )
                if column.position >= len(values):
                    values.extend([None] * (column.position + 1 - len(values)))
                values[column.position] = text
            lacking = [key for key in self.keys if not self._has(key, values)]
            if lacking:
                reason = f"the primary key {lacking[0]!r} is missing"
                content = json.dumps({k: v for k, (v, _) in row.values.items()})[:2000]
                self._set_aside(name, Bad(row.line, reason, content))
                continue
            self.rows += 1
            self._rows_out.write(json.dumps({"f": position, "l": row.line, "v": values}) + "\n")

    def _key_column(self, key: str) -> _Found | None:
        if key in self._found:
            return self._found[key]
        return next((found for found in self._found.values() if found.name == key), None)

    def _has(self, key: str, values: list[str | None]) -> bool:
        column = self._key_column(key)
        return (
            column is not None
            and column.position < len(values)
            and values[column.position] is not None
        )

    def _set_aside(self, name: str, bad: Bad) -> None:
        self.bad += 1
        line = {
            FILE: name,
            LINE: bad.line,
            "reason": bad.reason,
            "content": bad.content,
        }
        self._bad_out.write(json.dumps(line) + "\n")

    def finish(self) -> None:
        """Close the collecting files; queries may run from now on."""
        self._rows_out.close()
        self._bad_out.close()

    def columns(self) -> tuple[Column, ...]:
        """Return the table's columns; without a key, file and line together are the key."""
        keys = {found.name for key in self.keys if (found := self._key_column(key)) is not None}
        own = [
            Column(source, found.name, found.type or "VARCHAR", found.name in keys)
            for source, found in self._found.items()
        ]
        added = [
            Column(c.source, c.name, c.type, not self.keys and c.name in (FILE, LINE))
            for c in _ADDED
        ]
        return (*own, *added)

    def known(self) -> dict[str, list[str]]:
        """Return what the next sync must know of the columns."""
        return {
            source: [found.name, found.type]
            for source, found in self._found.items()
            if found.type is not None
        }

    def select(self) -> str:
        """Return the query that reads the rows back; of rows with one key, the latest."""
        casts = [
            f"CAST(r.v[{found.position + 1}] AS {found.type or 'VARCHAR'}) AS {ident(found.name)}"
            for found in self._found.values()
        ]
        files = ", ".join(
            f"({number}, {literal(name)}, TIMESTAMPTZ {literal(modified)})"
            for number, (name, modified) in enumerate(self._files)
        )
        added = [f"f.name AS {FILE}", f"r.l AS {LINE}", f"f.modified AS {MODIFIED}"]
        shape = "columns = {'f': 'INTEGER', 'l': 'BIGINT', 'v': 'VARCHAR[]'}"
        rows = (
            f"SELECT {', '.join([*casts, *added])} FROM {_lines(self._rows, shape)} r "
            f"JOIN (VALUES {files or '(-1, NULL, NULL)'}) f(number, name, modified) "
            "ON f.number = r.f"
        )
        keys = [column.name for column in self.columns() if column.key]
        return (
            f"SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY {listed(keys)} "
            f"ORDER BY {MODIFIED} DESC, {FILE} DESC, {LINE} DESC) = 1"
        )

    def quarantined(self) -> str:
        """Return the query that reads the rows set aside."""
        shape = (
            f"columns = {{'{FILE}': 'VARCHAR', '{LINE}': 'BIGINT', 'reason': 'VARCHAR', "
            "'content': 'VARCHAR'}"
        )
        return f"SELECT * FROM {_lines(self._bad, shape)}"


def _lines(path: Path, shape: str) -> str:
    return (
        f"read_json({literal(str(path))}, {shape}, format = 'newline_delimited', "
        "maximum_object_size = 32000000)"
    )
