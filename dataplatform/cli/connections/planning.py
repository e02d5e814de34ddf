"""``connections plan``, ``apply`` and ``drift``: what differs, shown and removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from dataplatform.collector import collector_paused

if TYPE_CHECKING:
    from dataplatform.ingestion.account.changes import Change
    from dataplatform.ingestion.account.plan import SetupResult

DIFFERENCES = 3
_MARKS = {
    "create": "[green]+[/green]",
    "change": "[yellow]~[/yellow]",
    "test": "[yellow]?[/yellow]",
    "pause": "[yellow]‖[/yellow]",
    "resume": "[green]▸[/green]",
    "delete": "[red]-[/red]",
    "keep": "[red]![/red]",
    "unmanaged": "[dim]·[/dim]",
    "unknown": "[dim]·[/dim]",
}
_TEST_MARKS = {"PASSED": "[green]✓[/green]", "FAILED": "[red]✗[/red]"}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Rotate = Annotated[bool, typer.Option("--rotate", help="Send every secret anew.")]
Destroy = Annotated[
    bool,
    typer.Option("--allow-destroy", help="Delete connections made from here whose file is gone."),
]


def plan(as_json: AsJson = False, rotate: Rotate = False, allow_destroy: Destroy = False) -> None:
    """Show what applying would change; exit code 3 when there is something."""
    # What is imported, declared and read from the account stays until the command ends.
    with collector_paused():
        from dataplatform.declarations.project import open_project
        from dataplatform.ingestion.account.plan import Account
        from dataplatform.ingestion.apply import make_plan
        from dataplatform.resources.fivetran.workspace import open_client

        project = open_project()
        account = Account(project, open_client(project), rotate)
        planned = make_plan(account, allow_destroy=allow_destroy)
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in planned.changes], default=str))
    else:
        console = Console()
        for change in planned.changes:
            console.print(line(change), highlight=False, soft_wrap=True)
        pending = len(planned.pending)
        console.print(f"{pending} to apply." if pending else "Nothing to apply.")
    if planned.pending:
        raise typer.Exit(DIFFERENCES)


def apply(as_json: AsJson = False, rotate: Rotate = False, allow_destroy: Destroy = False) -> None:
    """Bring the declared connections into the account; applying twice changes nothing.

    Exit code 3 when a connection was kept that only --allow-destroy would delete.
    """
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.plan import Account, Listener
    from dataplatform.ingestion.apply import carry_out, make_plan
    from dataplatform.resources.fivetran.workspace import open_client

    project = open_project()
    console = Console(stderr=as_json)

    def told(change: Change) -> None:
        console.print(line(change), highlight=False, soft_wrap=True)

    account = Account(project, open_client(project), rotate)
    planned = make_plan(account, allow_destroy=allow_destroy)
    for change in planned.changes:
        if change.action in ("keep", "unmanaged", "unknown"):
            told(change)
    carry_out(account, planned, Listener(told, lambda result: show_test(console, result)))
    kept = [change for change in planned.pending if change.action == "keep"]
    done = [change for change in planned.pending if change.action != "keep"]
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in done], default=str))
    else:
        console.print(f"{len(done)} applied." if done else "Nothing to apply.")
    if kept:
        raise typer.Exit(DIFFERENCES)


def drift(as_json: AsJson = False) -> None:
    """Show how the account differs from what is declared, by connection; exit code 3 if it does.

    The same comparison is a check of each connection, which the schedule connection_drift runs.
    """
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.drift.comparison import account_drift

    found = account_drift(open_project())
    if as_json:
        typer.echo(json.dumps({name: one.sentences for name, one in found.items()}))
    else:
        console = Console()
        for name, one in found.items():
            mark = "[yellow]~[/yellow]" if one.sentences else "[green]✓[/green]"
            console.print(f"{mark} {name}: {escape(one.told())}", highlight=False, soft_wrap=True)
    if any(one.sentences for one in found.values()):
        raise typer.Exit(DIFFERENCES)


def line(change: Change) -> str:
    """Return a change as one line of a terminal."""
    return f"{_MARKS[change.action]} {escape(change.sentence())}"


def show_test(console: Console, result: SetupResult) -> None:
    """Print what a setup test said."""
    mark = _TEST_MARKS.get(result.status, "[yellow]![/yellow]")
    reason = f": {result.message}" if result.message else ""
    console.print(
        f"  {mark} {escape(f'{result.subject}: {result.title}{reason}')}",
        highlight=False,
        soft_wrap=True,
    )
