"""``dataplatform env create``, ``drop`` and ``expire``: environments for a pull request.

It asks and shows; making and dropping is the business of the room ``environments``.
"""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Its name, such as pr-123.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def mount(app: typer.Typer) -> None:
    """Add these verbs to ``dataplatform env``."""
    app.command("create")(create)
    app.command("drop")(drop)
    app.command("expire")(expire)


def create(
    name: Name,
    base: Annotated[
        str | None, typer.Option("--from", help="Made from this one; from the chosen one without.")
    ] = None,
    clone: Annotated[bool, typer.Option("--clone", help="Copy the tables.")] = False,
    defer: Annotated[
        bool, typer.Option("--defer", help="Show the base's tables until they are built anew.")
    ] = False,
    expires: Annotated[str, typer.Option(help="After so long it may be dropped.")] = "7d",
    who: Annotated[str, typer.Option(help="Who makes it; you, unless said otherwise.")] = "",
) -> None:
    """Make an environment from another one, in seconds."""
    from dataplatform.declarations.environment import environment_name
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.made import span
    from dataplatform.declarations.project import open_project
    from dataplatform.environments import made
    from dataplatform.runtime.made_records import bring_records

    if clone and defer:
        raise UserError("Choose one: --clone copies the tables, --defer shows the base's.")
    root = open_project().root
    how = "clone" if clone else "defer" if defer else None
    source = base or environment_name(root)
    done = made.create(
        root, name, source, how, span(expires), who or getpass.getuser(), bring_records
    )
    verb = "shows" if done.made.how == "defer" else "has a copy of"
    typer.echo(
        f"{name} {verb} {done.made.tables} tables of {done.made.base} "
        f"({done.seconds:.1f} s); it may be dropped after {done.made.expires:%Y-%m-%d %H:%M} UTC.\n"
        f"DATAPLATFORM_ENV={name} dataplatform run builds what changed and what is below it."
    )


def drop(name: Name, yes: Yes = False) -> None:
    """Remove a made environment with everything that was made for it."""
    from dataplatform.declarations.project import open_project
    from dataplatform.environments import made, made_file

    root = open_project().root
    found = made_file.made_environment(root, name)
    if not yes:
        typer.confirm(f"Drop {name}, made from {found.base} by {found.by}?", abort=True)
    made.drop(root, name)
    typer.echo(f"{name} is dropped; {found.base} is as it was.")


def expire(yes: Yes = False) -> None:
    """Drop the made environments whose time is over."""
    from dataplatform.declarations.project import open_project
    from dataplatform.environments import made

    root = open_project().root
    names = made.expired(root)
    if not names:
        typer.echo("No made environment has expired.")
        return
    if not yes:
        typer.confirm(f"Drop {', '.join(names)}?", abort=True)
    for name in names:
        made.drop(root, name)
        typer.echo(f"{name} is dropped.")
