"""Freshness: is the newest row as young as usual, and did the table come when it should?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from dataplatform.checks.measures import RECENT, time_column
from dataplatform.monitors.calendar import WEEKDAYS
from dataplatform.monitors.comparing import compare
from dataplatform.monitors.context import Context
from dataplatform.monitors.figures import LAG, Figure
from dataplatform.monitors.model import Finding, Snapshot
from dataplatform.monitors.words import far

_HOUR = 3600.0
#: So many times the usual time between two rows, and no row is a surprise.
_GAPS = 8.0


def lag(one: Snapshot, column: str) -> float | None:
    """Return the age of the newest value of a column in hours, at its measurement."""
    newest = one.values.get((column, "max"))
    return None if newest is None else (one.at.timestamp() - newest) / _HOUR


def fresh_column(context: Context) -> str | None:
    """Return the column that tells how fresh the table is."""
    return time_column(context.now.columns, context.settings.fresh_column)


def findings(context: Context) -> list[Finding]:
    """Return the alarm about the newest row's age, if there is one."""
    column = fresh_column(context)
    if column is None:
        return []
    finding = compare(
        context, _lag_figure(context, column), column, "max", lambda o: lag(o, column)
    )
    return [] if finding is None else [finding]


def _lag_figure(context: Context, column: str) -> Figure:
    """How a lag is compared: rows come by chance, so in a slow table the newest is often old."""
    ages = sorted(age for one in context.snapshots if (age := lag(one, column)) is not None)
    counts = sorted(
        count for one in context.snapshots if (count := one.values.get((None, RECENT + "rows")))
    )
    now = lag(context.now, column)
    if not ages or not counts or now is None or now <= ages[len(ages) // 2] or LAG.rise is None:
        # A row from the future is no chance.
        return LAG
    between = 24 / counts[len(counts) // 2]
    return replace(LAG, rise=max(LAG.rise, _GAPS * between))


def missed(context: Context) -> Finding | None:
    """Return the alarm that no measurement came when one should have."""
    times = [one.at for one in context.snapshots]
    now = context.now.at
    gaps = [
        ((later - earlier).total_seconds() / _HOUR, context.calendar.local(earlier).weekday())
        for earlier, later in pairwise(times)
    ]
    recent = gaps[-60:]
    weekday = context.calendar.local(times[-1]).weekday()
    same = [gap for gap, day in recent if day == weekday]
    chosen = same if len(same) >= 3 else [gap for gap, _ in recent]
    ordered = sorted(chosen)
    usual = ordered[len(ordered) // 2]
    # One gap of the past may have been an incident of its own.
    longest = ordered[-2] if len(ordered) >= 8 else ordered[-1]
    allowed = 1.25 * longest + 1.0
    waited = (now - times[-1]).total_seconds() / _HOUR
    if waited <= allowed:
        return None
    if context.calendar.near_holiday(context.calendar.local(now).date()) and waited <= allowed + 72:
        return None
    score = round(context.settings.patience * waited / allowed, 1)
    words = f"updates after {WEEKDAYS[weekday]}s" if len(same) >= 3 else "updates"
    return Finding(
        kind="freshness",
        column=None,
        metric="update",
        state="very_unusual" if waited > 2 * allowed else "unusual",
        low=0.0,
        high=allowed,
        days=f"{len(chosen)} {words} from {times[0].date()} to {times[-1].date()}",
        observed=round(waited, 1),
        score=score,
        sentence=(
            f"An update was missed: the last one is {waited:,.1f} hours ago; usually the next "
            f"comes after {usual:,.1f} hours, and at most after {allowed:,.1f}, from "
            f"{len(chosen)} {words} from {times[0].date()} to {times[-1].date()}. {far(score)}"
        ),
    )
