"""What range one figure keeps, learned from its own past.

Several simple guesses are made of the next value: the usual level, the level on this weekday or
at this hour, the last value and its usual step, the value a week ago. Each is as good as its own
mistakes in the past were small. A value is unusual when it is far from what the best guesses
say, further than they were ever mistaken, and by enough to matter. Only then a robust regression
over trend, weekday, hour, month end and holidays is asked whether it explains the value.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dataplatform.monitors.calendar import WEEKDAYS, Calendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY = 86400.0
#: From a median absolute deviation to a standard deviation.
_MAD = 1.4826
#: How much further than ever before a guess must be mistaken.
_BEYOND = 1.5
#: A mistake so many times the usual one was an incident, if there was no other like it.
_GROSS = 12.0
#: The largest of some dozen mistakes is usually about so many times the usual one.
_LARGEST = 4.0
#: Guesses whose mistakes are up to so many times those of the best have a say.
_SAY = 1.6


@dataclass(frozen=True)
class Guess:
    """One guess of a value.

    Attributes:
        value: the guess.
        scale: the usual size of its mistakes.
        below, above: how far values were from it at most, below and above.
        days: from which days it was learned, in words.
    """

    value: float
    scale: float
    below: float
    above: float
    days: str

    @property
    def error(self) -> float:
        """How good the guess is: its usual mistake, or what its largest one makes of that."""
        return max(self.scale, max(self.below, self.above) / _LARGEST)

    def distance(self, value: float) -> float:
        """Return how far a value is from the guess, in usual mistakes."""
        return abs(value - self.value) / self.scale

    def surprised(self, value: float, patience: float) -> bool:
        """Whether the value is further off than any was on this side, by far."""
        worst = self.above if value > self.value else self.below
        beyond = abs(value - self.value) > _BEYOND * worst
        return beyond and self.distance(value) > patience


@dataclass(frozen=True)
class Judged:
    """How a value compares with its past: the best guess, and how far off the value is."""

    score: float
    guess: Guess


@dataclass(frozen=True)
class Past:
    """The values of one figure before now, the oldest first.

    Attributes:
        times: seconds since 1970.
        values: on the scale on which they are compared.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    moments: Sequence[datetime.datetime]

    @classmethod
    def of(cls, points: Sequence[tuple[datetime.datetime, float]]) -> Past:
        """Return the past of some points in time."""
        return cls(
            np.array([at.timestamp() for at, _ in points]),
            np.array([value for _, value in points], dtype=float),
            [at for at, _ in points],
        )

    def without(self, calendar: Calendar) -> Past:
        """Return the past without its holidays and the days beside them, if enough is left."""
        kept = [
            place
            for place, at in enumerate(self.moments)
            if not calendar.near_holiday(calendar.local(at).date())
        ]
        if len(kept) < max(8, len(self) // 2):
            return self
        return Past(self.times[kept], self.values[kept], [self.moments[place] for place in kept])

    def __len__(self) -> int:
        return len(self.values)


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
    regressed = _regression(past, now, calendar, floor)
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
            _guess(
                values[-1] + float(np.median(steps)),
                steps - np.median(steps),
                floor,
                f"the measurement before ({_day(moments[-1])}) and the usual change since",
            )
        )
    week = _week_ago(past, now, floor)
    return [*found, week] if week is not None else found


def _level(
    values: NDArray[np.float64], moments: Sequence[datetime.datetime], floor: float, words: str
) -> Guess:
    middle = float(np.median(values))
    return _guess(middle, values - middle, floor, _span(len(values), words, moments))


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
    spread = _MAD * float(np.median(np.abs(others - np.median(others))))
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
    words = f"a week before ({_day(past.moments[place])}) and the usual change of a week"
    return _guess(float(past.values[place]) + usual, steps - usual, floor, words)


def _guess(value: float, mistakes: NDArray[np.float64], floor: float, days: str) -> Guess:
    sizes = np.abs(mistakes)
    # With few examples the median mistake is itself a guess.
    scale = _MAD * float(np.median(sizes)) * (1 + 3 / max(len(sizes), 1))
    scale = max(scale, floor)
    below, above = _worst(-mistakes, scale), _worst(mistakes, scale)
    return Guess(float(value), scale, below, above, days)


def _worst(mistakes: NDArray[np.float64], scale: float) -> float:
    """The largest mistake that says something about the next: one or two gross ones do not."""
    ordered = np.sort(mistakes)
    spared = 2 if len(ordered) >= 20 else 1 if len(ordered) >= 8 else 0
    while spared and ordered[-1] > _GROSS * scale:
        ordered, spared = ordered[:-1], spared - 1
    return max(float(ordered[-1]), 0.0) if len(ordered) else 0.0


def _regression(
    past: Past, now: datetime.datetime, calendar: Calendar, floor: float
) -> Guess | None:
    """Trend, weekday, hour, month end and holidays together, by a robust regression."""
    if not calendar.near_holiday(calendar.local(now).date()):
        past = past.without(calendar)
    if len(past) < 21:
        return None
    from scipy.optimize import least_squares

    moments = [*past.moments, now]
    design = _design(moments, calendar)
    known, today = design[:-1], design[-1]
    scale = max(_MAD * float(np.median(np.abs(past.values - np.median(past.values)))), floor)
    centre = float(np.median(past.values))
    # A pinch of ridge keeps what was never seen (a first holiday) at zero.
    ridge = np.eye(known.shape[1]) * 0.1
    ridge[0, 0] = 0.0

    def mistakes(weights: Any) -> Any:
        return np.concatenate([(known @ weights - (past.values - centre)) / scale, ridge @ weights])

    start = np.zeros(known.shape[1])
    weights = least_squares(mistakes, start, loss="soft_l1", f_scale=1.0, max_nfev=60).x
    left = past.values - centre - known @ weights
    freedom = max(len(past) - known.shape[1], 1)
    guess = _guess(
        centre + float(today @ weights),
        left * (len(past) / freedom) ** 0.5,
        floor,
        _span(len(past), "measurements, with trend, weekday, month end and holidays", past.moments),
    )
    return guess


def _design(moments: Sequence[datetime.datetime], calendar: Calendar) -> NDArray[np.float64]:
    local = [calendar.local(at) for at in moments]
    first = moments[0].timestamp()
    span = max(moments[-1].timestamp() - first, 1.0)
    columns = [np.ones(len(local)), [(at.timestamp() - first) / span for at in moments]]
    columns += [[float(at.weekday() == day) for at in local] for day in range(1, 7)]
    hours = sorted({at.hour // 6 for at in local})
    columns += [[float(at.hour // 6 == hour) for at in local] for hour in hours[1:]]
    columns.append([float(calendar.month_end(at.date())) for at in local])
    columns.append([float(calendar.near_holiday(at.date()) is not None) for at in local])
    columns.append([float(calendar.holiday(at.date()) is not None) for at in local])
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def _span(count: int, words: str, moments: Sequence[datetime.datetime]) -> str:
    return f"{count} {words} from {_day(moments[0])} to {_day(moments[-1])}"


def _day(at: datetime.datetime) -> str:
    return at.date().isoformat()
