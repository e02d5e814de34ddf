"""``dataplatform report``: write the check report and say where it lies.

What its pages say and how they look is the quality room's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write it into this folder, not .dataplatform/report.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print report.json instead of one line.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(help="Write the JUnit file here too, for a CI that reads it.")
    ] = None,
) -> None:
    """Write the check report: every table, its rules, how they stood and how they stand."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.report import gather, headline, write_report
    from dataplatform.quality.report.machine import junit_xml, report_json
    from dataplatform.runtime.home import open_instance

    project = open_project()
    with open_instance(project) as instance:
        report = gather(project, instance)
    path = write_report(project, report, output)
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(junit_xml(report), encoding="utf-8")
    typer.echo(report_json(report) if as_json else f"{headline(report)}: {path}")
    if show:
        typer.launch(path.as_uri())
    if report.failed:
        raise typer.Exit(1)
