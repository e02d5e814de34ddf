"""``dataplatform storage``: what lies in the lake, and whether it can be trusted."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="List and verify the lake's objects.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def ls(
    layer: Annotated[str | None, typer.Argument(help="raw, staging or curated.")] = None,
    prefix: Annotated[str, typer.Argument(help="Only names that begin with it.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the objects of a layer, or of all."""
    from dataplatform.declarations.project import open_project
    from dataplatform.lake.storage import layer_of_text, list_objects
    from dataplatform.resources.object_store import open_object_store

    store = open_object_store(open_project())
    items = list(list_objects(store, layer_of_text(layer), prefix))
    if as_json:
        found = [
            {
                "uri": store.uri(i.layer, i.key),
                "bytes": i.size,
                "modified": i.modified.isoformat(),
            }
            for i in items
        ]
        typer.echo(json.dumps(found))
        return
    table = Table("object", "bytes", "modified (UTC)")
    table.columns[1].justify = "right"
    table.columns[0].overflow = "fold"
    for item in items:
        table.add_row(
            store.uri(item.layer, item.key),
            f"{item.size:,}",
            f"{item.modified:%Y-%m-%d %H:%M:%S}",
        )
    console = Console()
    console.print(table)
    console.print(f"{len(items):,} objects, {sum(item.size for item in items):,} bytes")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check raw objects against their names and curated ones against their marts."""
    from dataplatform.declarations.dbt_project import published_marts
    from dataplatform.declarations.project import open_project
    from dataplatform.lake import storage
    from dataplatform.resources.object_store import open_object_store
    from dataplatform.resources.warehouse import open_warehouse

    project = open_project()
    findings = list(
        storage.verify(
            open_object_store(project),
            open_warehouse(project.environment, project),
            [mart.name for mart in published_marts(project)],
        )
    )
    bad = [finding for finding in findings if not finding.good]
    if as_json:
        typer.echo(json.dumps([vars(finding) for finding in findings]))
    else:
        console = Console()
        for finding in findings:
            mark = "[green]ok[/green]  " if finding.good else "[red]bad[/red] "
            console.print(f"{mark} {finding.uri}: {finding.text}", highlight=False)
        console.print(f"{len(findings):,} objects, {len(bad):,} bad")
    if bad:
        raise typer.Exit(1)
