"""Categories: columns of few values, value by value; new ones, lost ones, and other shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataplatform.monitors.comparing import compare
from dataplatform.monitors.context import Context
from dataplatform.monitors.figures import CATEGORY_SHARE
from dataplatform.monitors.model import Finding, Snapshot, State
from dataplatform.monitors.words import amount

#: A value this rare is not watched by itself.
_RARE = 0.02
_LEAST_ROWS = 20
#: Where a value's rows stand: all of them, and those of the last day.
_ALL, _LATELY = 0, 1
#: So many rows of a value must be missing before it is lost and not just rare.
_LOST = 15.0
#: A column that often has new values is no surprise with another.
_OFTEN = 3


def findings(context: Context) -> list[Finding]:
    """Return the alarms about categories."""
    found: list[Finding] = []
    for column, counts in context.now.categories.items():
        examples = [
            one
            for one in context.examples("categories", column, "value")
            if column in one.categories
        ]
        if len(examples) < min(context.settings.measurements, 8):
            continue
        rows = [sum(count[place] for count in counts.values()) for place in (_ALL, _LATELY)]
        if rows[_ALL] >= _LEAST_ROWS:
            found += _new(context, column, counts, rows, examples)
            found += _shares(context, column, rows[_ALL], examples, _ALL)
        if rows[_LATELY] >= _LEAST_ROWS:
            found += _lost(column, counts, rows[_LATELY], examples)
            found += _shares(context, column, rows[_LATELY], examples, _LATELY)
    return found


def _new(
    context: Context,
    column: str,
    counts: Mapping[str, tuple[int, int]],
    rows: Sequence[int],
    examples: list[Snapshot],
) -> list[Finding]:
    seen: set[str] = set(examples[0].categories[column])
    surprises = 0
    for one in examples[1:]:
        values = set(one.categories[column])
        surprises += bool(values - seen)
        seen |= values
    fresh = {value: each for value, (each, _) in counts.items() if value not in seen and each >= 3}
    if not fresh or surprises >= _OFTEN:
        return []
    share = max(
        sum(counts[value][place] for value in fresh) / rows[place]
        for place in (_ALL, _LATELY)
        if rows[place] >= _LEAST_ROWS
    )
    state: State = "very_unusual" if share >= 0.05 else "unusual"
    shown = ", ".join(repr(value) for value in sorted(fresh, key=lambda v: -fresh[v])[:5])
    return [
        Finding(
            kind="categories",
            column=column,
            metric="value",
            state=state,
            low=0.0,
            high=0.0,
            days=context.span,
            observed=shown,
            score=round(context.settings.patience * (1 + share * 20), 1),
            sentence=(
                f"{column} has values never seen before: {shown}, {amount(share, True)} of the "
                f"rows; {len(seen)} values are usual, from {context.span}."
            ),
        )
    ]


def _lost(
    column: str,
    counts: Mapping[str, tuple[int, int]],
    rows: int,
    examples: list[Snapshot],
) -> list[Finding]:
    found = []
    for value in examples[-1].categories[column]:
        shares = [
            share for one in examples if (share := _share(one, column, value, _LATELY)) is not None
        ]
        if not shares or min(shares) == 0 or (value in counts and counts[value][1]):
            continue
        usual = sorted(shares)[len(shares) // 2]
        if usual * rows < _LOST:
            continue
        found.append(
            Finding(
                kind="categories",
                column=column,
                metric="value",
                state="very_unusual",
                low=min(shares),
                high=max(shares),
                days=f"{len(shares)} measurements",
                observed=0.0,
                score=round((usual * rows) ** 0.5 * 3, 1),
                sentence=(
                    f"{column} has no row with {value!r} any more; it was in every one of "
                    f"{len(shares)} measurements, with {amount(min(shares), True)} to "
                    f"{amount(max(shares), True)} of the rows."
                ),
            )
        )
    return found


def _shares(
    context: Context, column: str, rows: int, examples: list[Snapshot], place: int
) -> list[Finding]:
    found = []
    for value in context.now.categories[column]:
        usual = _share(examples[-1], column, value, place) or 0.0
        now = _share(context.now, column, value, place) or 0.0
        if max(usual, now) < _RARE:
            continue
        finding = compare(
            context,
            CATEGORY_SHARE,
            column,
            "value" if place == _LATELY else "value of all rows",
            lambda one, value=value: _share(one, column, value, place),  # type: ignore[misc]
            rows,
            repr(value),
        )
        if finding is not None:
            found.append(finding)
    return found


def _share(one: Snapshot, column: str, value: str, place: int) -> float | None:
    counts = one.categories.get(column)
    if counts is None:
        return None
    rows = sum(count[place] for count in counts.values())
    return counts.get(value, (0, 0))[place] / rows if rows >= _LEAST_ROWS else None
