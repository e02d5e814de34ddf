"""Rows of one file, whatever its format and packing.

Which files there are is decided in ``files``, how formats are read in the modules named after
them, and where rows land in ``staging``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from dataplatform.declarations.file_source import FILE_TYPES
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.csv_rows import csv_rows
from dataplatform.local.fivetran.services.file_entry import FileEntry
from dataplatform.local.fivetran.services.json_rows import json_document, json_lines
from dataplatform.local.fivetran.services.parquet_rows import parquet_rows
from dataplatform.local.fivetran.services.rows import Bad, Row, bad
from dataplatform.local.fivetran.services.unpacking import (
    BROKEN,
    contents,
    is_archive,
    plain_name,
)

_ALIASES = {"ndjson": "jsonl", "jsonlines": "jsonl"}


def file_type(name: str, declared: str | None = None) -> str:
    """Return the type of a file, by declaration or by its extension.

    Raises:
        SyncFailure: neither tells.
    """
    found = declared if declared not in (None, "infer") else plain_name(name).rpartition(".")[2]
    found = _ALIASES.get(str(found).lower(), str(found).lower())
    if found not in FILE_TYPES:
        raise SyncFailure(
            f"The type of file {name!r} cannot be told: use one of {', '.join(FILE_TYPES)} as its "
            "extension or as file_type.",
            code="file_type_unknown",
        )
    return found


def is_readable_from_its_start(name: str, entry: FileEntry) -> bool:
    """Tell whether the beginning of a file is enough to read its first rows."""
    if is_archive(name, entry.compression):
        return False
    return file_type(name, entry.file_type) in ("jsonl", "csv", "tsv")


def read_rows(path: Path, name: str, entry: FileEntry) -> Iterator[tuple[str, Iterator[Row | Bad]]]:
    """Yield the name and the rows of a file, or of every member of an archive.

    Args:
        path: the file on this machine.
        name: its name in the bucket.
        entry: how the table's files are read.

    Each file's rows are to be read before the next file is asked for.

    Raises:
        SyncFailure: the type of a file cannot be told.
    """
    try:
        for inner, stream in contents(path, name, entry.compression, entry.archive_pattern):
            kind = file_type(inner, entry.file_type)
            yield inner, _unbroken(_rows(stream, kind, entry, path))
    except BROKEN as error:
        yield name, iter([bad(0, f"the file cannot be unpacked: {error}", "")])


def _rows(stream: IO[bytes], kind: str, entry: FileEntry, path: Path) -> Iterator[Row | Bad]:
    if kind == "jsonl":
        yield from json_lines(stream, packed=entry.packed)
    elif kind == "json":
        yield from json_document(stream, packed=entry.packed)
    elif kind == "parquet":
        # Parquet is read from its end: what is packed has to be a file of its own first.
        whole = path.with_name(path.name + ".parquet")
        with whole.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        try:
            yield from parquet_rows(whole)
        finally:
            whole.unlink()
    elif kind == "tsv":
        tabbed = entry.delimiter or "\t"
        yield from csv_rows(stream, replace(entry.dialect, delimiter=tabbed))
    else:
        yield from csv_rows(stream, entry.dialect)


def _unbroken(rows: Iterator[Row | Bad]) -> Iterator[Row | Bad]:
    """Yield rows as far as the file goes; where it is damaged, that is the last, bad row."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except BROKEN as error:
        yield bad(line + 1 if line else 0, f"the file cannot be unpacked: {error}", "")
