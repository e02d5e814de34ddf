"""``dataplatform servers``: start, stop and watch the local servers of an environment."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

app = typer.Typer(help="Start, stop and watch the local servers.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Which servers; all when none is named.")]
_FOLLOW_SECONDS = 0.3


@app.command()
def start(
    demo: Annotated[
        bool, typer.Option(help="Make the demo company's data where it is missing.")
    ] = True,
) -> None:
    """Start the local servers, and make the demo data the first time."""
    project = _project()
    from dataplatform.local import supervisor

    began = time.monotonic()
    services = supervisor.start(project)
    if not services:
        typer.echo(f"The environment {project.environment.name} has no local servers.")
        return
    typer.echo(f"Running: {', '.join(services)} ({time.monotonic() - began:.1f} s).")
    if demo:
        from dataplatform.local.sources.demo import seed_if_asked

        began = time.monotonic()
        if seed_if_asked(project):
            typer.echo(f"Made the demo company's data ({time.monotonic() - began:.1f} s).")


@app.command()
def stop(names: Names = None) -> None:
    """Stop the local servers that were started here, and no others."""
    from dataplatform.local import supervisor

    project = _project()
    stopped = supervisor.stop(project, _known(names))
    typer.echo(f"Stopped: {', '.join(stopped)}." if stopped else "No local server was running.")


@app.command()
def restart(names: Names = None) -> None:
    """Stop the local servers and start them again, on the same ports."""
    from dataplatform.local import supervisor

    project = _project()
    supervisor.stop(project, _known(names))
    services = supervisor.start(project)
    typer.echo(f"Running: {', '.join(services)}.")


@app.command()
def status() -> None:
    """Show whether every local server answers, and where; exit code 1 if one does not."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.local import supervisor

    project = _project()
    rows = supervisor.status(project)
    table = Table("server", "condition", "address", "process", "log")
    for row in rows:
        colour = {"running": "green", "silent": "yellow"}.get(row.condition, "red")
        table.add_row(
            row.name,
            f"[{colour}]{row.condition}[/]",
            row.address or "",
            str(row.pid or ""),
            str(_shown(row.log)),
        )
    Console().print(table)
    if any(row.condition != "running" for row in rows):
        raise typer.Exit(1)


@app.command()
def logs(
    names: Names = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> None:
    """Print the end of the local servers' logs."""
    from dataplatform.local import supervisor

    project = _project()
    chosen = _known(names) or [row.name for row in supervisor.status(project)]
    files = {name: supervisor.log_path(project, name) for name in chosen}
    places = {name: _print_end(name, file, lines) for name, file in files.items()}
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        for name, file in files.items():
            places[name] = _print_from(name, file, places[name])


def _print_end(name: str, file: Path, lines: int) -> int:
    if not file.exists():
        typer.echo(f"{name} | (no log yet)")
        return 0
    with file.open(encoding="utf-8", errors="replace") as handle:
        for line in deque(handle, maxlen=lines):
            typer.echo(f"{name} | {line.rstrip()}")
        return handle.tell()


def _print_from(name: str, file: Path, place: int) -> int:
    if not file.exists():
        return place
    with file.open(encoding="utf-8", errors="replace") as handle:
        handle.seek(place)
        for line in handle:
            typer.echo(f"{name} | {line.rstrip()}")
        return handle.tell()


def _known(names: list[str] | None) -> list[str] | None:
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.local.roster import KINDS

    for name in names or []:
        if name not in KINDS:
            raise UserError(
                f"There is no local server {name!r}; there are {', '.join(KINDS)}."
                f"{nearest(name, KINDS)}"
            )
    return names or None


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _project() -> Project:
    from dataplatform.declarations.project import open_project

    return open_project()
