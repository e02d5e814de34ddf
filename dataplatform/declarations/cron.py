"""Whether a text is a cron of five fields. When it ticks is the scheduler's business."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
# Name, least, greatest, and the words that stand for numbers from the least on.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:(\*)|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/(\d+))?")


def what_is_wrong(cron: str) -> str | None:
    """Return what keeps a text from being a cron, or None.

    Args:
        cron: minute, hour, day, month, weekday; lists, ranges, steps and English names are known.
    """
    fields = cron.split()
    if len(fields) != 5:
        return "it needs five fields: minute, hour, day, month, weekday"
    values: list[set[int]] = []
    for text, (name, least, greatest, words) in zip(fields, _FIELDS, strict=True):
        chosen = _values(text.lower(), least, greatest, words)
        if chosen is None:
            return f"{text!r} is no {name} ({least} to {greatest})"
        values.append(chosen)
    days, months = values[2], values[3]
    if fields[4] == "*" and all(min(days) > _LONGEST.get(month, 31) for month in months):
        return "no month of it has such a day"
    return None


def _values(text: str, least: int, greatest: int, words: tuple[str, ...]) -> set[int] | None:
    chosen: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        low, high = _number(match[2], least, words), _number(match[3], least, words)
        if match[1]:
            low, high = least, greatest
        elif match[3] is None:
            # "5/15" begins at 5 and goes on to the end; "5" is 5 alone.
            high = greatest if match[4] else low
        step = int(match[4] or 1)
        if low is None or high is None or not least <= low <= high <= greatest or step < 1:
            return None
        chosen |= set(range(low, high + 1, step))
    return chosen


def _number(text: str | None, least: int, words: tuple[str, ...]) -> int | None:
    if text is None:
        return None
    if text in words:
        return least + words.index(text)
    return int(text) if text.isdigit() else None
