"""What stands in the place of a hidden value, in each warehouse's SQL.

A method that changes text keeps the column's type only where the type is text; a hidden value of
any other type is NULL, by whatever method. So every warehouse shows the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataplatform.checks.masking import MASK

if TYPE_CHECKING:
    from dataplatform.declarations.access import Method


@dataclass(frozen=True)
class _Words:
    """How a warehouse hashes a text, and what it calls the part behind the last @."""

    hashed: str
    domain: str


_WORDS = {
    "duckdb": _Words("sha256({0})", "split_part({0}, '@', -1)"),
    "snowflake": _Words("SHA2({0}, 256)", "SPLIT_PART({0}, '@', -1)"),
    "bigquery": _Words("TO_HEX(SHA256({0}))", "ARRAY_REVERSE(SPLIT({0}, '@'))[OFFSET(0)]"),
}
_TEXT = re.compile(r"(VARCHAR|TEXT|STRING|CHAR|CHARACTER VARYING)(\(\d+\))?", re.IGNORECASE)


def is_text(native: str) -> bool:
    """Say whether a warehouse's type is text."""
    return _TEXT.fullmatch(native.strip()) is not None


def masked_value(value: str, native: str, method: Method, dialect: str) -> str:
    """Return the expression that stands in the place of a value.

    Args:
        value: a quoted name or another expression of the value.
        native: its type, as the warehouse names it.
        method: how it is hidden.
        dialect: the warehouse's dialect by sqlglot's name.
    """
    if method == "null" or not is_text(native):
        return f"CAST(NULL AS {native})"
    if method == "redact":
        return f"CASE WHEN {value} IS NOT NULL THEN '{MASK}' END"
    words = _WORDS[dialect]
    if method == "hash":
        return words.hashed.format(value)
    return _partial(value, words.domain.format(value))


def _partial(value: str, domain: str) -> str:
    """Return the first letter, and of a mail address its domain too."""
    return (
        f"CASE WHEN {value} LIKE '%_@_%' THEN CONCAT(LEFT({value}, 1), '{MASK}@', {domain}) "
        f"WHEN {value} IS NOT NULL THEN CONCAT(LEFT({value}, 1), '{MASK}') END"
    )
