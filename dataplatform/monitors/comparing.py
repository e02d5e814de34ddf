"""One figure of a measurement against its past: usual, or a finding that explains itself.

Which figures are compared is the business of the monitor of each kind; what a figure's range is,
that of ``series``. A value that was accepted before, or announced, is usual.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from dataplatform.monitors.context import Context
from dataplatform.monitors.figures import Figure, scaled
from dataplatform.monitors.guesses import Past
from dataplatform.monitors.model import Finding, Snapshot, State
from dataplatform.monitors.series import judge_value
from dataplatform.monitors.words import amount, far, moved

#: So many times the patience, and an alarm is grave.
_GRAVE = 1.5
#: A guess of fewer values than these is none.
_LEAST = 3


def compare(
    context: Context,
    figure: Figure,
    column: str | None,
    metric: str,
    take: Callable[[Snapshot], float | None],
    rows: float | None = None,
    value_words: str = "",
) -> Finding | None:
    """Compare one figure with its past; None where it is as usual or cannot be told.

    Args:
        context: the measurement, and the history that counts.
        figure: how it is compared.
        column: of which column; None for the table.
        metric: its name in the history.
        take: reads it from a measurement.
        rows: on how many rows it stands, where that makes it uncertain.
        value_words: the category, for a share of one.
    """
    seen = take(context.now)
    if seen is None:
        return None
    known = [(one.at, take(one)) for one in context.examples(figure.kind, column, metric)]
    points = [(at, value) for at, value in known if value is not None]
    if len(points) < max(_LEAST, min(context.settings.measurements, 8)):
        return None
    return _compared(context, figure, column, metric, points, seen, rows, value_words)


def _compared(
    context: Context,
    figure: Figure,
    column: str | None,
    metric: str,
    points: Sequence[tuple[datetime.datetime, float]],
    seen: float,
    rows: float | None,
    value_words: str,
) -> Finding | None:
    plain = sorted(value for _, value in points)
    middle = plain[len(plain) // 2]
    unit = sorted(abs(value) for value in plain)[len(plain) // 2] or 1.0
    put, back = scaled(figure, unit)
    floor = figure.floor(seen > middle, rows, middle)
    if floor is None:
        return None
    # Volume has two figures and a season; the others are many and mostly quiet.
    if figure.kind != "volume" and _seen_lately(context, points, seen, put, floor):
        return None
    past = Past.of([(at, put(value)) for at, value in points])
    patience = context.settings.patience
    if figure.kind in ("volume", "freshness") and context.holiday:
        # No two holidays are alike.
        patience *= 2
    judged = judge_value(
        past,
        context.now.at,
        put(seen),
        context.calendar,
        patience,
        floor,
        thorough=figure.kind == "volume",
    )
    if judged.score <= patience:
        return None
    width = patience * judged.guess.scale
    low, high = back(judged.guess.value - width), back(judged.guess.value + width)
    if figure.scale in ("share", "log"):
        low = max(low, 0.0)
    if figure.scale == "share":
        high = min(high, 1.0)
    if _awaited(context, figure.kind, column, low, high, seen):
        return None
    if _accepted(context, figure.kind, column, points, low, high, seen):
        return None
    state: State = "unusual"
    if judged.score >= _GRAVE * patience and figure.grave:
        state = "very_unusual"
    words = figure.words.format(column=column, value=value_words)
    last_day = " (rows of the last day)" if metric.startswith("recent_") and column else ""
    share = figure.scale == "share"
    return Finding(
        kind=figure.kind,
        column=column,
        metric=metric,
        state=state,
        low=low,
        high=high,
        days=judged.guess.days,
        observed=seen,
        score=round(judged.score, 1),
        sentence=(
            f"{words[0].upper()}{words[1:]}{last_day} {moved(seen, low, high)} "
            f"{amount(seen, share)}; expected {amount(low, share)} to {amount(high, share)}, "
            f"from {judged.guess.days}. {far(judged.score)}"
        ),
    )


def _seen_lately(
    context: Context,
    points: Sequence[tuple[datetime.datetime, float]],
    seen: float,
    put: Callable[[float], float],
    floor: float,
) -> bool:
    """Whether a value is about among those of the last days, and of the last such days.

    Cheap, and true of nearly every figure of a quiet table.
    """
    now = put(seen)
    lately = [put(value) for _, value in points[-14:]]
    if not _about_within(now, lately, floor):
        return False
    similar = [put(value) for at, value in points[-60:] if at in context.similar]
    return len(similar) < _LEAST or _about_within(now, similar[-4:], floor)


def _accepted(
    context: Context,
    kind: str,
    column: str | None,
    points: Sequence[tuple[datetime.datetime, float]],
    low: float,
    high: float,
    seen: float,
) -> bool:
    """Whether a value lies between what is usual and what was accepted before, or about so."""
    fine = [
        value
        for at, value in points
        if any(one.action == "accept" and one.covers(kind, column, at) for one in context.answers)
    ]
    if not fine:
        return False
    room = (high - low) / 2
    lowest, highest = min(low, *fine) - room, max(high, *fine) + room
    return lowest <= seen <= highest


def _awaited(
    context: Context, kind: str, column: str | None, low: float, high: float, seen: float
) -> bool:
    """Whether an announced event explains the value."""
    for answer in context.answers:
        if answer.action != "expect" or not answer.covers(kind, column, context.now.at):
            continue
        factor = answer.factor
        if factor is None:
            return True
        lower, upper = min(low, low * factor), max(high, high * factor)
        if lower <= seen <= upper:
            return True
    return False


def _about_within(value: float, others: Sequence[float], floor: float) -> bool:
    low, high = min(others), max(others)
    room = (high - low) / 2 + floor
    return low - room <= value <= high + room
