"""The guess of a robust regression over trend, weekday, hour, month end and holidays.

It is asked last, where simple guesses do not explain a value or a season is to be known.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.guesses import MAD, Guess, Past, guess_of, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: With fewer examples a regression explains anything.
_LEAST = 21


def regression(
    past: Past, now: datetime.datetime, calendar: Calendar, floor: float
) -> Guess | None:
    """Return the guess of a regression, or None where there are too few examples.

    Args:
        past: earlier values, on the same scale.
        now: when the value was measured.
        calendar: what kind of day it is.
        floor: the least size of a usual mistake that makes sense for this figure.
    """
    if not calendar.near_holiday(calendar.local(now).date()):
        past = past.without(calendar)
    if len(past) < _LEAST:
        return None
    from scipy.optimize import least_squares

    moments = [*past.moments, now]
    design = _design(moments, calendar)
    known, today = design[:-1], design[-1]
    scale = max(MAD * float(np.median(np.abs(past.values - np.median(past.values)))), floor)
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
    guess = guess_of(
        centre + float(today @ weights),
        left * (len(past) / freedom) ** 0.5,
        floor,
        span(len(past), "measurements, with trend, weekday, month end and holidays", past.moments),
    )
    return guess


def _design(moments: Sequence[datetime.datetime], calendar: Calendar) -> NDArray[np.float64]:
    local = [calendar.local(at) for at in moments]
    first = moments[0].timestamp()
    length = max(moments[-1].timestamp() - first, 1.0)
    columns = [np.ones(len(local)), [(at.timestamp() - first) / length for at in moments]]
    columns += [[float(at.weekday() == day) for at in local] for day in range(1, 7)]
    hours = sorted({at.hour // 6 for at in local})
    columns += [[float(at.hour // 6 == hour) for at in local] for hour in hours[1:]]
    columns.append([float(calendar.month_end(at.date())) for at in local])
    columns.append([float(calendar.near_holiday(at.date()) is not None) for at in local])
    columns.append([float(calendar.holiday(at.date()) is not None) for at in local])
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])
