"""Values as people read them: what templates call filters. Drawings are in ``drawings``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from dataplatform.quality.report.model import Freshness, TableReport
from dataplatform.quality.report.rule_words import (
    BROKEN,
    FAILED,
    PASSED,
    STATUSES,
    WAITING,
    WARNED,
    Point,
)

_STANDS = {BROKEN: "in error", FAILED: "broken", WARNED: "warning"}


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


def past(points: Sequence[Point]) -> str:
    """Return how often a rule was kept, and since when it is not, in a few words.

    Args:
        points: its verdicts, the oldest first.
    """
    if not points:
        return ""
    count, kept = len(points), sum(point.status == PASSED for point in points)
    if not kept:
        return f"never kept in {count} verdicts" if count > 1 else ""
    text = f"kept {kept} of {count} times"
    since = next(place for place in range(count, 0, -1) if points[place - 1].status == PASSED)
    if since < count:
        return f"{text}, {_STANDS[points[-1].status]} since {moment(points[since].timestamp)}"
    bad = next((point for point in reversed(points) if point.status != PASSED), None)
    return f"{text}, last {_STANDS[bad.status]} {moment(bad.timestamp)}" if bad else text


def worst(tables: Iterable[TableReport]) -> str:
    """Return the gravest status among tables."""
    found = {table.status for table in tables}
    return next((status for status in STATUSES if status in found), "none")


def linkable(url: str) -> bool:
    """Return whether an address may be followed: a word of a contract must not run anything."""
    return url.startswith(("https://", "http://", "mailto:"))


def breakable(name: object) -> Markup:
    """Return a name of code that lines may break at its dots and underscores, not within words."""
    return Markup(re.sub(r"[._](?=\w)", r"\g<0><wbr>", str(escape(name))))


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
    "breakable": breakable,
    "past": past,
    "count_in": lambda status, counts: counts[status],
}
