"""The check report: one HTML page that opens without a network.

Writes the page and says in a few numbers how things stand. What it says is put together by
``report_model``; how it looks is ``report.html.j2``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.quality.report_model import (
    BROKEN,
    FAILED,
    PASSED,
    STATUSES,
    WAITING,
    WARNED,
    Freshness,
    Point,
    Report,
    TableReport,
    build,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project

HISTORY_SHOWN = 30
_ABOUT = {
    "lake_raw": "files as sources outside the sync gave them",
    "raw": "tables as the sync left them",
    "staging": "cleaned, one model for each source table",
    "intermediate": "joined and prepared",
    "snapshots": "how rows were before they changed",
    "candidate": "marts on probation, published once their rules are kept",
    "marts": "what everybody reads",
    "curated": "published marts as Parquet",
}


def gather(project: Project, instance: DagsterInstance, now: float | None = None) -> Report:
    """Read what is declared and what is recorded.

    Args:
        project: the project.
        instance: whose records are read.
        now: seconds since 1970; the present by default.
    """
    from dataplatform.resources.check_history import evaluations, table_states

    return build(
        project,
        evaluations(instance, HISTORY_SHOWN),
        table_states(instance),
        time.time() if now is None else now,
    )


def write_report(project: Project, report: Report, output: Path | None = None) -> Path:
    """Write the page, whole or not at all: ``.dataplatform/report/index.html`` by default."""
    path = output or project.state / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(render(report), encoding="utf-8")
    return draft.replace(path)


def render(report: Report) -> str:
    """Return the page of a report."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "day": lambda moment: _moment(moment).strftime("%-d %B %Y"),
        "clock": lambda moment: _moment(moment).strftime("%H:%M"),
        "hours": _hours,
        "value": _value,
        "percent": _percent,
        "tally": _tally,
        "fill": _fill,
        "worst": _worst,
        "spark": _spark,
        "count_in": lambda status, counts: counts[status],
    }
    verdict, title, lede = _headline(report)
    worst = [table for table in report.tables if table.status in {BROKEN, FAILED}]
    return environment.get_template("report.html.j2").render(
        report=report,
        verdict=verdict,
        headline=title,
        lede=lede,
        worst=worst[:5],
        about=_ABOUT,
        statuses=STATUSES,
        shown=HISTORY_SHOWN,
    )


def headline(report: Report) -> str:
    """Return how things stand, in one line."""
    return _headline(report)[1]


def _headline(report: Report) -> tuple[str, str, str]:
    """Return the verdict over everything, as a mark, a headline and a sentence."""
    counts = report.counts
    judged = sum(counts.values()) - counts[WAITING]
    tables = sum(1 for table in report.tables if table.rules)
    over = f"{_many(judged, 'rule')} on {_many(tables, 'table')}"
    rest = []
    if counts[WARNED]:
        rest.append(_many(counts[WARNED], "warning"))
    if report.late:
        rest.append(f"{_many(len(report.late), 'table')} older than promised")
    if counts[WAITING]:
        rest.append(f"{_many(counts[WAITING], 'rule')} not judged yet")
    beside = f" Besides: {', '.join(rest)}." if rest else ""
    broken = counts[FAILED] + counts[BROKEN]
    if broken:
        where = sum(1 for table in report.tables if table.status in {FAILED, BROKEN})
        verb = "is" if broken == 1 else "are"
        title = f"{_many(broken, 'rule')} {verb} broken in {_many(where, 'table')}"
        return FAILED, title, f"{over} were judged.{beside}"
    if not judged:
        return WAITING, "Nothing has been judged yet", "Run a pipeline to fill this page."
    if report.late:
        title = f"Every rule is kept, {_many(len(report.late), 'table')} late"
        return WARNED, title, f"{over} were judged.{beside}"
    return PASSED, "Every promise is kept", f"{over} were judged.{beside}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _moment(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"


def _value(value: Any) -> str:
    if value is None or value == "nothing":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _tally(table: TableReport) -> str:
    words = {BROKEN: "error", FAILED: "broken", WARNED: "warning", WAITING: "not judged"}
    plural = {BROKEN, WARNED}
    found = [
        f"{count} {word}{'s' if count > 1 and status in plural else ''}"
        for status, word in words.items()
        if (count := table.counts[status])
    ]
    return ", ".join([*found, f"{table.counts[PASSED]} kept"] if table.counts[PASSED] else found)


def _fill(freshness: Freshness) -> int:
    if freshness.age is None or not freshness.promised:
        return 0
    return max(3, min(100, round(100 * freshness.age / freshness.promised)))


def _worst(tables: Iterable[TableReport]) -> str:
    found = {table.status for table in tables}
    return next((status for status in STATUSES if status in found), "none")


def _spark(points: Sequence[Point]) -> Any:
    """Draw a rule's past: a dot for each verdict, at the height of what was observed."""
    from markupsafe import Markup, escape

    if not points:
        return ""
    step, height = 4.6, 22.0
    values = [p.observed if isinstance(p.observed, int | float) else None for p in points]
    known = [float(v) for v in values if v is not None]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)

    def y(value: float | None) -> float:
        if value is None or span == 0:
            return height / 2
        return round(height - 3 - (height - 6) * (float(value) - low) / span, 1)

    spots = [(round(3 + place * step, 1), y(value)) for place, value in enumerate(values)]
    line = " ".join(f"{x},{at}" for x, at in spots)
    dots = "".join(
        f'<circle class="{point.status}" cx="{x}" cy="{at}" r="2.1"><title>'
        f"{_moment(point.timestamp):%-d %b %Y %H:%M} UTC: {escape(_value(point.observed))}"
        "</title></circle>"
        for point, (x, at) in zip(points, spots, strict=True)
    )
    label = f"{len(points)} verdicts, {sum(p.status == PASSED for p in points)} kept"
    width = round(6 + step * HISTORY_SHOWN)
    return Markup(
        f'<svg class="spark" role="img" aria-label="{label}" width="{width}" '
        f'height="{height:.0f}"><polyline points="{line}"/>{dots}</svg>'
    )
