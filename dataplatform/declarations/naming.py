"""How Fivetran names what it lands, and which names are safe to write into SQL.

Both the platform and the stand-in for Fivetran take their names from here, so that they agree.
Which relation a connection's table becomes is the business of ``connection``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})


@lru_cache(maxsize=65536)
def fivetran_name(text: str) -> str:
    """Return the name that Fivetran gives a source's table or column in the destination.

    Accents are stripped, camelCase is split, everything but letters and digits becomes one
    underscore, and a leading digit is prefixed with an underscore.

    Args:
        text: the name in the source, such as ``Customer_External_Id__c``.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain)
    split = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", split)
    snake = re.sub(r"[^a-z0-9]+", "_", split.lower())
    snake = re.sub(r"_+", "_", snake)
    # A leading underscore is part of the name (_file); a trailing one never is.
    snake = snake.rstrip("_") or "_"
    return f"_{snake}" if snake[0].isdigit() else snake


def is_identifier(text: str) -> bool:
    """Say whether a name can stand in SQL unquoted: lower case, digits, underscores, at most 63."""
    return _IDENTIFIER.fullmatch(text) is not None
