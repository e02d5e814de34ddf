"""The small drawings in rows, as SVG: a rule's past, and a table's age against its promise.

They are seen without a script and on paper; charts that a reader may explore are in ``charts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dataplatform.quality.report.model import Freshness
from dataplatform.quality.report.rule_words import BROKEN, FAILED, PASSED, WARNED, Point
from dataplatform.quality.report.words import moment, value

_STEP, _WIDE = 4.6, 3.0
#: What was observed is drawn over the verdicts, with a space between.
_LINE, _SPACE = 15.0, 4.0
#: The graver, the higher, so that a verdict is seen without its colour too.
_HIGH = {PASSED: 6.0, WARNED: 10.0, FAILED: 14.0, BROKEN: 14.0}
_MOST = max(_HIGH.values())
_SPOTS = 30
_SAID = {PASSED: "kept", WARNED: "warning", FAILED: "broken", BROKEN: "error"}


def spark(points: Sequence[Point]) -> Any:
    """Draw a rule's past: a bar for each verdict and, over them, what was observed.

    Args:
        points: its verdicts, the oldest first.
    """
    from markupsafe import Markup, escape

    if not points:
        return ""
    line = _observed(points)
    top = _LINE + _SPACE if line else 0.0
    bars = "".join(
        f'<rect class="{point.status}" x="{place * _STEP:.1f}" '
        f'y="{top + _MOST - _HIGH[point.status]:.1f}" width="{_WIDE:.0f}" '
        f'height="{_HIGH[point.status]:.0f}" rx="1"><title>{moment(point.timestamp)} UTC: '
        f"{_SAID[point.status]}, {escape(value(point.observed))}</title></rect>"
        for place, point in enumerate(points)
    )
    counts = Counter(_SAID[point.status] for point in points)
    counted = ", ".join(f"{count} {word}" for word, count in counts.items())
    width = round(_STEP * max(_SPOTS, len(points)))
    return Markup(
        f'<svg class="spark" role="img" aria-label="Verdicts: {counted}" '
        f'viewBox="0 0 {width} {top + _MOST:.0f}" width="{width}" height="{top + _MOST:.0f}">'
        f"{line}{bars}</svg>"
    )


def _observed(points: Sequence[Point]) -> str:
    """Return the line through what was observed; empty where that is no number or never moved."""
    known = [
        (place * _STEP + _WIDE / 2, float(point.observed))
        for place, point in enumerate(points)
        if isinstance(point.observed, int | float) and not isinstance(point.observed, bool)
    ]
    low = min((number for _, number in known), default=0.0)
    span = max((number for _, number in known), default=0.0) - low
    if not span > 0:
        return ""
    spots = (f"{x:.1f},{_LINE - 1 - (_LINE - 2) * (at - low) / span:.1f}" for x, at in known)
    return f'<polyline points="{" ".join(spots)}"/>'


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
