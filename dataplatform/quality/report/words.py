"""Values as people read them, and the small drawings in rows: what templates call filters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from dataplatform.quality.report.model import (
    BROKEN,
    FAILED,
    PASSED,
    STATUSES,
    WAITING,
    WARNED,
    Freshness,
    Point,
    TableReport,
)

_STEP, _HEIGHT = 4.6, 22.0
_SPOTS = 30


@lru_cache(maxsize=4096)
def moment(at: float) -> str:
    """Return a point in time, to the minute, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%-d %b %Y, %H:%M}"


def day(at: float) -> str:
    """Return a day in words."""
    return f"{datetime.fromtimestamp(at, UTC):%-d %B %Y}"


def clock(at: float) -> str:
    """Return a time of day in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def iso(at: float) -> str:
    """Return a point in time as machines read it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def hours(number: float) -> str:
    """Return a span of hours in the unit that suits it."""
    if number < 1:
        return f"{number * 60:.0f} min"
    return f"{number:.0f} h" if number < 72 else f"{number / 24:.0f} days"


def seconds(number: float) -> str:
    """Return a duration in the unit that suits it."""
    if number < 90:
        return f"{number:.0f} s" if number >= 10 else f"{number:.1f} s"
    return hours(number / 3600)


def percent(share: float) -> str:
    """Return a share; one that is not nothing never reads so."""
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"


def value(found: Any) -> str:
    """Return what was observed."""
    if found is None or found == "nothing":
        return "nothing"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int):
        return f"{found:,}"
    if isinstance(found, float) and math.isfinite(found):
        return f"{found:,.4g}" if abs(found) < 1e4 else f"{found:,.0f}"
    return str(found)


def spoken(name: str) -> str:
    """Return the name of a rule as words."""
    return name.replace("_", " ")


def tally(table: TableReport) -> str:
    """Return a table's rules, counted by how they stand."""
    words = {BROKEN: "error", FAILED: "broken", WARNED: "warning", WAITING: "not judged"}
    counts = table.counts
    found = [
        f"{count} {word}{'s' if count > 1 and status in {BROKEN, WARNED} else ''}"
        for status, word in words.items()
        if (count := counts[status])
    ]
    return ", ".join([*found, f"{counts[PASSED]} kept"] if counts[PASSED] else found)


def fill(freshness: Freshness) -> int:
    """Return how much of its promised age a table has used up, in percent."""
    if freshness.age is None or not freshness.promised:
        return 0
    return max(3, min(100, round(100 * freshness.age / freshness.promised)))


def worst(tables: Iterable[TableReport]) -> str:
    """Return the gravest status among tables."""
    found = {table.status for table in tables}
    return next((status for status in STATUSES if status in found), "none")


def spark(points: Sequence[Point]) -> Any:
    """Draw a rule's past: a dot for each verdict, at the height of what was observed."""
    from markupsafe import Markup, escape

    if not points:
        return ""
    values = [
        float(p.observed)
        if isinstance(p.observed, int | float) and not isinstance(p.observed, bool)
        else None
        for p in points
    ]
    known = [number for number in values if number is not None]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)

    def y(number: float | None) -> float:
        if number is None or span == 0:
            return _HEIGHT / 2
        return round(_HEIGHT - 3 - (_HEIGHT - 6) * (number - low) / span, 1)

    spots = [(round(3 + place * _STEP, 1), y(number)) for place, number in enumerate(values)]
    line = " ".join(f"{x},{at}" for x, at in spots)
    dots = "".join(
        f'<circle class="{point.status}" cx="{x}" cy="{at}" r="2.1"><title>'
        f"{moment(point.timestamp)} UTC: {escape(value(point.observed))}"
        "</title></circle>"
        for point, (x, at) in zip(points, spots, strict=True)
    )
    kept = sum(point.status == PASSED for point in points)
    label = f"{len(points)} verdicts, {kept} kept"
    width = round(6 + _STEP * max(_SPOTS, len(points)))
    return Markup(
        f'<svg class="spark" role="img" aria-label="{label}" width="{width}" '
        f'height="{_HEIGHT:.0f}"><polyline points="{line}"/>{dots}</svg>'
    )


def age_line(freshness: Freshness, now: float, days: float = 14.0) -> Any:
    """Draw a table's age over time against its promise: a saw that should stay under the line."""
    from markupsafe import Markup

    if not freshness.promised:
        return ""
    width, height = 240.0, 34.0
    tops = ages(freshness, now, now - days * 86400)
    if len(tops) < 2:
        return ""
    start = tops[0][0]
    most = max(freshness.promised * 1.25, max(age for _, age in tops))

    def x(at: float) -> float:
        return round(width * (at - start) / max(1.0, now - start), 1)

    def y(age: float) -> float:
        return round(height - 2 - (height - 4) * age / most, 1)

    line = " ".join(f"{x(at)},{y(age)}" for at, age in tops)
    promise = y(freshness.promised)
    state = "late" if freshness.status == "late" else "kept"
    return Markup(
        f'<svg class="saw {state}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="Age in the last {days:.0f} days against the promise" '
        f'preserveAspectRatio="none"><polyline points="{line}"/>'
        f'<line x1="0" x2="{width:.0f}" y1="{promise}" y2="{promise}"/></svg>'
    )


def linkable(url: str) -> bool:
    """Return whether an address may be followed: a word of a contract must not run anything."""
    return url.startswith(("https://", "http://", "mailto:"))


def ages(freshness: Freshness, now: float, start: float) -> list[tuple[float, float]]:
    """Return a table's age in hours over time: it grows, and falls when the table is made.

    Args:
        freshness: when it was made.
        now: where the line ends.
        start: where it begins, or when the table was first made.
    """
    times = [at for at in freshness.made if at <= now]
    if not times:
        return []
    found: list[tuple[float, float]] = []
    last: float | None = None
    for at in times:
        if at >= start and last is not None:
            if not found:
                found.append((start, max(0.0, (start - last) / 3600)))
            found.append((at, (at - last) / 3600))
        if at >= start:
            found.append((at, 0.0))
        last = at
    assert last is not None
    if not found:
        found.append((start, (start - last) / 3600))
    return [*found, (now, (now - last) / 3600)]


FILTERS: dict[str, Callable[..., Any]] = {
    "day": day,
    "clock": clock,
    "moment": moment,
    "iso": iso,
    "hours": hours,
    "seconds": seconds,
    "value": value,
    "percent": percent,
    "spoken": spoken,
    "tally": tally,
    "fill": fill,
    "worst": worst,
    "spark": spark,
    "count_in": lambda status, counts: counts[status],
}
