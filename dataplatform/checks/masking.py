"""Which values may be shown: in samples, profiles, reports and logs.

A contract classifies its columns; here is which classifications keep a column's values to
themselves, and what stands in their place. Who may read the table itself is not decided here.
"""

from __future__ import annotations

CLASSIFIED = frozenset({"confidential", "restricted", "secret", "pii"})
#: What is shown instead of a value.
MASK = "***"


def masked(classification: str | None) -> bool:
    """Say whether the values of a column of this classification are never shown.

    Args:
        classification: what a contract's column says; None where it says nothing.
    """
    return (classification or "").strip().lower() in CLASSIFIED
