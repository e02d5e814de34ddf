"""Rows of delimited text: comma, tab or any other sign, with or without a header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from dataplatform.local.fivetran.services.rows import (
    CONTENT_KEPT,
    Bad,
    Row,
    bad,
    guessed,
    headings,
)

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Bytes that are no text in the file's encoding, as they come out of decoding.
_NO_TEXT = re.compile("[\udc80-\udcff]")
_LARGEST_FIELD = 16 * 1024 * 1024


@dataclass(frozen=True)
class Dialect:
    """How delimited text is written.

    Attributes:
        delimiter: between fields.
        quote: around fields that hold delimiters; None if nothing is quoted.
        escape: before a sign that is meant as itself; None if quotes are doubled instead.
        encoding: name of a text encoding; a mark at the file's beginning goes before it.
        null: the text that means no value, besides an empty field.
        header: whether the first row names the columns.
        skip_before, skip_after: lines at both ends that are no rows.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    null: str | None = None
    header: bool = True
    skip_before: int = 0
    skip_after: int = 0


class _Lines:
    """A file's lines, and the text of the row that is being read."""

    def __init__(self, stream: IO[bytes], dialect: Dialect) -> None:
        self.number = 0
        self.text = ""
        start = stream.read(3)
        encoding = next(
            (name for mark, name in _MARKS.items() if start.startswith(mark)), dialect.encoding
        )
        # What is not text survives as surrogates, so that only its own row is set aside.
        wrapped = io.TextIOWrapper(
            io.BufferedReader(_Rejoined(start, stream)),
            encoding=encoding,
            errors="surrogateescape",
            newline="",
        )
        self._lines = iter(wrapped)
        self._ahead: deque[str] = deque()
        self._held_back = dialect.skip_after
        for _ in range(dialect.skip_before):
            if next(self._lines, None) is not None:
                self.number += 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while len(self._ahead) <= self._held_back:
            self._ahead.append(next(self._lines))
        line = self._ahead.popleft()
        self.number += 1
        if len(self.text) < CONTENT_KEPT:
            self.text += line
        return line


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were looked at."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._start[: len(buffer)] or self._rest.read(len(buffer))
        self._start = self._start[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def csv_rows(stream: IO[bytes], dialect: Dialect) -> Iterator[Row | Bad]:
    """Yield a file's rows; a row's line is the one it begins on."""
    csv.field_size_limit(_LARGEST_FIELD)
    try:
        yield from _rows(_Lines(stream, dialect), dialect)
    except UnicodeError as error:
        yield bad(0, f"the file is not {dialect.encoding} text: {error}", "")


def _rows(lines: _Lines, dialect: Dialect) -> Iterator[Row | Bad]:
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape,
        doublequote=dialect.escape is None,
        strict=True,
    )
    header: list[str] | None = None
    while True:
        start, lines.text = lines.number + 1, ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield bad(start, error, lines.text)
            continue
        if not cells:
            continue
        if header is None:
            header = headings(cells if dialect.header else [""] * len(cells))
            if dialect.header:
                continue
        if len(cells) != len(header):
            told = "header" if dialect.header else "first row"
            reason = f"the row has {len(cells)} fields, the {told} {len(header)}"
        elif _NO_TEXT.search("".join(cells)):
            reason = f"the row is not valid {dialect.encoding.upper()}"
        else:
            values = {
                name: (None, None) if cell == dialect.null else guessed(cell)
                for name, cell in zip(header, cells, strict=True)
            }
            yield Row(start, values)
            continue
        yield bad(start, reason, lines.text)
