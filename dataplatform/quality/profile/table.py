"""Reading a profile from a table: two statements, however many columns it has.

The first looks at every row for counts and extremes; the second, over a sample where the table
is large, at how values are spread. How they are written is ``basics``' and ``spread``'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dataplatform.checks.dialects import dialect as dialect_named
from dataplatform.keys import Relation
from dataplatform.quality.profile import basics as basics_of
from dataplatform.quality.profile import spread
from dataplatform.quality.profile.basics import LENGTH, Asked, Basics
from dataplatform.quality.profile.model import Bar, ColumnProfile, TableProfile, Value
from dataplatform.quality.profile.words import Words, kind_of, read_quantiles

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.interface import Session

#: Rows that distributions are read from, where a table has more.
SAMPLE = 100_000
#: Cells of the sample: a very wide table is sampled more thinly.
_CELLS = 10_000_000
#: Columns whose values are counted exactly in a large table: those that look like keys.
_COUNTED = 5
#: A format is said of a column when this share of its texts has it.
_FORMAT = 0.9


def profile_table(
    session: Session,
    relation: Relation,
    columns: Mapping[str, str],
    dialect: str,
    masked: Collection[str] = (),
    sample: int = SAMPLE,
) -> TableProfile:
    """Profile a table.

    Args:
        session: an open conversation with the warehouse.
        relation: the table.
        columns: its columns' names to the warehouse's own names of their types.
        dialect: the warehouse's SQL dialect.
        masked: columns whose values are never read; only how many there are.
        sample: rows to read distributions from, where the table has more.

    Raises:
        UserError: checks cannot run on this warehouse.
    """
    words = Words(dialect_named(dialect))
    hidden = {name.lower() for name in masked}
    asked = [
        Asked(place, name, native, kind_of(native), name.lower() in hidden)
        for place, (name, native) in enumerate(columns.items())
    ]
    first = basics_of.statement(words, relation, asked)
    (row,) = session.execute(first)
    rows, basics = basics_of.read(words, asked, row)
    said = [first]
    size = max(1_000, min(sample, _CELLS // max(1, len(asked))))
    details: dict[int, dict[str, list[tuple[str, float]]]] = {}
    if rows:
        counted = _to_count(asked, basics, rows, size)
        second = spread.statement(words, relation, asked, basics, rows, size, counted)
        if second:
            said.append(second)
            for place, kind, label, number in session.execute(second):
                found = details.setdefault(int(place), {})
                found.setdefault(kind, []).append((label, float(number or 0)))
    return TableProfile(
        relation=relation,
        rows=rows,
        sampled=min(rows, size),
        columns=tuple(_column(one, basics[one.place], details.get(one.place, {})) for one in asked),
        dialect=dialect,
        statements=tuple(said),
    )


def _to_count(
    asked: list[Asked], basics: Mapping[int, Basics], rows: int, size: int
) -> frozenset[int]:
    """Return which columns' values are counted exactly, because it is cheap or tells of a key."""
    able = [one for one in asked if one.kind not in {"binary", "nested", "other"}]
    if rows <= size:
        return frozenset(one.place for one in able)
    likely = [
        one.place
        for one in able
        if (found := basics[one.place]).filled and (found.distinct or 0) > 0.9 * found.filled
    ]
    return frozenset(likely[:_COUNTED])


def _column(
    asked: Asked, basics: Basics, details: Mapping[str, list[tuple[str, float]]]
) -> ColumnProfile:
    exact = details.get("distinct")
    distinct = int(exact[0][1]) if exact else basics.distinct
    plain = ColumnProfile(
        name=asked.name,
        type=asked.type,
        kind=asked.kind,
        nulls=basics.nulls,
        distinct=distinct,
        exact=bool(exact) or distinct in {0, None},
        lengths=None if asked.masked else basics.lengths,
        empty=basics.empty,
        masked=asked.masked,
    )
    if asked.masked:
        return plain
    looked = sum(number for _, number in details.get("looked", ())) or basics.filled
    values = _values(details.get("top", ()), looked)
    if all(value.count == 1 for value in values) and (distinct or 0) > len(values):
        values = ()
    quantiles = details.get("quantiles")
    return ColumnProfile(
        **{
            **plain.__dict__,
            "min": basics.low,
            "max": basics.high,
            "mean": basics.mean,
            "quantiles": read_quantiles(quantiles[0][0]) if quantiles and quantiles[0][0] else None,
            "top_values": values,
            **_shapes(details),
            "histogram": _histogram(basics, details.get("bin", ())),
        }
    )


def _values(found: Any, looked: float) -> tuple[Value, ...]:
    ordered = sorted(found, key=lambda one: (-one[1], str(one[0])))
    return tuple(
        Value(
            label if len(label) <= LENGTH else label[: LENGTH - 1] + "…",
            int(number),
            round(number / looked, 6) if looked else 0.0,
        )
        for label, number in ordered
    )


def _shapes(details: Mapping[str, list[tuple[str, float]]]) -> dict[str, Any]:
    """Return the shapes that say most, and the format that nearly every text has."""
    looked = sum(number for _, number in details.get("shaped", ()))
    exact, loose = (_values(details.get(name, ()), looked) for name in ("shape", "loose"))
    # Codes have a few shapes of fixed length; where names and sentences are, lengths say nothing.
    told = exact if sum(one.share for one in exact) >= 0.8 else loose
    formats = [
        value
        for value in _values(details.get("format", ()), looked)
        if value.value and value.share >= _FORMAT
    ]
    return {"patterns": told, "format": formats[0] if formats else None}


def _histogram(basics: Basics, found: Any) -> tuple[Bar, ...]:
    if basics.span is None or not found:
        return ()
    low, high, bins = basics.span.low, basics.span.high, basics.span.bins
    counts = {int(float(label)): int(number) for label, number in found}
    width = (high - low) / bins
    return tuple(
        Bar(low + place * width, low + (place + 1) * width, counts.get(place, 0))
        for place in range(bins)
    )
