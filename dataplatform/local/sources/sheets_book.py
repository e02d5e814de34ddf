"""A spreadsheet as a file: its sheets, its named ranges, and how cells of a range are told.

A file ``<id>.json`` holds ``{"title": …, "sheets": {name: [[cell, …], …]}, "named_ranges":
{name: "Sheet1!A1:C9"}, "shared_with": [address, …]}``; a cell is a JSON value, or ``{"date":
"2025-01-31"}``. ``shared_with`` may hold ``public``. Requests are ``sheets``'s business.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

_PART = r"([A-Za-z]{1,3})?([1-9]\d*)?"
_RANGE = re.compile(_PART + rf"(?::{_PART})?")
_EPOCH = date(1899, 12, 30)


class BadRange(ValueError):
    """A range that cannot be read."""


@dataclass(frozen=True)
class Area:
    """A part of a sheet, from zero and without its ends; None reaches to the sheet's end."""

    sheet: str
    top: int
    left: int
    bottom: int | None
    right: int | None


@dataclass(frozen=True)
class Book:
    """One spreadsheet."""

    id: str
    title: str
    sheets: dict[str, list[list[Any]]]
    named_ranges: dict[str, str]
    shared_with: tuple[str, ...]

    def area(self, text: str) -> Area:
        """Return what a range in A1 notation, or a named range, covers.

        Raises:
            BadRange: it is neither.
        """
        text = self.named_ranges.get(text, text)
        if text in self.sheets:
            return Area(text, 0, 0, None, None)
        sheet, mark, cells = text.rpartition("!")
        if len(sheet) > 1 and sheet[0] == sheet[-1] == "'":
            sheet = sheet[1:-1].replace("''", "'")
        sheet = sheet if mark else next(iter(self.sheets))
        found = _RANGE.fullmatch(cells)
        if sheet not in self.sheets or not cells or found is None:
            raise BadRange(f"Unable to parse range: {text}")
        left, top, right, bottom = found.groups()
        if ":" not in cells:
            if not (left and top):
                raise BadRange(f"Unable to parse range: {text}")
            right, bottom = left, top
        return Area(
            sheet,
            int(top or 1) - 1,
            _column(left or "A") - 1,
            int(bottom) if bottom else None,
            _column(right) if right else None,
        )

    def rows(self, area: Area) -> list[list[Any]]:
        """Return the cells of an area, without empty ones at the end of rows and of the area."""
        rows = [
            _trimmed(row[area.left : area.right])
            for row in self.sheets[area.sheet][area.top : area.bottom]
        ]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def told(self, area: Area) -> str:
        """Return an area in A1 notation, as large as the sheet is."""
        grid = self.sheets[area.sheet]
        bottom = area.bottom or max(len(grid), 1)
        right = area.right or max((len(row) for row in grid), default=1)
        name = area.sheet
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            name = "'" + name.replace("'", "''") + "'"
        return f"{name}!{_letters(area.left + 1)}{area.top + 1}:{_letters(right)}{bottom}"

    def grid(self, area: Area) -> dict[str, int]:
        """Return an area as the API's GridRange, whose open ends are not told."""
        ends = {
            "sheetId": list(self.sheets).index(area.sheet),
            "startRowIndex": area.top,
            "startColumnIndex": area.left,
            "endRowIndex": area.bottom,
            "endColumnIndex": area.right,
        }
        return {key: value for key, value in ends.items() if value is not None}


def read_book(folder: Path, identifier: str) -> Book | None:
    """Return a spreadsheet, or None if there is no file of it."""
    file = folder / f"{identifier}.json"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", identifier) or not file.is_file():
        return None
    held = json.loads(file.read_text(encoding="utf-8"))
    return Book(
        identifier,
        held.get("title", identifier),
        held["sheets"],
        held.get("named_ranges", {}),
        tuple(held.get("shared_with", ())),
    )


def rendered(cell: Any, values: str, dates: str) -> Any:
    """Return a cell as a request wants it told.

    Args:
        cell: as the file holds it.
        values: FORMATTED_VALUE, UNFORMATTED_VALUE or FORMULA.
        dates: SERIAL_NUMBER or FORMATTED_STRING; counts for dates that are told unformatted.
    """
    if isinstance(cell, dict):
        if values == "FORMATTED_VALUE" or dates == "FORMATTED_STRING":
            return cell["date"]
        return (date.fromisoformat(cell["date"]) - _EPOCH).days
    if cell is None:
        return ""
    if values == "FORMATTED_VALUE" and not isinstance(cell, str):
        return str(cell).upper() if isinstance(cell, bool) else str(cell)
    return cell


def _trimmed(row: list[Any]) -> list[Any]:
    while row and row[-1] in ("", None):
        row = row[:-1]
    return row


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
