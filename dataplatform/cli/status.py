"""``dataplatform status``: the servers, the last runs, and how every layer stands."""

from __future__ import annotations

import typer


def command() -> None:
    """Show the local servers, the last runs and the tables by layer. Exit code 1 if not green."""
    from rich.console import Console

    from dataplatform.cli.closing import layers_table, run_line
    from dataplatform.declarations.project import open_project
    from dataplatform.local import supervisor
    from dataplatform.quality.report import gather
    from dataplatform.resources.run_history import last_runs
    from dataplatform.runtime.home import open_instance

    project = open_project()
    console = Console(highlight=False)
    console.print(f"[bold]{project.root.name}[/] · environment {project.environment.name}")
    for row in supervisor.status(project):
        colour = "green" if row.condition == "running" else "red"
        console.print(f"  [{colour}]{row.condition:<8}[/] {row.name:<13} {row.address or ''}")
    with open_instance(project) as instance:
        for run in last_runs(instance, 5):
            console.print(f"  {run_line(run)}")
        report = gather(project, instance)
    if not report.tables:
        console.print("Nothing has run yet: `make run`.")
        return
    console.print(layers_table(report))
    if report.failed:
        raise typer.Exit(1)
