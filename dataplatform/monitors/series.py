"""What range one figure keeps, learned from its own past.

Several simple guesses are made of the next value: the usual level, the level on this weekday or
at this hour, the last value and its usual step, the value a week ago. Each is as good as its own
mistakes in the past were small. A value is unusual when it is far from what the best guesses
say, further than they were ever mistaken, and by enough to matter. Only then a robust regression
is asked whether it explains the value.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dataplatform.monitors.calendar import WEEKDAYS, Calendar
from dataplatform.monitors.guesses import MAD, Guess, Past, day, guess_of, span
from dataplatform.monitors.regression import regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY = 86400.0
#: Guesses whose mistakes are up to so many times those of the best have a say.
_SAY = 1.6


@dataclass(frozen=True)
class Judged:
    """How a value compares with its past: the best guess, and how far off the value is."""

    score: float
    guess: Guess


def judge_value(
    past: Past,
    now: datetime.datetime,
    value: float,
    calendar: Calendar,
    patience: float,
    floor: float,
    thorough: bool = False,
) -> Judged:
    """Compare a value with its past.

    Args:
        past: earlier values, on the same scale; at least three.
        now: when the value was measured.
        value: what was seen.
        calendar: what kind of day it is.
        patience: how many usual mistakes are still usual.
        floor: the least size of a usual mistake that makes sense for this figure.
        thorough: whether the regression is asked even where a simple guess is content; it knows
            a season best.

    Returns:
        The score is 0 where the value is as expected.
    """
    guesses = _guesses(past, now, calendar, floor)
    best = min(guesses, key=lambda guess: guess.error)
    content = any(not one.surprised(value, patience) for one in _with_a_say(guesses, best))
    if content and not thorough:
        return Judged(0.0, best)
    regressed = regression(past, now, calendar, floor)
    if regressed is not None:
        guesses.append(regressed)
        best = min(guesses, key=lambda guess: guess.error)
        content = any(not one.surprised(value, patience) for one in _with_a_say(guesses, best))
    if content:
        return Judged(0.0, best)
    said = _with_a_say(guesses, best)
    nearest = min(said, key=lambda guess: guess.distance(value))
    return Judged(nearest.distance(value), nearest)


def _with_a_say(guesses: Sequence[Guess], best: Guess) -> list[Guess]:
    return [guess for guess in guesses if guess.error <= _SAY * best.error]


def _guesses(past: Past, now: datetime.datetime, calendar: Calendar, floor: float) -> list[Guess]:
    if not calendar.near_holiday(calendar.local(now).date()):
        past = past.without(calendar)
    values, moments = past.values, past.moments
    found = [_level(values[-28:], moments[-28:], floor, "measurements")]
    local = [calendar.local(at) for at in moments]
    today = calendar.local(now)
    weekday = [place for place, at in enumerate(local) if at.weekday() == today.weekday()][-8:]
    others = values[-28:]
    if len(weekday) >= 3:
        name = f"{WEEKDAYS[today.weekday()]}s"
        found.append(_similar(values, weekday, moments, floor, name, others))
    hours = {at.hour for at in local[-28:]}
    if len(hours) > 1:
        same = [
            place
            for place, at in enumerate(local)
            if min((at.hour - today.hour) % 24, (today.hour - at.hour) % 24) <= 1
        ][-28:]
        if len(same) >= 3:
            words = f"measurements around {today:%H}:00"
            found.append(_similar(values, same, moments, floor, words, others))
    if calendar.month_end(today.date()):
        ends = [p for p, at in enumerate(local) if calendar.month_end(at.date())][-12:]
        if len(ends) >= 3:
            found.append(_similar(values, ends, moments, floor, "month ends", others))
    if calendar.near_holiday(today.date()):
        free = [p for p, at in enumerate(local) if calendar.near_holiday(at.date())][-16:]
        if len(free) >= 3:
            found.append(_similar(values, free, moments, floor, "days around holidays", others))
    if len(values) >= 4:
        steps = np.diff(values)[-28:]
        found.append(
            guess_of(
                values[-1] + float(np.median(steps)),
                steps - np.median(steps),
                floor,
                f"the measurement before ({day(moments[-1])}) and the usual change since",
            )
        )
    week = _week_ago(past, now, floor)
    return [*found, week] if week is not None else found


def _level(
    values: NDArray[np.float64], moments: Sequence[datetime.datetime], floor: float, words: str
) -> Guess:
    middle = float(np.median(values))
    return guess_of(middle, values - middle, floor, span(len(values), words, moments))


def _similar(
    values: NDArray[np.float64],
    places: Sequence[int],
    moments: Sequence[datetime.datetime],
    floor: float,
    words: str,
    others: NDArray[np.float64],
) -> Guess:
    """A guess from similar moments; few of them hide how much they can differ."""
    chosen = values[list(places)]
    guess = _level(chosen, [moments[place] for place in places], floor, words)
    # Few examples: their spread is believed only partly, the rest is that of all days.
    spread = MAD * float(np.median(np.abs(others - np.median(others))))
    trust = min(len(chosen) / 8, 1.0)
    scale = max(guess.scale, (1 - trust) * spread)
    return replace(guess, scale=scale)


def _week_ago(past: Past, now: datetime.datetime, floor: float) -> Guess | None:
    """The value a week ago, and how much a week usually changes it."""
    at = now.timestamp()
    before = np.searchsorted(past.times, past.times - 7 * _DAY + _DAY / 2, side="right") - 1
    fits = (before >= 0) & (np.abs(past.times - 7 * _DAY - past.times[before]) < _DAY / 2)
    if fits.sum() < 4:
        return None
    steps = (past.values - past.values[before])[fits][-28:]
    place = int(np.searchsorted(past.times, at - 7 * _DAY + _DAY / 2, side="right")) - 1
    if place < 0 or abs(at - 7 * _DAY - past.times[place]) >= _DAY / 2:
        return None
    usual = float(np.median(steps))
    words = f"a week before ({day(past.moments[place])}) and the usual change of a week"
    return guess_of(float(past.values[place]) + usual, steps - usual, floor, words)
