"""One guess of a figure's next value, and how good it is: as good as its past mistakes were small.

Which guesses are made is the business of ``series`` and ``regression``.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataplatform.monitors.calendar import Calendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: From a median absolute deviation to a standard deviation.
MAD = 1.4826
#: How much further than ever before a guess must be mistaken.
_BEYOND = 1.5
#: A mistake so many times the usual one was an incident, if there was no other like it.
_GROSS = 12.0
#: The largest of some dozen mistakes is usually about so many times the usual one.
_LARGEST = 4.0


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


def guess_of(value: float, mistakes: NDArray[np.float64], floor: float, days: str) -> Guess:
    """Return a guess, with what its mistakes were.

    Args:
        value: the guess.
        mistakes: how far values were above it, or below.
        floor: the least size of a usual mistake that makes sense.
        days: from which days it was learned, in words.
    """
    sizes = np.abs(mistakes)
    # With few examples the median mistake is itself a guess.
    scale = MAD * float(np.median(sizes)) * (1 + 3 / max(len(sizes), 1))
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


def span(count: int, words: str, moments: Sequence[datetime.datetime]) -> str:
    """Return from which days so many examples are, in words."""
    return f"{count} {words} from {day(moments[0])} to {day(moments[-1])}"


def day(at: datetime.datetime) -> str:
    """Return the day of a measurement, as it is told."""
    return at.date().isoformat()
