"""`dataplatform new`: scaffolds of a source, a model, a contract or a pipeline.

What a scaffold says is in the modules ``scaffold_*``; here is only how it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dataplatform.cli import scaffold
from dataplatform.cli.scaffold_model import contract_files, model_files, pipeline_files
from dataplatform.cli.scaffold_source import SERVICES, source_files
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.keys import Relation

app = typer.Typer(help="Begin a source, a model, a contract or a pipeline.", no_args_is_help=True)


@app.command()
def source(
    name: Annotated[str, typer.Argument(help="What the source is called; it lands in raw_<name>.")],
    service: Annotated[str, typer.Option(help=f"{', '.join(SERVICES)}.")] = "postgres",
    table: Annotated[
        list[str] | None, typer.Option(help="A table to begin with; may be repeated.")
    ] = None,
) -> None:
    """Write a connection and a staging model of each of its tables."""
    project = open_project()
    scaffold.check_name(name, "source")
    _write(project, source_files(project, name, service, table or ()))


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="What the model is called.")],
    layer: Annotated[str, typer.Option(help="staging, intermediate or marts.")] = "marts",
    parent: Annotated[str | None, typer.Option("--from", help="The model that it reads.")] = None,
    domain: Annotated[str, typer.Option(help="The folder within the layer.")] = "",
) -> None:
    """Write a dbt model and the yml beside it."""
    project = open_project()
    scaffold.check_name(name, "model")
    if domain:
        scaffold.check_name(domain, "folder")
    _write(project, model_files(project, name, layer, parent, domain))


@app.command()
def contract(
    table: Annotated[str, typer.Argument(help="The table, such as marts.dim_customers.")],
) -> None:
    """Write a contract with the columns that the table has."""
    project = open_project()
    parts = table.replace("/", ".").split(".")
    if len(parts) != 2:
        raise UserError(f"{table!r} must be written as schema.table, such as marts.dim_customers.")
    for part in parts:
        scaffold.check_name(part, "table")
    _write(project, contract_files(project, Relation(*parts)))
    from dataplatform.quality.compile_dbt import write as compile_contracts

    for path in compile_contracts(open_project(project.root)):
        typer.echo(f"compiled {_shown(project, path)}")


@app.command()
def pipeline(
    name: Annotated[str, typer.Argument(help="What the pipeline is called.")],
    select: Annotated[
        str | None, typer.Option(help="What it runs, in Dagster's selection syntax.")
    ] = None,
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, weekday.")] = "0 6 * * *",
    timezone: Annotated[str, typer.Option(help="The zone of the clock.")] = "UTC",
) -> None:
    """Write a pipeline: a selection of the graph with a clock."""
    project = open_project()
    scaffold.check_name(name, "pipeline")
    _write(project, pipeline_files(project, name, select, cron, timezone))


def _write(project: Project, files: Mapping[Path, str]) -> None:
    for path in scaffold.write(project, files):
        typer.echo(f"wrote {path}")


def _shown(project: Project, path: Path) -> Path:
    return path.relative_to(project.root) if path.is_relative_to(project.root) else path
