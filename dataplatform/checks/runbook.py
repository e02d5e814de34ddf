"""Where a contract says to read on when one of its rules is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def runbook_of(document: Mapping[str, Any], table: Mapping[str, Any]) -> str | None:
    """Return the address of a contract's runbook, or else of its support channel.

    Args:
        document: the contract as its file says it.
        table: the table that it is about; its runbook wins over the document's.
    """
    for place in (table, document):
        for definition in place.get("authoritativeDefinitions") or ():
            if str(definition.get("type") or "").lower() == "runbook" and definition.get("url"):
                return str(definition["url"])
    for channel in document.get("support") or ():
        if channel.get("url"):
            return str(channel["url"])
    return None
