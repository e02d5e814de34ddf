"""``dataplatform contract test|docs``: judge rules now, in the scan or in Great Expectations."""

from __future__ import annotations

import typer


def test(
    table: str = typer.Argument(help="The table, as schema.table; marts may be named bare."),
    engine: str = typer.Option("scan", help="scan, or gx for Great Expectations itself."),
) -> None:
    """Judge the rules of one table now; nothing is recorded."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.checks.contract_rules import checks_of, scan_checks
    from dataplatform.checks.scope import partition_column
    from dataplatform.cli.contract.finding import find
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.raw_scan import judge
    from dataplatform.resources.warehouse import open_warehouse

    project = open_project()
    contract = find(project, table)
    if engine == "gx":
        from dataplatform.quality.gx import data_docs, validate

        verdicts = validate(project, contract)
        typer.echo(f"Data Docs: {data_docs(project)}")
    elif engine == "scan":
        warehouse = open_warehouse(project.environment, project)
        rules = scan_checks(checks_of(contract))
        verdicts = judge(warehouse, rules, {}, partition_column(contract)).verdicts if rules else []
    else:
        raise UserError(f"{engine!r} is not an engine.{nearest(engine, ('scan', 'gx'))}")
    shown = Table(title=str(contract.relation), title_justify="left")
    for heading in ("rule", "verdict", "expected", "observed"):
        shown.add_column(heading, overflow="fold")
    for verdict in verdicts:
        word = "kept" if verdict.passed else "BROKEN" if verdict.blocks else "warning"
        shown.add_row(verdict.name, word, verdict.expected, verdict.error or str(verdict.observed))
    Console().print(shown)
    if any(verdict.blocks for verdict in verdicts):
        raise typer.Exit(1)


def docs() -> None:
    """Run every contract as a Great Expectations suite, and build the Data Docs."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.gx import data_docs, validate_all

    project = open_project()
    for table, verdicts in validate_all(project).items():
        broken = sum(1 for verdict in verdicts if not verdict.passed)
        typer.echo(f"{table}: {len(verdicts)} rules, {broken} not kept")
    typer.echo(f"Data Docs: {data_docs(project)}")
