"""Is this measurement of a table like those before it?

The one door to the monitors: ``judge`` looks at a measurement, ``missed`` at the clock when none
has come. Each kind of monitor is a module of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dataplatform.monitors import categories, freshness, schema, values, volume
from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.context import Context
from dataplatform.monitors.model import (
    KINDS,
    Answer,
    Finding,
    History,
    Kind,
    Settings,
    Snapshot,
)

_MONITORS: Mapping[str, Callable[[Context], list[Finding]]] = {
    "volume": volume.findings,
    "freshness": freshness.findings,
    "nulls": values.nulls,
    "uniqueness": values.uniqueness,
    "distribution": values.distribution,
    "categories": categories.findings,
    "schema": schema.findings,
}


def judge(
    history: History,
    now: Snapshot,
    settings: Settings | None = None,
    calendar: Calendar | None = None,
    answers: Sequence[Answer] = (),
) -> list[Finding]:
    """Compare a measurement of a table with its history.

    Args:
        history: what was measured before; later measurements are ignored.
        now: what was measured now.
        settings: how the table is watched; by default as every table is.
        calendar: the country's days; without one there are no holidays.
        answers: what people said about this table's alarms.

    Returns:
        For each kind that watches, its alarms, the gravest first; or one finding that says all
        is as usual, or that there is too little history.
    """
    context = Context.of(
        history, now, settings or Settings(), calendar or Calendar(), tuple(answers)
    )
    found: list[Finding] = []
    for kind in KINDS:
        if kind not in context.settings.kinds:
            continue
        if context.learning:
            found.append(Finding(kind, None, "", "learning", context.learning))
            continue
        alarms = [_settled(one, context) for one in _MONITORS[kind](context)]
        alarms.sort(key=lambda one: (one.state != "very_unusual", -one.score))
        found += alarms or [_quiet(kind, context)]
    return found


def missed(
    history: History,
    at: datetime.datetime,
    settings: Settings | None = None,
    calendar: Calendar | None = None,
    answers: Sequence[Answer] = (),
) -> Finding | None:
    """Say whether a table should have been updated by now and was not.

    Args:
        history: what was measured before.
        at: the time it is now.
        settings: how the table is watched.
        calendar: the country's days.
        answers: what people said about this table's alarms.

    Returns:
        The alarm, or None while the rhythm is kept or not yet known.
    """
    now = Snapshot(at, {})
    context = Context.of(
        history, now, settings or Settings(), calendar or Calendar(), tuple(answers)
    )
    if context.learning or "freshness" not in context.settings.kinds:
        return None
    late = freshness.missed(context)
    return None if late is None else _settled(late, context)


def _settled(finding: Finding, context: Context) -> Finding:
    """Apply what people said, and what the table's own code explains."""
    at = context.now.at
    if context.code_changed and finding.state == "very_unusual":
        finding = replace(
            finding,
            state="unusual",
            sentence=f"{finding.sentence} The code that builds the table changed.",
        )
    for answer in context.answers:
        if answer.action == "mute" and answer.covers(finding.kind, finding.column, at):
            until = answer.ends.date().isoformat()
            return replace(finding, muted=f"muted until {until} by {answer.who}: {answer.why}")
    return finding


def _quiet(kind: Kind, context: Context) -> Finding:
    days = context.span
    return Finding(kind, None, "", "normal", f"As usual; learned from {days}.", days=days)
