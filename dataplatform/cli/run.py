"""``dataplatform run``: from whatever state the machine is in to a judged, published graph.

Servers, connections, one run of the graph with live progress, the closing tables and the report.
Each part is another module's; their order is this one's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from dataplatform.declarations.project import Project
    from dataplatform.ingestion.account.changes import Change

#: What a made environment builds: models, and the marts that are published from them.
MODELS = 'kind:dbt or key:"marts/*"'


def command(
    select: Annotated[
        str | None,
        typer.Option(help="Only these assets, in Dagster's selection language."),
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Only the selection of this declared pipeline.")
    ] = None,
    servers: Annotated[
        bool, typer.Option(help="Start the environment's local servers first.")
    ] = True,
) -> None:
    """Sync, build, check and publish everything, and write the check report."""
    from dataplatform.collector import collect_seldom, keep_for_good
    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.compute_logs import screen

    collect_seldom()
    # Steps redirect standard output into their logs; the screen stays ours.
    with screen() as stream:
        from rich.console import Console

        console = Console(file=stream, highlight=False)
        green = _run(console, open_project(), select, pipeline, servers)
    # The process ends: nobody needs its garbage collected, which takes about a second.
    keep_for_good()
    if not green:
        raise typer.Exit(1)


def _run(
    console: Console, project: Project, select: str | None, pipeline: str | None, servers: bool
) -> bool:
    from dataplatform.cli.closing import show_closing
    from dataplatform.cli.progress import Progress
    from dataplatform.collector import keep_for_good
    from dataplatform.ingestion.apply import apply_connections
    from dataplatform.local import supervisor
    from dataplatform.local.sources.demo import seed_if_asked
    from dataplatform.runtime.execute import MODULE, execute, load_repository
    from dataplatform.runtime.home import open_instance
    from dataplatform.runtime.preload import Preload

    began = time.monotonic()
    project.check()
    console.print(f"[bold]{project.root.name}[/] · environment {project.environment.name}")
    # Servers take their time to start and to answer: the graph is loaded meanwhile. All imports
    # of this thread are above, because two threads must not import parts of one package.
    loading = Preload([MODULE])
    made = project.environment.made
    if made is not None:
        # What it reads belongs to the environment that it was made from: nothing is synced here.
        select = MODELS if select is None else f"({select}) and ({MODELS})"
    else:
        if servers:
            _start_servers(console, project, supervisor.start, seed_if_asked)
        _apply_connections(console, project, apply_connections)

    with console.status("Loading the graph …"):
        loading.wait(MODULE)
        graph = load_repository()
    keep_for_good()
    with open_instance(project) as instance:
        with Progress(console) as progress:
            result = execute(
                project,
                selection=select,
                job=pipeline,
                tags={"dataplatform/by": "command line"},
                on_event=progress.take,
                repository=graph,
                instance=instance,
            )
        for run_id in result.recovered:
            console.print(f"[yellow]Run {run_id[:8]} had died; it was marked as failed.[/]")
        return show_closing(console, project, instance, result, progress, time.monotonic() - began)


def _start_servers(
    console: Console,
    project: Project,
    start: Callable[[Project], Iterable[str]],
    seed_if_asked: Callable[[Project], bool],
) -> None:
    with console.status("Starting the local servers …"):
        services = start(project)
    if not services:
        return
    console.print(f"servers      {', '.join(services)}")
    with console.status("Making the demo company's data …"):
        made = seed_if_asked(project)
    if made:
        console.print("demo         made the demo company's data")


def _apply_connections(
    console: Console, project: Project, apply_connections: Callable[[Project], Iterable[Change]]
) -> None:
    with console.status("Applying the declared connections …"):
        changes = apply_connections(project)
    for change in changes:
        console.print(f"connections  {change.sentence()}")
    if not changes:
        console.print("connections  as declared")
