"""How each figure is compared with its past: on which scale, from which change on, in which words.

A change must matter before it is unusual: ``rise`` and ``fall`` are the smallest changes that do,
on the figure's own scale. How the past is read is ``series``' business.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dataplatform.checks.measures import RECENT
from dataplatform.monitors.model import Kind

#: The sensitivity at which the changes below are meant.
NORMAL_PATIENCE = 6.0


@dataclass(frozen=True)
class Figure:
    """One kind of figure.

    Attributes:
        kind: the monitor that watches it.
        words: what it is, with ``{column}`` in it.
        scale: linear, share (0 to 1), log (counts and lengths) or size (numbers of any sign).
        rise, fall: the smallest change that matters, on that scale; None where none does.
        noise: how much a single row's chance moves it, times the square root of the rows.
        grave: whether it may stop a table; others only warn.
    """

    kind: Kind
    words: str
    scale: str
    rise: float | None
    fall: float | None
    noise: float = 0.0
    grave: bool = True

    def floor(self, up: bool, rows: float | None, share: float | None) -> float | None:
        """Return the least size of a usual mistake, or None where this direction is fine.

        Args:
            up: whether the figure rose.
            rows: on how many rows it stands, where that makes it uncertain.
            share: the usual value, of a share.
        """
        change = self.rise if up else self.fall
        if change is None:
            return None
        least = change / NORMAL_PATIENCE
        if not rows or rows <= 0:
            return least
        if self.scale == "share" and share is not None:
            usual = min(max(share, 1 / rows), 1 - 1 / rows) if rows > 2 else 0.5
            return max(least, math.sqrt(usual * (1 - usual) / rows))
        return max(least, self.noise / math.sqrt(rows))


def scaled(
    figure: Figure, unit: float
) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Return how a figure is put on its scale, and back.

    Args:
        figure: the figure.
        unit: a usual size of the values, for the scale ``size``.
    """
    if figure.scale == "log":
        return lambda value: math.log1p(max(value, 0.0)), lambda value: math.expm1(min(value, 700))
    if figure.scale == "size":
        return (
            lambda value: math.asinh(value / unit),
            lambda value: math.sinh(max(min(value, 700), -700)) * unit,
        )
    return lambda value: value, lambda value: value


_SIZE = {
    "q50": Figure("distribution", "the median of {column}", "size", 0.40, 0.40, 1.3),
    "q05": Figure("distribution", "the 5 % quantile of {column}", "size", 0.70, 0.70, 2.2),
    "q95": Figure("distribution", "the 95 % quantile of {column}", "size", 0.60, 0.60, 2.2),
    "mean": Figure("distribution", "the mean of {column}", "size", 0.50, 0.50, 2.0),
}

_SHARES = {
    "null_share": Figure("nulls", "the share of nulls in {column}", "share", 0.02, 0.10),
    "non_ascii": Figure(
        "distribution", "the share of {column} with characters beyond ASCII", "share", 0.05, 0.05
    ),
    "damaged": Figure(
        "distribution", "the share of {column} with a damaged encoding", "share", 0.01, None
    ),
    "digits": Figure("distribution", "the share of {column} with a digit", "share", 0.10, 0.10),
    "test_like": Figure(
        "distribution", "the share of {column} that looks like a test", "share", 0.01, None
    ),
}

_HOURS = {
    name: Figure("distribution", "the time of day in {column}", "linear", 0.20, 0.20, 0.7)
    for name in ("hour_sin", "hour_cos")
}

ROWS = {
    "rows": Figure("volume", "the number of rows", "log", 0.45, 0.20, 1.0),
    RECENT + "rows": Figure("volume", "the rows of the last day", "log", 0.92, 0.46, 1.0),
}

_COLUMN: dict[str, Figure] = {
    **_SIZE,
    **_SHARES,
    **_HOURS,
    "max": Figure("distribution", "the largest {column}", "size", 1.6, None, grave=False),
    "min": Figure("distribution", "the smallest {column}", "size", None, 1.6, grave=False),
    "mean_length": Figure("distribution", "the mean length of {column}", "log", 0.15, 0.15, 0.6),
    "distinct": Figure("uniqueness", "the distinct values of {column}", "log", 1.6, 0.9, 1.0),
}

#: How unique a column is: distinct values as a share of its filled rows.
UNIQUE_SHARE = Figure(
    "uniqueness", "the share of distinct values among {column}", "share", None, 0.15
)
#: Fewer rows have fewer values: it is compared as if the day had as many rows as usual.
DISTINCT_LATELY = Figure("uniqueness", "the distinct values of {column}", "log", None, 0.9, 1.0)
TRUE_SHARE = Figure("distribution", "the share of true in {column}", "share", 0.10, 0.10)
CATEGORY_SHARE = Figure("categories", "the share of {value} in {column}", "share", 0.10, 0.10)
LAG = Figure("freshness", "the age of the newest {column} in hours", "linear", 3.0, 0.75)
OTHER_LAG = Figure(
    "distribution", "the age of the newest {column} in hours", "linear", None, 3.0, grave=True
)


def figure_of(metric: str, recent: bool) -> Figure | None:
    """Return how a column's measure is compared, or None where it is not.

    Args:
        metric: its name, without the mark of the last day.
        recent: whether it is of the rows of the last day.
    """
    if metric.startswith("hour_") and not recent:
        # All days together move too little to tell anything.
        return None
    if metric == "distinct" and recent:
        return DISTINCT_LATELY
    return _COLUMN.get(metric)
