"""Badges: how a table stands, as a small picture for READMEs and dashboards."""

from __future__ import annotations

from html import escape

from dataplatform.quality.report.headline import many
from dataplatform.quality.report.model import Report
from dataplatform.quality.report.model import TableReport as Table
from dataplatform.quality.report.rule_words import BROKEN, FAILED, PASSED, WAITING, WARNED

_GREEN, _AMBER, _RED, _GREY = "#1f7a4d", "#94520a", "#b3261e", "#5f5b54"


def table_badge(table: Table) -> str:
    """Return a table's badge as SVG."""
    counts = table.counts
    broken = counts[FAILED] + counts[BROKEN]
    if broken:
        words, colour = f"{broken} broken", _RED
    elif table.freshness.status == "late":
        words, colour = "late", _AMBER
    elif counts[WARNED]:
        words, colour = many(counts[WARNED], "warning"), _AMBER
    elif counts[PASSED]:
        words, colour = f"{counts[PASSED]} kept", _GREEN
    else:
        words, colour = "not judged" if counts[WAITING] else "no rules", _GREY
    return _svg(str(table.relation), words, colour)


def overall_badge(report: Report) -> str:
    """Return the badge of everything as SVG."""
    counts = report.counts
    broken = counts[FAILED] + counts[BROKEN]
    if broken:
        words, colour = f"{many(broken, 'rule')} broken", _RED
    elif report.late:
        words, colour = f"{many(len(report.late), 'table')} late", _AMBER
    elif counts[PASSED]:
        words, colour = f"{many(counts[PASSED] + counts[WARNED], 'rule')} kept", _GREEN
        if counts[WARNED]:
            words, colour = f"{many(counts[WARNED], 'warning')}", _AMBER
    else:
        words, colour = "not judged", _GREY
    return _svg("data", words, colour)


def _svg(label: str, words: str, colour: str) -> str:
    # Widths are told to the letters, so that any font fits the box.
    left, right = 12 + round(6.4 * len(label)), 12 + round(6.4 * len(words))
    label, words = escape(label), escape(words)
    title = f"{label}: {words}"
    style = (
        'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        'fill="#fff" text-anchor="middle"'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3d3a36"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g><g {style}>'
        f'<text x="{left / 2:g}" y="14" textLength="{left - 12}">{label}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12}">{words}</text>'
        "</g></svg>\n"
    )
