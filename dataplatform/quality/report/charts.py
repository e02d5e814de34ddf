"""Charts as the figures that plotly.js draws.

Written by hand, because importing plotly costs more than making the whole report. A colour such
as ``--kept`` is a variable of the style sheet, so that a chart follows light, dark and paper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dataplatform.quality.report.drawings import ages
from dataplatform.quality.report.model import Freshness, Pipeline
from dataplatform.quality.report.rule_words import Point

Figure = dict[str, Any]
_RUN_COLOURS = {"success": "--kept", "failure": "--bad", "canceled": "--wait"}
_RUN_WORDS = {"success": "succeeded", "failure": "failed", "canceled": "stopped"}
_STATUS = {"passed": "--kept", "warned": "--warn", "failed": "--bad", "error": "--bad"}


def page_json(figure: Figure) -> str:
    """Return a figure as JSON that may stand in a script element."""
    text = json.dumps(figure, separators=(",", ":"), allow_nan=False, default=str)
    return text.replace("<", "\\u003c").replace("&", "\\u0026").replace(">", "\\u003e")


def durations(pipeline: Pipeline) -> Figure | None:
    """Draw a pipeline's runs: how long each took, coloured by how it ended."""
    done = [run for run in reversed(pipeline.runs) if run.seconds is not None]
    if not done:
        return None
    traces = []
    for status, colour in _RUN_COLOURS.items():
        runs = [(place, run) for place, run in enumerate(done, 1) if run.status == status]
        if runs:
            traces.append(
                {
                    "type": "bar",
                    "name": _RUN_WORDS[status],
                    "x": [place for place, _ in runs],
                    "y": [round(run.seconds or 0, 2) for _, run in runs],
                    "width": 0.75,
                    "marker": {"color": colour},
                    "customdata": [
                        f"{run.began.astimezone(UTC):%-d %b %Y %H:%M} UTC" for _, run in runs
                    ],
                    "hovertemplate": "%{customdata}<br>%{y:.1f} s<extra></extra>",
                }
            )
    ticks = sorted({1, len(done), *(range(1, len(done) + 1, max(1, len(done) // 4)))})
    layout = {
        "barmode": "overlay",
        "yaxis": {"title": {"text": "seconds"}, "rangemode": "tozero"},
        "xaxis": {
            "tickvals": ticks,
            "ticktext": [f"{done[t - 1].began.astimezone(UTC):%-d %b}" for t in ticks],
            "range": [0.4, max(len(done), 8) + 0.6],
        },
        "showlegend": len(traces) > 1,
    }
    return {"data": traces, "layout": layout}


def age(freshness: Freshness, now: float, days: float = 30.0) -> Figure | None:
    """Draw a table's age over time, and the line that it promised to stay under."""
    line = ages(freshness, now, now - days * 86400)
    if not line or not freshness.promised:
        return None
    times = [_iso(at) for at, _ in line]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "age",
                "x": times,
                "y": [round(hours, 3) for _, hours in line],
                "line": {"color": "--bad" if freshness.status == "late" else "--kept", "width": 2},
                "fill": "tozeroy",
                "fillcolor": "--wash",
                "hovertemplate": "%{x|%-d %b %H:%M}<br>%{y:.1f} h old<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"promised {freshness.promised:g} h",
                "x": [times[0], times[-1]],
                "y": [freshness.promised] * 2,
                "line": {"color": "--warn", "width": 1.5, "dash": "dash"},
                "hoverinfo": "skip",
            },
        ],
        "layout": {
            "yaxis": {"title": {"text": "hours old"}, "rangemode": "tozero"},
            "xaxis": {"type": "date"},
            "showlegend": True,
        },
    }


def observed(
    points: Sequence[Point], began: float | None = None, ended: float | None = None
) -> Figure | None:
    """Draw what a rule observed over time, with the incident shaded; None where it is no number.

    Args:
        points: verdicts, the oldest first.
        began, ended: of the incident; an end that is still to come is the present.
    """
    known = [
        point
        for point in points
        if isinstance(point.observed, int | float) and not isinstance(point.observed, bool)
    ]
    if len(known) < 2:
        return None
    layout: Figure = {
        "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": "observed"}, "zeroline": False},
        "showlegend": False,
    }
    if began is not None:
        layout["shapes"] = [
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": _iso(began),
                "x1": _iso(known[-1].timestamp if ended is None else ended),
                "y0": 0,
                "y1": 1,
                "fillcolor": "--bad",
                "opacity": 0.1,
                "line": {"width": 0},
            }
        ]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [_iso(point.timestamp) for point in known],
                "y": [point.observed for point in known],
                "line": {"color": "--line", "width": 1.5},
                "marker": {"color": [_STATUS[point.status] for point in known], "size": 8},
                "hovertemplate": "%{x|%-d %b %Y %H:%M}<br>%{y}<extra></extra>",
            }
        ],
        "layout": layout,
    }


def histogram(bars: Sequence[Any], dates: bool) -> Figure:
    """Draw a column's histogram.

    Args:
        bars: with ``low``, ``high`` and ``count``.
        dates: whether the numbers are seconds since 1970.
    """
    width = bars[0].high - bars[0].low
    # A bar for each whole number stands on its number.
    single = not dates and width == 1 and all(bar.low == round(bar.low) for bar in bars)
    middles = [bar.low if single else (bar.low + bar.high) / 2 for bar in bars]
    form = "%-d %b %Y" if width >= 86400 else "%-d %b %Y %H:%M"
    names = [
        _name(bar.low, dates, form)
        if single
        else f"{_name(bar.low, dates, form)} – {_name(bar.high, dates, form)}"
        for bar in bars
    ]
    return {
        "data": [
            {
                "type": "bar",
                "x": [_iso(at) for at in middles] if dates else middles,
                "y": [bar.count for bar in bars],
                "width": width * (1000 if dates else 1) * 0.94,
                "marker": {"color": "--accent"},
                "customdata": names,
                "hovertemplate": "%{customdata}<br>%{y:,} rows<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"type": "date"} if dates else {},
            "yaxis": {"rangemode": "tozero"},
            "showlegend": False,
        },
    }


def _name(number: float, dates: bool, form: str) -> str:
    if dates:
        return f"{datetime.fromtimestamp(number, UTC):{form}}"
    return f"{number:,.6g}"


def _iso(at: float) -> str:
    # plotly.js has no time zones: what it is given it shows, so it is given UTC.
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
