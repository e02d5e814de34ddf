"""Formats of text that a profile knows by name, and shapes of text as patterns."""

from __future__ import annotations

import re

#: Name to pattern, the strictest first; written for RE2, POSIX and Java's engines alike.
FORMATS = {
    "uuid": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "email": r"^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}$",
    "url": r"^https?://[^ ]+$",
    "timestamp": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "ip address": r"^[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$",
    "phone": r"^[+][0-9][0-9 ()/-]{6,18}$",
    "whole number": r"^-?(0|[1-9][0-9]*)$",
    "number": r"^-?[0-9]+[.][0-9]+$",
    "json": r"^[{].*[}]$",
}
_CLASSES = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}


def pattern_of(shape: str) -> str:
    """Return a shape such as ``AAA-999`` as an anchored regular expression."""
    parts = []
    for run in re.finditer(r"(.)\1*", shape, re.DOTALL):
        text = run.group()
        cell = _CLASSES.get(text[0])
        if cell is None:
            # A class of one character means itself in every engine.
            cell = (
                "\\^"
                if text[0] == "^"
                else f"[{text[0]}]"
                if text[0] not in "\\]"
                else (f"\\{text[0]}")
            )
        parts.append(cell + (f"{{{len(text)}}}" if len(text) > 1 else ""))
    return f"^{''.join(parts)}$"
