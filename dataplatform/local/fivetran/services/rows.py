"""Rows on their way from a file or a sheet: values as text, each with the type it shows.

What cannot be read is a ``Bad`` row with its reason. Reading formats is the business of the
modules named after them, collecting rows that of ``staging``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

Value = tuple[str | None, str | None]
#: How much of a row's own text is kept where it is set aside, in characters.
CONTENT_KEPT = 2000

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One row: its line and, by column, the value as text and its type (None for a NULL)."""

    line: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Bad:
    """One row that cannot be loaded."""

    line: int
    reason: str
    content: str


def bad(line: int, error: Exception | str, content: str | bytes) -> Bad:
    """Return a row set aside, with as much of its text as is kept."""
    if isinstance(error, RecursionError):
        error = "nested too deeply"
    if isinstance(content, bytes):
        text = content[: 4 * CONTENT_KEPT].decode(errors="replace")
    else:
        text = content[:CONTENT_KEPT].encode("utf-8", "surrogateescape").decode(errors="replace")
    return Bad(line, str(error), text.strip()[:CONTENT_KEPT])


def seen(value: Any) -> Value:
    """Return a JSON value as text, and the type it shows.

    Raises:
        ValueError: a text that no table could hold.
    """
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
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    return text, "JSON"


def guessed(cell: str) -> Value:
    """Return a cell of plain text, and the narrowest type that holds it."""
    if cell == "":
        return None, None
    if _INTEGER.fullmatch(cell) and -(2**63) <= int(cell) < 2**63:
        return cell, "BIGINT"
    if _NUMBER.fullmatch(cell):
        return cell, "DOUBLE"
    if cell.lower() in ("true", "false"):
        return cell.lower(), "BOOLEAN"
    return cell, "DATE" if _is_date(cell) else "VARCHAR"


def _is_date(cell: str) -> bool:
    if not _DATE.fullmatch(cell):
        return False
    try:
        date.fromisoformat(cell)
    except ValueError:
        return False
    return True


def headings(cells: Iterable[str]) -> list[str]:
    """Return a header's names, each different: ``column_N`` where empty, counted where doubled."""
    names: list[str] = []
    for number, cell in enumerate(cells):
        base = name = cell.strip() or f"column_{number}"
        more = 1
        while name in names:
            more += 1
            name = f"{base}_{more}"
        names.append(name)
    return names
