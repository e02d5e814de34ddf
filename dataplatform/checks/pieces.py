"""What one check adds to its table's scan, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

COUNT = "row_total"


@dataclass(frozen=True)
class Pieces:
    """A check in SQL; ``TABLE`` stands where the table's name belongs.

    Attributes:
        aggregates: alias to aggregate, for the inner select over the table.
        observed, failing, considered, passed: expressions over those aliases and ``COUNT``.
        predicate: the condition of a failing row, or None when the rule is not about rows.
        reproduce: a statement that shows the failing rows or the value again.
    """

    observed: str
    passed: str
    reproduce: str
    aggregates: Mapping[str, str] = field(default_factory=dict)
    failing: str = "cast(null as bigint)"
    considered: str = COUNT
    predicate: str | None = None
