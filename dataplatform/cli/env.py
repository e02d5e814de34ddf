"""``dataplatform env``: what environments say, how two differ, whether one works, which is used.

It prints; what is found out is the business of the room ``environments``.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dataplatform.cli.env_made import mount

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

DIFFERENCES = 3
_COLOURS = {"ok": "green", "not used": "dim", "missing": "yellow", "refused": "red"}
_NO_VALUE = "[red]not set[/red]"

app = typer.Typer(help="The environments of the project.", no_args_is_help=True)
mount(app)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Name = Annotated[str | None, typer.Argument(help="The environment; the chosen one without it.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every environment, and whether what it refers to is set."""
    from dataplatform.declarations.project import open_project
    from dataplatform.environments.overview import overviews

    found = overviews(open_project())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    table = Table("", "environment", "warehouse", "lake", "fivetran", box=None)
    table.add_column("needs", overflow="fold")
    for one in found:
        needs = "[green]met[/green]"
        if one.wrong:
            needs = f"[red]{escape(one.wrong)}[/red]"
        elif one.missing:
            more = f" and {len(one.missing) - 2} more" if len(one.missing) > 2 else ""
            needs = f"[yellow]not set: {', '.join(one.missing[:2])}{more}[/yellow]"
        mark = "[bold green]→[/bold green]" if one.chosen else ""
        places = (escape(place) for place in (one.warehouse, one.lake, one.fivetran))
        table.add_row(mark, one.name, *places, needs)
    Console(highlight=False).print(table)
    if not any(one.chosen for one in found):
        # DATAPLATFORM_ENV names none of them, which this tells with the nearest name.
        _open(None)


@app.command()
def show(name: Name = None, as_json: AsJson = False) -> None:
    """Show every setting with where it comes from; secrets are named, never shown."""
    from dataplatform.environments.origins import settings_of

    found = settings_of(_open(name))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(one.key) for one in found)
    for one in found:
        value = _NO_VALUE if one.value is None else escape(one.value)
        console.print(f"{one.key:<{width}}  {value}  [dim]{escape(one.origin)}[/dim]")


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="One environment.")],
    second: Annotated[str, typer.Argument(help="The other.")],
    as_json: AsJson = False,
) -> None:
    """Show the settings in which two environments differ; exit code 3 when there are any."""
    from dataplatform.environments.overview import differences

    found = differences(_open(first), _open(second))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif not found:
        typer.echo(f"{first} and {second} say the same.")
    else:
        table = Table("setting", first, second, "", box=None, pad_edge=False)
        for one in found:
            sides = ("—" if side is None else escape(side) for side in (one.first, one.second))
            table.add_row(one.key, *sides, one.note)
        Console(highlight=False).print(table)
    if found:
        raise typer.Exit(DIFFERENCES)


@app.command()
def use(name: Annotated[str, typer.Argument(help="The environment.")]) -> None:
    """Choose an environment for this project's commands, by a line in .env."""
    from dataplatform.declarations.dot_env import write_dot_env
    from dataplatform.declarations.environment import ENVIRONMENT_VARIABLE, environment_name

    project = _open(name)
    file = write_dot_env(project.root, ENVIRONMENT_VARIABLE, name)
    typer.echo(f"{ENVIRONMENT_VARIABLE}={name} is written into {file}.")
    taken = environment_name(project.root)
    if taken != name:
        typer.echo(f"The shell's own {ENVIRONMENT_VARIABLE}={taken} goes before it: unset that.")


@app.command()
def validate(
    name: Name = None,
    limit: Annotated[float, typer.Option(help="Seconds that one thing may take.", min=1)] = 120.0,
    as_json: AsJson = False,
) -> None:
    """Try all that an environment needs, side by side; exit code 1 if something is not ok."""
    from dataplatform.environments.probes import probes_of
    from dataplatform.environments.probing import Probe, run_probes

    project = _open(name)
    probes = [*probes_of(project), Probe("dagster storage", lambda: _storage(project))]
    began = time.monotonic()
    found = run_probes(probes, limit)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in found:
            colour = _COLOURS[one.condition]
            console.print(
                f"[{colour}]{one.condition:<8}[/]  {one.name:<16}  {escape(one.seen)}"
                f"  [dim]{one.seconds:.1f} s[/dim]"
            )
            if one.advice:
                console.print(f"{'':<28}[bold]{escape(one.advice)}[/bold]")
        good = sum(1 for one in found if one.good)
        console.print(
            f"{project.environment.name}: {good} of {len(found)} as needed "
            f"({time.monotonic() - began:.1f} s)."
        )
    if not all(one.good for one in found):
        raise typer.Exit(1)


def _storage(project: Project) -> str:
    from dataplatform.runtime.home import open_instance

    with open_instance(project) as instance:
        count = instance.get_runs_count()
        kind = type(instance.run_storage).__name__
    return f"{kind} holds {count} runs"


def _open(name: str | None) -> Project:
    from dataplatform.declarations.project import open_project

    project = open_project(environment=name)
    _ = project.environment
    return project
