"""How the columns of one table differ between two places, in sentences.

Types are compared as the session names them: both sides are in one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping


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
