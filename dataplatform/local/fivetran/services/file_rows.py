"""Rows of a file: JSON lines, JSON, CSV and Parquet, one at a time.

Every value becomes text together with the type it was seen to have. A row that cannot be read
becomes a ``Bad`` with its reason, and the rows after it are read all the same. Where rows land is
decided in ``staging``.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.sql import ident, literal

TYPES = ("jsonl", "json", "csv", "parquet")
_ALIASES = {"ndjson": "jsonl", "jsonlines": "jsonl", "tsv": "csv"}
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_CONTENT_KEPT = 2000
_PARQUET = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
}
_KEPT = {
    "BOOLEAN",
    "BIGINT",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "VARCHAR",
    "JSON",
}


@dataclass(frozen=True)
class Row:
    """One row: its line and, by column, the value as text and its type (None for a NULL)."""

    line: int
    values: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Bad:
    """One row that cannot be read."""

    line: int
    reason: str
    content: str


def file_type(name: str, declared: str | None = None) -> str:
    """Return the type of a file, by declaration or by its extension.

    Raises:
        SyncFailure: neither tells.
    """
    plain = name.removesuffix(".gz")
    found = (declared if declared not in (None, "infer") else plain.rsplit(".", 1)[-1]) or ""
    found = _ALIASES.get(found.lower(), found.lower())
    if found not in TYPES:
        raise SyncFailure(
            f"The type of file {name!r} cannot be told: use one of {', '.join(TYPES)} as its "
            "extension or as file_type.",
            code="file_type_unknown",
        )
    return found


def read_rows(path: Path, kind: str, name: str) -> Iterator[Row | Bad]:
    """Yield a file's rows in order.

    Args:
        path: the file on this machine.
        kind: one of ``TYPES``.
        name: its name in the bucket, which tells compression and, for CSV, tabs.
    """
    if kind == "parquet":
        yield from _parquet(path)
        return
    with ExitStack() as stack:
        stream: Any = stack.enter_context(path.open("rb"))
        if name.endswith(".gz"):
            stream = stack.enter_context(gzip.open(stream))
        try:
            if kind == "jsonl":
                yield from _json_lines(stream)
            elif kind == "json":
                yield from _json(stream)
            else:
                yield from _csv(stream, "\t" if ".tsv" in name else ",")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Bad(0, f"the file is not readable gzip: {error}", "")


def _json_lines(stream: IO[bytes]) -> Iterator[Row | Bad]:
    for line, raw in enumerate(stream, start=1):
        if not raw.strip():
            continue
        try:
            yield _object(line, json.loads(raw, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            yield _bad(line, error, raw)


def _json(stream: IO[bytes]) -> Iterator[Row | Bad]:
    """A JSON file holds one array or one object; whatever else it holds is set aside whole."""
    raw = stream.read()
    try:
        document = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        lines = raw.splitlines()
        if len(lines) > 1 and lines[0].strip().endswith(b"}"):
            stream.seek(0)
            yield from _json_lines(stream)
        else:
            yield _bad(1, error, raw)
        return
    for number, item in enumerate(document if isinstance(document, list) else [document], start=1):
        try:
            yield _object(number, item)
        except ValueError as error:
            yield _bad(number, error, json.dumps(item).encode())


def _object(line: int, item: Any) -> Row:
    if not isinstance(item, dict):
        raise ValueError(f"the row is not a JSON object but {type(item).__name__}")
    return Row(line, {str(key): _seen(value) for key, value in item.items()})


def _seen(value: Any) -> tuple[str | None, str | None]:
    """Return a JSON value as text, and the type it shows."""
    if value is None:
        return None, None
    if isinstance(value, str):
        # A lone surrogate is legal JSON but no text that any table could hold.
        value.encode()
        return value, "VARCHAR"
    if isinstance(value, bool):
        return str(value).lower(), "BOOLEAN"
    if isinstance(value, int):
        return str(value), "BIGINT" if -(2**63) <= value < 2**63 else "VARCHAR"
    if isinstance(value, float):
        return repr(value), "DOUBLE"
    return json.dumps(value, ensure_ascii=False), "JSON"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bad(line: int, error: Exception, raw: bytes) -> Bad:
    reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Bad(line, reason, raw.strip()[:_CONTENT_KEPT].decode(errors="replace"))


def _csv(stream: IO[bytes], delimiter: str) -> Iterator[Row | Bad]:
    # What is not UTF-8 survives as surrogates, so that only its own row is set aside.
    lines = (
        line.decode("utf-8-sig" if n == 0 else "utf-8", "surrogateescape")
        for n, line in enumerate(stream)
    )
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Bad(start, str(error), "")
            continue
        if header is None:
            header = cells
            continue
        if not cells:
            continue
        content = delimiter.join(cells)
        if len(cells) != len(header):
            reason = f"the row has {len(cells)} fields, the header {len(header)}"
        elif any("\udc80" <= sign <= "\udcff" for sign in content):
            reason = "the row is not valid UTF-8"
        else:
            yield Row(
                start,
                {name: _guessed(cell) for name, cell in zip(header, cells, strict=True)},
            )
            continue
        kept = content[:_CONTENT_KEPT].encode("utf-8", "surrogateescape").decode(errors="replace")
        yield Bad(start, reason, kept)


def _guessed(cell: str) -> tuple[str | None, str | None]:
    """Return a CSV cell as text, and the narrowest type that holds it."""
    if cell == "":
        return None, None
    if _INTEGER.fullmatch(cell) and -(2**63) <= int(cell) < 2**63:
        return cell, "BIGINT"
    if _NUMBER.fullmatch(cell):
        return cell, "DOUBLE"
    if cell.lower() in ("true", "false"):
        return cell.lower(), "BOOLEAN"
    return cell, "DATE" if _DATE.fullmatch(cell) else "VARCHAR"


def _parquet(path: Path) -> Iterator[Row | Bad]:
    import duckdb

    file = literal(str(path))
    with duckdb.connect() as engine:
        engine.execute("SET memory_limit = '200MB'")
        engine.execute("SET TimeZone = 'UTC'")
        try:
            described = engine.execute(f"DESCRIBE SELECT * FROM read_parquet({file})").fetchall()
        except duckdb.Error as error:
            yield Bad(1, str(error).splitlines()[0], "")
            return
        columns = [(row[0], str(row[1])) for row in described]
        kinds = []
        casts = []
        for name, found in columns:
            kind = _PARQUET.get(found, found)
            nested = found.endswith("]") or found.startswith(("STRUCT", "MAP"))
            known = kind in _KEPT or kind.startswith("DECIMAL")
            kinds.append("JSON" if nested else kind if known else "VARCHAR")
            value = f"to_json({ident(name)})" if nested else ident(name)
            casts.append(f"CAST({value} AS VARCHAR)")
        rows = engine.execute(
            f"SELECT file_row_number + 1, {', '.join(casts)} "
            f"FROM read_parquet({file}, file_row_number = true)"
        )
        while batch := rows.fetchmany(5000):
            for line, *values in batch:
                seen = zip(columns, values, kinds, strict=True)
                yield Row(int(line), {name: (value, kind) for (name, _), value, kind in seen})
