"""The second statement of a profile: how values are spread, by column.

Frequent values, quantiles, histograms and shapes of texts, over a sample where the table is
large. Only counts and the most frequent values leave the warehouse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dataplatform.keys import Relation
from dataplatform.quality.profile.basics import LENGTH, Asked, Basics
from dataplatform.quality.profile.formats import FORMATS
from dataplatform.quality.profile.words import Words, is_floating

_TOP = 10
_SHAPES = 5
#: Rows of the sample whose shapes are looked at.
_SHAPED = 20_000


def statement(
    words: Words,
    relation: Relation,
    asked: Sequence[Asked],
    known: Mapping[int, Basics],
    rows: int,
    size: int,
    counted: Collection[int],
) -> str:
    """Return the statement over the sample, or an empty text when it would ask nothing.

    Its rows are (place of the column, kind of fact, label, number). Values of all columns are
    put under one another first, so that it grows by a word and not by a query for each column.

    Args:
        rows: of the table.
        size: of the sample.
        counted: places of columns whose different values are counted: in the sample, when it is
            the whole table, and otherwise each by itself.
    """
    table = words.dialect.relation(relation)
    whole = rows <= size
    able = [one for one in asked if known[one.place].filled]
    shown = [
        one
        for one in able
        if one.kind != "binary" and (not one.masked or (whole and one.place in counted))
    ]
    spread = [one for one in able if known[one.place].span is not None]
    shaped = [one for one in shown if one.kind == "text" and not one.masked]
    parts, branches = [], []
    if shown:
        listed = {one.place: f"v{one.place}" for one in shown}
        parts += [f"l as ({words.long(listed, 's')})"]
        told = ", ".join(str(one.place) for one in shown if not one.masked)
        branches += _tops(words, told) if told else []
        if whole and counted:
            chosen = ", ".join(str(place) for place in sorted(counted))
            found = f"where place in ({chosen}) group by place"
            branches.append(_number_of(words, "distinct", "count(distinct v)", f"l {found}"))
    if shaped:
        listed = {one.place: f"v{one.place}" for one in shaped}
        few = f"(select {', '.join(listed.values())} from s limit {_SHAPED}) as few"
        parts.append(f"f as ({words.long(listed, few)})")
        branches += _shaped(words)
    if spread:
        values = {one.place: f"x{one.place}" for one in spread}
        bars = {one.place: _bar(words, one, known) for one in spread}
        parts += [
            f"q as ({words.long(values, 's')})",
            f"b as ({words.long(bars, 's')})",
        ]
        branches += _spreads(words)
    if not whole:
        for place in sorted(counted):
            column = words.dialect.identifier(asked[place].name)
            branches.append(
                f"select {place}, 'distinct', {words.text('null', 'text')}, "
                f"{words.double(f'count(distinct {column})')} from {table}"
            )
    if not branches:
        return ""
    picked = [f"{_value(words, one)} as v{one.place}" for one in shown]
    picked += [f"{words.double(_measured(words, one))} as x{one.place}" for one in spread]
    sample = f"select {', '.join(picked) or '1'} from {words.sample(table, size, rows)}"
    return f"with s as ({sample}), {', '.join(parts)} {' union all '.join(branches)}"


def _value(words: Words, one: Asked) -> str:
    """Return a value as text; a long one shortened, yet still unlike others."""
    column = words.dialect.identifier(one.name)
    if one.kind == "timestamp":
        column = words.moment(column, one.type)
    elif one.kind == "number" and is_floating(one.type):
        column = words.finite(column)
    text = words.text(column, one.kind)
    if one.kind not in {"text", "nested", "other"}:
        return text
    short = f"concat(substr({text}, 1, {LENGTH}), {words.digest(text)})"
    return f"case when length({text}) > {LENGTH} then {short} else {text} end"


def _measured(words: Words, one: Asked) -> str:
    column = words.dialect.identifier(one.name)
    if one.kind == "number":
        return words.finite(column) if is_floating(one.type) else column
    return words.seconds(words.moment(column, one.type), one.kind)


def _bar(words: Words, one: Asked, known: Mapping[int, Basics]) -> str:
    span = known[one.place].span
    assert span is not None
    width = (span.high - span.low) / span.bins
    bar = f"floor((x{one.place} - ({span.low!r})) / {width!r})"
    return f"case when {bar} >= {span.bins} then {float(span.bins - 1)!r} else {bar} end"


def _number_of(words: Words, kind: str, number: str, source: str) -> str:
    null = words.text("null", "text")
    return f"select place, '{kind}', {null}, {words.double(number)} from {source}"


def _most(words: Words, kind: str, label: str, source: str, limit: int) -> str:
    """Return the labels that come up most often in each column."""
    ranked = f"row_number() over (partition by place order by count(*) desc, {label})"
    return (
        f"select place, '{kind}', {label}, {words.double('count(*)')} from {source} "
        f"group by place, {label} qualify {ranked} <= {limit}"
    )


def _tops(words: Words, places: str) -> list[str]:
    filled = f"l where v is not null and place in ({places})"
    return [
        _number_of(words, "looked", "count(v)", f"{filled} group by place"),
        _most(words, "top", "v", filled, _TOP),
    ]


def _shaped(words: Words) -> list[str]:
    shape = loose = f"substr(v, 1, {LENGTH})"
    for class_, letter in (("[0-9]", "9"), ("[A-Z]", "A"), ("[a-z]", "a")):
        shape = words.replaced(shape, class_, letter)
        loose = words.replaced(loose, f"{class_}+", f"{letter}+")
    whens = " ".join(
        f"when {words.dialect.matches('v', pattern)} then '{name}'"
        for name, pattern in FORMATS.items()
    )
    labels = {"shape": shape, "loose": loose, "format": f"case {whens} else '' end"}
    return [
        _number_of(words, "shaped", "count(v)", "f group by place"),
        *(
            _most(
                words,
                kind,
                "k",
                f"(select place, {label} as k from f where v is not null) as {kind}s",
                _SHAPES,
            )
            for kind, label in labels.items()
        ),
    ]


def _spreads(words: Words) -> list[str]:
    quantiles = "from q where v is not null group by place"
    bars = "from b where v is not null group by place, v"
    return [
        f"select place, 'quantiles', {words.quantiles('v')}, {words.double('0')} {quantiles}",
        f"select place, 'bin', {words.text('v', 'number')}, {words.double('count(*)')} {bars}",
    ]
