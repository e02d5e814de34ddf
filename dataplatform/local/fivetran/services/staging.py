"""Rows of one table on their way from files or sheets to the warehouse.

Collects rows and their columns in a file of lists of texts, so that columns may be found while
reading, and gives the queries that read it back with types and names. Rows that cannot be kept
are collected beside them. Reading is the business of ``file_rows`` and ``google_sheets``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataplatform.local.fivetran.model import RESERVED, Column
from dataplatform.local.fivetran.naming import destination_names
from dataplatform.local.fivetran.services.rows import Bad, Row, bad
from dataplatform.local.fivetran.sql import ident, listed, literal
from dataplatform.local.fivetran.widening import widened

FILE, LINE, MODIFIED, ROW = "_file", "_line", "_modified", "_row"
_EXPRESSIONS = {FILE: "f.name", LINE: "r.l", MODIFIED: "f.modified", ROW: "r.l"}
# Reading it back fails for the whole sync, so that a row of this size is set aside instead.
_LARGEST_ROW = 30_000_000
_LARGEST_LINE = 32_000_000


@dataclass(frozen=True)
class Origin:
    """What is told of where a row comes from.

    Attributes:
        columns: what is added to every row, name and type.
        key: those that tell rows apart where the source declares no key.
    """

    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]


_FILE_COLUMNS = ((FILE, "VARCHAR"), (LINE, "BIGINT"), (MODIFIED, "TIMESTAMP WITH TIME ZONE"))
FILES = Origin(_FILE_COLUMNS, (FILE, LINE))
#: A file that comes again is told from the one before by when it was modified.
FILES_APPENDED = Origin(_FILE_COLUMNS, (FILE, LINE, MODIFIED))
SHEET = Origin(((ROW, "BIGINT"),), (ROW,))


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
        origin: what is told of where rows come from.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        keys: Iterable[str],
        known: Mapping[str, list[str]],
        blocked: frozenset[str],
        origin: Origin = FILES,
    ) -> None:
        self._rows = folder / f"rows-{number}.jsonl"
        self._bad = folder / f"bad-{number}.jsonl"
        self._rows_out = self._rows.open("w", encoding="utf-8")
        self._bad_out = self._bad.open("w", encoding="utf-8")
        self.keys = tuple(keys)
        self.blocked = blocked
        self.origin = origin
        self.rows = 0
        self.bad = 0
        self.first_bad = ""
        self._files: list[tuple[str, str]] = []
        self._found: dict[str, _Found] = {}
        for source, (name, type_name) in known.items():
            self._found[source] = _Found(name, type_name, len(self._found))

    def _column(self, source: str) -> _Found:
        found = self._found.get(source)
        if found is None:
            added = [column for column, _ in self.origin.columns]
            taken = [*RESERVED, *added, *(f.name for f in self._found.values())]
            name = destination_names([source], taken)[source]
            found = self._found[source] = _Found(name, None, len(self._found))
        return found

    def expect(self, sources: Iterable[str]) -> None:
        """Make columns, in this order, whether or not any row has a value of theirs."""
        for source in sources:
            self._column(source)

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
                column = self._found.get(source) or self._column(source)
                if kind is not None and kind != column.type:
                    column.type = (
                        kind if column.type is None else widened(column.type, kind, as_text=True)
                    )
                if column.position >= len(values):
                    values.extend([None] * (column.position + 1 - len(values)))
                values[column.position] = text
            lacking = [key for key in self.keys if not self._has(key, values)]
            if lacking:
                reason = f"the primary key {lacking[0]!r} is missing"
                content = json.dumps({k: v for k, (v, _) in row.values.items()})
                self._set_aside(name, bad(row.line, reason, content))
                continue
            line = json.dumps({"f": position, "l": row.line, "v": values}) + "\n"
            if len(line) > _LARGEST_ROW:
                self._set_aside(name, bad(row.line, "the row is larger than 30 MB", line))
                continue
            self.rows += 1
            self._rows_out.write(line)

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

    def _set_aside(self, name: str, row: Bad) -> None:
        self.bad += 1
        if not self.first_bad:
            self.first_bad = f"Line {row.line} of {name!r} cannot be loaded: {row.reason}"
        line = {FILE: name, LINE: row.line, "reason": row.reason, "content": row.content}
        self._bad_out.write(json.dumps(line) + "\n")

    def finish(self) -> None:
        """Close the collecting files; queries may run from now on."""
        self._rows_out.close()
        self._bad_out.close()

    @property
    def files(self) -> list[str]:
        """The names of the files that were read."""
        return [name for name, _ in self._files]

    def columns(self) -> tuple[Column, ...]:
        """Return the table's columns; without a key, where a row comes from is the key."""
        keys = {found.name for key in self.keys if (found := self._key_column(key)) is not None}
        own = [
            Column(source, found.name, found.type or "VARCHAR", found.name in keys)
            for source, found in self._found.items()
        ]
        added = [
            Column(name, name, kind, not self.keys and name in self.origin.key)
            for name, kind in self.origin.columns
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
        added = [f"{_EXPRESSIONS[name]} AS {name}" for name, _ in self.origin.columns]
        rows = (
            f"SELECT {', '.join([*casts, *added])}, f.modified AS _seen, f.number AS _number, "
            f"r.l AS _place FROM {self._read_back()}"
        )
        keys = [column.name for column in self.columns() if column.key]
        return (
            f"SELECT * EXCLUDE (_seen, _number, _place) FROM ({rows}) QUALIFY row_number() OVER "
            f"(PARTITION BY {listed(keys)} ORDER BY _seen DESC, _number DESC, _place DESC) = 1"
        )

    def _read_back(self) -> str:
        files = ", ".join(
            f"({number}, {literal(name)}, TIMESTAMPTZ {literal(modified)})"
            for number, (name, modified) in enumerate(self._files)
        )
        shape = "columns = {'f': 'INTEGER', 'l': 'BIGINT', 'v': 'VARCHAR[]'}"
        return (
            f"{_lines(self._rows, shape)} r JOIN (VALUES {files or '(-1, NULL, NULL)'}) "
            "f(number, name, modified) ON f.number = r.f"
        )

    def remaining(self, gone: Iterable[str]) -> str:
        """Return the query that names what remains of files that were read, or that are gone.

        A file of which nothing remains is named by a line that no file has; a file without a name
        stands for there being none.
        """
        empty = ", ".join(f"({literal(name)}, -1)" for name in ["", *self.files, *gone])
        return (
            f"SELECT f.name AS {FILE}, r.l AS {LINE} FROM {self._read_back()} "
            f"UNION ALL SELECT * FROM (VALUES {empty})"
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
        f"maximum_object_size = {_LARGEST_LINE})"
    )
