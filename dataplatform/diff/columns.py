"""How the columns of one table differ between two places, in sentences.

Types are compared by family, as far as warehouses agree on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_WHOLE = re.compile(r"integer|bigint|decimal\(\d+,0\)")
_DECIMAL = re.compile(r"decimal\(\d+,(\d+)\)")


def loose(family: str) -> str:
    """Return a type family as far as engines agree on it: width is theirs, scale is not."""
    if _WHOLE.fullmatch(family):
        return "whole number"
    decimal = _DECIMAL.fullmatch(family)
    return f"decimal of {decimal[1]} places" if decimal else family


def column_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each column that is gone, new or of another type.

    Args:
        before: names to types of the older table.
        after: of the newer one.
    """
    for name, kind in before.items():
        if name not in after:
            yield f"{name} is gone (it was {kind})"
        elif after[name] != kind:
            yield f"{name} is {after[name]} and was {kind}"
    for name, kind in after.items():
        if name not in before:
            yield f"{name} is new ({kind})"
