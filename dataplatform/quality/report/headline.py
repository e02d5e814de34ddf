"""How things stand, in one line and one sentence."""

from __future__ import annotations

from dataplatform.quality.report.model import Report
from dataplatform.quality.report.rule_words import BROKEN, FAILED, PASSED, WAITING, WARNED


def headline(report: Report) -> str:
    """Return how things stand, in one line."""
    return verdict(report)[1]


def verdict(report: Report) -> tuple[str, str, str]:
    """Return the verdict over everything, as a mark, a headline and a sentence."""
    counts = report.counts
    judged = sum(counts.values()) - counts[WAITING]
    tables = sum(1 for table in report.tables if table.rules)
    over = f"{many(judged, 'rule')} on {many(tables, 'table')}"
    rest = []
    if counts[WARNED]:
        rest.append(many(counts[WARNED], "warning"))
    if report.late:
        rest.append(f"{many(len(report.late), 'table')} older than promised")
    if counts[WAITING]:
        rest.append(f"{many(counts[WAITING], 'rule')} not judged yet")
    beside = f" Besides: {', '.join(rest)}." if rest else ""
    broken = counts[FAILED] + counts[BROKEN]
    if broken:
        where = sum(1 for table in report.tables if table.status in {FAILED, BROKEN})
        verb = "is" if broken == 1 else "are"
        title = f"{many(broken, 'rule')} {verb} broken in {many(where, 'table')}"
        return FAILED, title, f"{over} were judged.{beside}"
    if not judged:
        return WAITING, "Nothing has been judged yet", "Run a pipeline to fill this page."
    if report.late:
        title = f"Every rule is kept, {many(len(report.late), 'table')} late"
        return WARNED, title, f"{over} were judged.{beside}"
    return PASSED, "Every promise is kept", f"{over} were judged.{beside}"


def many(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it must be."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
