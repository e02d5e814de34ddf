"""``dataplatform report``: write the check report and say where it lies.

What the page says and how it looks is the quality room's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write it here; .dataplatform/report/index.html otherwise.")
    ] = None,
) -> None:
    """Write the check report: every table, its rules, how they stood and how they stand."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.report import gather, headline, write_report
    from dataplatform.runtime.home import open_instance

    project = open_project()
    with open_instance(project) as instance:
        report = gather(project, instance)
    path = write_report(project, report, output)
    typer.echo(f"{headline(report)}: {path}")
    if show:
        typer.launch(path.as_uri())
    if report.failed:
        raise typer.Exit(1)
