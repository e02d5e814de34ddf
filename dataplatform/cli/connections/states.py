"""``connections status`` and ``logs``: how the declared connections are doing, and did."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_COLOURS = {"broken": "red", "not applied": "red", "syncing": "cyan", "paused": "yellow"}


def status(as_json: AsJson = False) -> None:
    """Show how each declared connection is doing."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.states import connection_states

    states = connection_states(open_project())
    if as_json:
        typer.echo(json.dumps([state.as_json() for state in states]))
        return
    table = Table("connection", "service", "state", "last sync (UTC)", "next (UTC)", "rows", "lag")
    broken = []
    for state in states:
        colour = _COLOURS.get(state.state, "green")
        table.add_row(
            state.name,
            state.service,
            f"[{colour}]{state.state}[/{colour}]",
            _moment(state.succeeded_at) or "never",
            _moment(state.next_at) or "by hand",
            "" if state.rows is None else f"{state.rows:,}",
            _lag(state.lag_hours, state.promised_hours),
        )
        if state.reason:
            broken.append(f"{state.name}: {state.reason}")
    console = Console()
    console.print(table)
    for sentence in broken:
        console.print(sentence, style="red", highlight=False, markup=False)


def logs(
    name: Annotated[str, typer.Argument(help="The connection file's name.")],
    limit: Annotated[int, typer.Option(help="How many syncs.", min=1)] = 10,
    as_json: AsJson = False,
) -> None:
    """Show a connection's last syncs, newest first: when, how long, rows by table, and reasons."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.operations import Operated

    operated = Operated.open(open_project(), name)
    syncs = operated.syncs(limit)
    if as_json:
        typer.echo(json.dumps(syncs))
        return
    console = Console()
    for one in syncs:
        head = f"{one.get('started_at') or ''}  {one.get('status') or 'running'}"
        console.print(head, highlight=False, markup=False)
        for text in operated.told(one):
            console.print(f"  {text}", highlight=False, markup=False)
    if not syncs:
        console.print(operated.without_history(), highlight=False, markup=False)


def _moment(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""


def _lag(lag: float | None, promised: float | None) -> str:
    if lag is None:
        return ""
    told = f"{lag:.1f} h"
    if promised is None:
        return told
    late = lag > promised
    return f"[{'red' if late else 'green'}]{told} of {promised:g} h[/]"
