"""``dataplatform status``: the servers, the last runs, and how every layer stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


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
    for sentence in _missed(project):
        console.print(f"[yellow]{sentence}[/]")
    if report.failed:
        raise typer.Exit(1)


def _missed(project: Project) -> list[str]:
    """Return the updates that should have come by now, from what the monitors remember."""
    import datetime

    from dataplatform.quality.monitoring import missed_updates
    from dataplatform.resources.monitor_store import MonitorStore
    from dataplatform.resources.monitor_tables import METRICS
    from dataplatform.resources.warehouse import open_warehouse

    warehouse = open_warehouse(project.environment, project)
    if warehouse.columns(METRICS) is None:
        return []
    with warehouse.session("status") as session:
        store = MonitorStore(session, warehouse.dialect)
        late = missed_updates(project, store, datetime.datetime.now(datetime.UTC))
    return [f"{relation}: {one.sentence}" for relation, one in late.items()]
