"""Where a contract says to read on when one of its rules is broken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def runbook_of(model: Any) -> str | None:
    """Return the address of a contract's runbook, or else of its support channel.

    Args:
        model: the document, by the standard's own package.
    """
    table = next(iter(model.schema_ or ()), None)
    definitions: Iterable[Any] = [
        *(getattr(model, "authoritativeDefinitions", None) or ()),
        *(getattr(table, "authoritativeDefinitions", None) or ()),
    ]
    for definition in definitions:
        if str(definition.type or "").lower() == "runbook" and definition.url:
            return str(definition.url)
    for channel in model.support or ():
        if channel.url:
            return str(channel.url)
    return None
