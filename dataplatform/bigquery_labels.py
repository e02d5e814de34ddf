"""What labels of BigQuery's jobs may hold, and how a table is named in one.

A label holds small letters, digits, dashes and underscores, 63 of them at most, so a table's point
is written as two underscores. Who says what of a job is the business of others.
"""

from __future__ import annotations

import re

#: How long a label's value may be.
LENGTH = 63
_NOT_ALLOWED = re.compile(r"[^a-z0-9_-]+")
_POINT = "__"


def label(text: str) -> str:
    """Return a text as the value of a label."""
    return _NOT_ALLOWED.sub("-", text.lower()).strip("-")[:LENGTH]


def asset_label(asset: str) -> str:
    """Return a table's ``schema.table`` as the value of a label."""
    return label(asset.replace(".", _POINT, 1))


def asset_of(value: str) -> str:
    """Return the ``schema.table`` that a label was made of; a long one has lost its end."""
    return value.replace(_POINT, ".", 1)
