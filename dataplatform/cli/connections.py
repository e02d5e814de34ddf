"""``dataplatform connections``: what is declared against what the account holds.

Exit code 0 when nothing differs, 3 when a plan holds changes.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Plan and apply the declared Fivetran connections.", no_args_is_help=True)

DIFFERENCES = 3
_MARKS = {
    "create": "[green]+[/green]",
    "change": "[yellow]~[/yellow]",
    "unmanaged": "[dim]·[/dim]",
}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def plan(as_json: AsJson = False) -> None:
    """Show what applying would change; exit code 3 when there is something."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.apply import plan_connections

    changes = plan_connections(open_project())
    pending = [change for change in changes if change.action != "unmanaged"]
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in changes], default=str))
    else:
        console = Console()
        for change in changes:
            console.print(f"{_MARKS[change.action]} {change.sentence()}", highlight=False)
        console.print(f"{len(pending)} to apply." if pending else "Nothing to apply.")
    if pending:
        raise typer.Exit(DIFFERENCES)


@app.command()
def apply(as_json: AsJson = False) -> None:
    """Bring the declared connections into the account; applying twice changes nothing."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.changes import Change
    from dataplatform.ingestion.apply import apply_connections

    console = Console(stderr=as_json)

    def tell(change: Change) -> None:
        console.print(f"{_MARKS[change.action]} {change.sentence()}", highlight=False)

    changes = apply_connections(open_project(), tell=tell)
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in changes], default=str))
    else:
        console.print(f"{len(changes)} applied." if changes else "Nothing to apply.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show how each declared connection is doing."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.states import connection_states

    states = connection_states(open_project())
    if as_json:
        typer.echo(json.dumps([state.as_json() for state in states]))
        return
    table = Table("connection", "service", "state", "last sync (UTC)", "late by", "reason")
    for state in states:
        ended = state.succeeded_at
        table.add_row(
            state.name,
            state.service,
            state.state,
            f"{ended:%Y-%m-%d %H:%M:%S}" if ended else "never",
            f"{state.late_hours:.1f} h" if state.late_hours else "",
            state.reason,
        )
    Console().print(table)
