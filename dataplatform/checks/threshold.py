"""What the value of a check's metric must be: in SQL, in Python and in words, one meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SIGNS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_WORDS = {
    "eq": "exactly {0}",
    "ne": "anything but {0}",
    "gt": "more than {0}",
    "ge": "at least {0}",
    "lt": "less than {0}",
    "le": "at most {0}",
    "between": "between {0} and {1}",
    "not_between": "outside {0} to {1}",
}


@dataclass(frozen=True)
class Threshold:
    """What a metric's value must be.

    ``operator`` is one of eq, ne, gt, ge, lt, le, between, not_between (bounds included), or
    mostly: the share of good rows among those looked at is at least ``value``, and a table with
    nothing to look at passes (Great Expectations' rule). An absent bound of ``between`` is None.
    """

    operator: str
    value: Any
    upper: Any = None
    strict_lower: bool = False
    strict_upper: bool = False

    def sql(self, expression: str, literal: Any) -> str:
        """Return the SQL condition on an expression; ``literal`` renders a value of a dialect."""
        if self.operator in _SIGNS:
            return f"{expression} {_SIGNS[self.operator]} {literal(self.value)}"
        parts = []
        if self.value is not None:
            parts.append(f"{expression} {'>' if self.strict_lower else '>='} {literal(self.value)}")
        if self.upper is not None:
            parts.append(f"{expression} {'<' if self.strict_upper else '<='} {literal(self.upper)}")
        inside = " and ".join(parts) or f"{expression} is not null"
        return f"({inside})" if self.operator == "between" else f"not ({inside})"

    def holds(self, value: Any) -> bool:
        """Say whether a value keeps the threshold; an unknown value (None) never does."""
        if value is None:
            return False
        match self.operator:
            case "eq":
                return bool(value == self.value)
            case "ne":
                return bool(value != self.value)
            case "gt":
                return bool(value > self.value)
            case "ge":
                return bool(value >= self.value)
            case "lt":
                return bool(value < self.value)
            case "le":
                return bool(value <= self.value)
        low = self.value is None or (
            value > self.value if self.strict_lower else value >= self.value
        )
        high = self.upper is None or (
            value < self.upper if self.strict_upper else value <= self.upper
        )
        return (low and high) if self.operator == "between" else not (low and high)

    def words(self) -> str:
        """Return the threshold as a person says it."""
        if self.operator == "between" and self.upper is None:
            return _WORDS["gt" if self.strict_lower else "ge"].format(self.value)
        if self.operator == "between" and self.value is None:
            return _WORDS["lt" if self.strict_upper else "le"].format(self.upper)
        return _WORDS[self.operator].format(self.value, self.upper)
