"""Rows of JSON files: one object a line, or one array or object as the whole file."""

from __future__ import annotations

import codecs
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from dataplatform.local.fivetran.services.rows import Bad, Row, bad, seen

#: The one column of a row that is delivered packed.
PACKED = "_data"
# A document is parsed as a whole, which takes some ten times its size in memory.
_LARGEST_DOCUMENT = 32 * 2**20


def json_lines(stream: Iterable[bytes], *, packed: bool = False) -> Iterator[Row | Bad]:
    """Yield one row for each line that is not empty; ``packed`` keeps objects whole."""
    for line, raw in enumerate(stream, start=1):
        raw = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
        if not raw.strip():
            continue
        try:
            yield _object(line, json.loads(raw, parse_constant=_no_constant), packed)
        except (ValueError, RecursionError) as error:
            yield bad(line, error, raw)


def json_document(stream: IO[bytes], *, packed: bool = False) -> Iterator[Row | Bad]:
    """Yield the objects of one array, or the one object; their number is the row's line.

    A file of lines under the name of a document is read as lines; whatever else it may hold is set
    aside whole.
    """
    first = stream.readline(_LARGEST_DOCUMENT).removeprefix(codecs.BOM_UTF8)
    if _is_object(first):
        yield from json_lines(itertools.chain([first], stream), packed=packed)
        return
    raw = first + stream.read(_LARGEST_DOCUMENT)
    if len(raw) > _LARGEST_DOCUMENT:
        size = f"{_LARGEST_DOCUMENT // 2**20} MB"
        yield bad(1, f"a JSON document of more than {size} must be written as lines", raw)
        return
    try:
        document = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        lines = raw.splitlines()
        if len(lines) > 1 and lines[0].strip().endswith(b"}"):
            yield from json_lines(lines, packed=packed)
        elif raw.strip():
            yield bad(1, error, raw)
        return
    for number, item in enumerate(document if isinstance(document, list) else [document], start=1):
        try:
            yield _object(number, item, packed)
        except (ValueError, RecursionError) as error:
            yield bad(number, error, json.dumps(item))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _object(line: int, item: Any, packed: bool) -> Row:
    if not isinstance(item, dict):
        raise ValueError(f"the row is not a JSON object but {type(item).__name__}")
    if packed:
        return Row(line, {PACKED: seen(item)})
    return Row(line, {str(key): seen(value) for key, value in item.items()})


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
