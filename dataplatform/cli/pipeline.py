"""``dataplatform pipeline``: what is declared to run by itself, how it went, and running it now.

It shows and starts; what a pipeline is, and when its clock ticks, is told by the declared files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from rich.console import Console

    from dataplatform.declarations.pipeline import Pipeline

app = typer.Typer(help="Declared pipelines: list them, see how they went, run one now.")


@app.command("list")
def list_pipelines() -> None:
    """List the declared pipelines with their clocks, retries and selections."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.declarations.project import open_project

    table = Table(box=None, header_style="bold")
    for column in ("pipeline", "clock", "retries", "notifies", "selection"):
        table.add_column(column, overflow="fold")
    for one in open_project().pipelines:
        retries = (
            f"{one.retries.max} after {one.retries.delay_minutes} min" if one.retries.max else "-"
        )
        table.add_row(one.name, _clock(one), retries, ", ".join(one.notify) or "-", one.selection)
    Console().print(table)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="One pipeline; without it, all.")] = None,
    runs: Annotated[int, typer.Option(help="How many runs of each.", min=1)] = 5,
) -> None:
    """Show the last runs of pipelines, and when each runs next."""
    from rich.console import Console

    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.home import open_instance

    project = open_project()
    chosen = [_find(project.pipelines, name)] if name else list(project.pipelines)
    console = Console()
    with open_instance(project) as instance:
        for one in chosen:
            _show(console, instance, one, runs)


@app.command()
def trigger(
    name: Annotated[str, typer.Argument(help="The pipeline to run.")],
) -> None:
    """Run a pipeline now, here, and wait for its end."""
    from rich.console import Console

    from dataplatform.cli.progress import Progress
    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.compute_logs import screen
    from dataplatform.runtime.execute import execute

    project = open_project()
    pipeline = _find(project.pipelines, name)
    # Steps redirect standard output into their logs; the screen stays ours.
    with screen() as stream:
        console = Console(file=stream, highlight=False)
        console.print(f"Running {pipeline.name}: {pipeline.selection}")
        with Progress(console) as progress:
            result = execute(project, job=pipeline.name, on_event=progress.take)
        for failure in result.failures:
            console.print(f"[red]{failure}[/]")
        ended = "ended well" if result.success else "was stopped" if result.canceled else "failed"
        console.print(f"{pipeline.name} {ended} (run {result.run_id}).")
    if not result.success:
        raise typer.Exit(1)


def _find(pipelines: tuple[Pipeline, ...], name: str) -> Pipeline:
    from dataplatform.declarations.errors import UserError, nearest

    for one in pipelines:
        if one.name == name:
            return one
    names = [one.name for one in pipelines]
    raise UserError(f"{name!r} is not a declared pipeline.{nearest(name, names)}")


def _clock(pipeline: Pipeline) -> str:
    return f"{pipeline.cron} {pipeline.timezone}" if pipeline.cron else "-"


def _next(pipeline: Pipeline) -> str:
    if not pipeline.cron:
        return "only when it is triggered"
    from dataplatform.resources.run_history import next_tick

    tick = next_tick(pipeline.cron, pipeline.timezone)
    return f"next at {tick:%Y-%m-%d %H:%M} {pipeline.timezone}, while Dagster's daemon runs"


def _show(console: Console, instance: DagsterInstance, pipeline: Pipeline, runs: int) -> None:
    from dataplatform.cli.closing import run_line
    from dataplatform.resources.run_history import last_runs

    console.print(f"[bold]{pipeline.name}[/]  {_next(pipeline)}")
    found = last_runs(instance, runs, pipeline.name)
    for run in found:
        console.print(f"  {run_line(run)}")
    if not found:
        console.print("  never ran")
