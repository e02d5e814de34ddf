"""``dataplatform quarantine``: rows that were set aside, looked at, brought back or dropped.

It shows and asks; what a good row is says the table's contract.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.transform.quarantine import Quarantine

app = typer.Typer(
    help="Rows set aside because they break a rule: list, show, replay, drop.",
    no_args_is_help=True,
)

_TABLE = Annotated[str, typer.Argument(help="The table they come from, for example stg_orders.")]


def _quarantine() -> Quarantine:
    from dataplatform.declarations.project import open_project
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform.transform.quarantine import Quarantine

    project = open_project()
    return Quarantine(project, open_warehouse(project.environment, project))


@app.command("list")
def list_() -> None:
    """List the tables with rows in quarantine, and the rules that these break."""
    from rich.console import Console
    from rich.table import Table

    found = [one for one in _quarantine().waiting() if one.rows]
    if not found:
        typer.echo("Nothing is in quarantine.")
        return
    shown = Table(box=None, header_style="bold")
    for column in ("table", "rows", "rules", "since"):
        shown.add_column(column, justify="right" if column == "rows" else "left")
    for one in found:
        rules = ", ".join(f"{rule} ({count:,})" for rule, count in one.rules.items())
        shown.add_row(str(one.relation), f"{one.rows:,}", rules, one.oldest)
    Console(highlight=False).print(shown)


@app.command()
def show(
    table: _TABLE,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 20,
) -> None:
    """Show the rows of a table that wait; classified columns are masked."""
    from dataplatform.transform.quarantine import MARKS

    columns, rows = _quarantine().show(table, limit)
    if not rows:
        typer.echo(f"Nothing of {table} waits in quarantine.")
        return
    for row in rows:
        found = dict(zip(columns, row, strict=True))
        rule, at, run, key = (str(found.pop(mark)) for mark in MARKS[:4])
        typer.secho(f"{key}  breaks {rule}, since {at[:16]} (run {run[:8]})", bold=True)
        typer.echo("  " + ", ".join(f"{name}={value}" for name, value in found.items()))


@app.command()
def replay(
    table: _TABLE,
    who: Annotated[str, typer.Option(help="Who decides; you, unless said otherwise.")] = "",
) -> None:
    """Bring back the rows that keep their rules now; the next run builds what reads them."""
    done = _quarantine().replay(table, who or getpass.getuser())
    typer.echo(
        f"{done.relation}: {done.returned:,} rows went back, {done.settled:,} were there already "
        f"as good rows, {done.waiting:,} still wait."
    )
    if done.returned or done.settled:
        typer.echo("The next run builds and publishes what reads them.")


@app.command()
def drop(
    table: _TABLE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the rows of a table that wait, for good."""
    quarantine = _quarantine()
    if not yes:
        typer.confirm(f"Delete the rows of {table} that wait in quarantine, for good?", abort=True)
    typer.echo(f"{quarantine.drop(table):,} rows deleted.")
