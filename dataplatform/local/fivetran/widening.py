"""How a column may change its type: the ladder from narrow to wide.

A column whose source type changed is widened in place to the narrowest type that holds old and new
values; where none does it becomes text, and a re-sync builds the table anew in the source's types.
``docs/how-to/fivetran-modes.md`` shows the ladder.
"""

from __future__ import annotations

import re

# What holds every value, at the top of the ladder.
ANYTHING = "VARCHAR"
_INTEGERS = {"INTEGER": 10, "BIGINT": 19}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def _decimal(type_name: str) -> tuple[int, int] | None:
    """Return digits before and after the point that a type can hold exactly."""
    if type_name in _INTEGERS:
        return _INTEGERS[type_name], 0
    found = _DECIMAL.fullmatch(type_name)
    return (int(found[1]) - int(found[2]), int(found[2])) if found else None


def widened(held: str, wanted: str, *, as_text: bool = False) -> str | None:
    """Return the type that a column must have to hold old and new values, or None.

    Args:
        held: the destination column's type.
        wanted: the type that the source's column maps to now.
        as_text: text may hold what no narrower type can.
    """
    fitting = _widened(held, wanted)
    if fitting is not None or not as_text:
        return fitting
    return "DOUBLE" if {held, wanted} <= {"INTEGER", "BIGINT", "DOUBLE"} else "VARCHAR"


def _widened(held: str, wanted: str) -> str | None:
    if held == wanted or (held, wanted) in {
        ("DOUBLE", "INTEGER"),
        ("TIMESTAMP", "DATE"),
        ("VARCHAR", "JSON"),
    }:
        return held
    if wanted == "DOUBLE" and held == "INTEGER":
        return wanted
    if wanted == "TIMESTAMP" and held == "DATE":
        return wanted
    before, after = _decimal(held), _decimal(wanted)
    if before is None or after is None:
        return None
    if held in _INTEGERS and wanted in _INTEGERS:
        return max(held, wanted, key=lambda name: _INTEGERS[name])
    whole, scale = max(before[0], after[0]), max(before[1], after[1])
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= 38 else None
