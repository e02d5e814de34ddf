"""``dataplatform demo``: make the demo company, let time pass in it, see how far it is."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Make the demo company and let time pass in it.", no_args_is_help=True)


@app.command()
def seed(
    scale: Annotated[
        float | None,
        typer.Option(help="1 is 10,000 customers and 100,000 orders; default: the environment's."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same rows.")] = None,
) -> None:
    """Make the demo company's data; does nothing when it is there."""
    from dataplatform.declarations.project import open_project
    from dataplatform.local.sources import demo

    made = demo.seed(open_project(), seed=seed, scale=scale)
    typer.echo("Made the demo company's data." if made else "The demo data is there already.")


@app.command()
def advance(
    days: Annotated[int, typer.Option(help="How many days pass.")] = 1,
) -> None:
    """Let days pass: rows come, change and go in every source system."""
    from dataplatform.declarations.project import open_project
    from dataplatform.local.sources import demo

    today = demo.advance(open_project(), days)
    typer.echo(f"It is {today} at the demo company now; sync to see what changed.")


@app.command()
def status() -> None:
    """Show which day it is in each source system, and what it was made from."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.declarations.project import open_project
    from dataplatform.local.sources import demo

    table = Table("system", "day", "seed", "scale")
    for name, clock in demo.status(open_project()).items():
        shown = (str(clock.today), str(clock.seed), f"{clock.scale:g}") if clock else ("-",) * 3
        table.add_row(name, *shown)
    Console().print(table)
