"""The first statement of a profile, and what it answers: every row's counts and extremes.

One aggregate over the whole table. How values are spread is ``spread``'s business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataplatform.keys import Relation
from dataplatform.quality.profile.words import Words, is_floating

BINS = 24
#: Characters of a text that are looked at.
LENGTH = 120


@dataclass(frozen=True)
class Asked:
    """One column to profile; ``place`` names it in the statements."""

    place: int
    name: str
    type: str
    kind: str
    masked: bool


@dataclass(frozen=True)
class Span:
    """Where a histogram begins and ends, and in how many bars."""

    low: float
    high: float
    bins: int


@dataclass(frozen=True)
class Basics:
    """What the first statement found in one column."""

    filled: int
    nulls: int
    distinct: int | None
    low: Any = None
    high: Any = None
    mean: float | None = None
    lengths: tuple[int, int] | None = None
    empty: int = 0
    span: Span | None = None


def statement(words: Words, relation: Relation, asked: Sequence[Asked]) -> str:
    """Return the statement over every row: counts, extremes, means."""
    parts = ["count(*)"]
    for one in asked:
        parts += [expression for _, expression in _basic(words, one)]
    return f"select {', '.join(parts)} from {words.dialect.relation(relation)}"


def _basic(words: Words, one: Asked) -> list[tuple[str, str]]:
    column = words.dialect.identifier(one.name)
    found = [("filled", f"count({column})")]
    if one.kind != "other":
        compared = words.text(column, one.kind) if one.kind == "nested" else column
        found.append(("distinct", f"approx_count_distinct({compared})"))
    if one.kind in {"text", "binary"}:
        long = f"length({words.text(column, one.kind) if one.kind == 'text' else column})"
        if words.dialect.name == "duckdb" and one.kind == "binary":
            long = f"octet_length({column})"
        found += [("shortest", f"min({long})"), ("longest", f"max({long})")]
    if one.masked:
        return found
    match one.kind:
        case "number":
            value = words.finite(column) if is_floating(one.type) else column
            found += [
                ("low", f"min({value})"),
                ("high", f"max({value})"),
                ("mean", f"avg({words.double(value)})"),
            ]
        case "boolean":
            found.append(
                ("mean", f"avg(case when {column} then 1.0 when not {column} then 0.0 end)")
            )
        case "date" | "timestamp":
            moment = words.moment(column, one.type)
            seconds = words.seconds(moment, one.kind)
            found += [
                ("low", words.text(f"min({moment})", one.kind)),
                ("high", words.text(f"max({moment})", one.kind)),
                ("first", f"min({seconds})"),
                ("last", f"max({seconds})"),
            ]
        case "time":
            found += [
                ("low", words.text(f"min({column})", one.kind)),
                ("high", words.text(f"max({column})", one.kind)),
            ]
        case "text":
            short = f"substr({words.text(column, one.kind)}, 1, {LENGTH})"
            found += [
                ("low", f"min({short})"),
                ("high", f"max({short})"),
                ("mean", f"avg(length({words.text(column, one.kind)}))"),
                ("empty", words.dialect.count_if(f"{words.text(column, one.kind)} = ''")),
            ]
    return found


def read(words: Words, asked: Sequence[Asked], row: Sequence[Any]) -> tuple[int, dict[int, Basics]]:
    """Return the table's rows, and what the first statement says of each column."""
    rows, values = int(row[0]), iter(row[1:])
    found = {}
    for one in asked:
        facts = {name: _plain(next(values)) for name, _ in _basic(words, one)}
        filled = int(facts["filled"])
        found[one.place] = Basics(
            filled=filled,
            nulls=rows - filled,
            # An estimate may overshoot what is possible.
            distinct=min(filled, int(facts["distinct"])) if "distinct" in facts else None,
            low=facts.get("low"),
            high=facts.get("high"),
            mean=_number(facts.get("mean")),
            lengths=(
                None
                if facts.get("longest") is None
                else (int(facts["shortest"]), int(facts["longest"]))
            ),
            empty=int(facts.get("empty") or 0),
            span=_span(one, facts),
        )
    return rows, found


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _span(one: Asked, facts: Mapping[str, Any]) -> Span | None:
    """Return where a histogram runs: whole numbers get whole bars."""
    names = ("low", "high") if one.kind == "number" else ("first", "last")
    low, high = (_number(facts.get(name)) for name in names)
    if one.masked or one.kind not in {"number", "date", "timestamp"} or None in (low, high):
        return None
    assert low is not None and high is not None
    if low == high or not math.isfinite(high - low):
        return None
    step = 86400.0 if one.kind == "date" else 1.0
    whole = one.kind == "date" or (one.kind == "number" and not is_floating(one.type))
    if whole and low == math.floor(low) and high == math.floor(high):
        # The last bar includes the greatest value, so it must begin at it or before.
        across = round((high - low) / step) + 1
        each = math.ceil(across / BINS)
        bins = math.ceil(across / each)
        return Span(low, low + bins * each * step, bins)
    return Span(low, high, BINS)
