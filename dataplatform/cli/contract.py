"""``dataplatform contract``: compile, lint, show and test the promises of tables.

The words on the screen live here; what a contract compiles to lives in the quality room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project

app = typer.Typer(help="The promises of tables.", no_args_is_help=True)


@app.command("compile")
def compile_contracts() -> None:
    """Write the dbt tests that contracts compile to."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality import compile_dbt

    project = open_project()
    changed = compile_dbt.write(project)
    for path in changed:
        typer.echo(f"{'wrote' if path.exists() else 'removed'} {path.relative_to(project.root)}")
    if not changed:
        typer.echo("Every compiled contract is up to date.")


@app.command()
def lint() -> None:
    """Say what is wrong with contracts, and fail if anything is."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.lint import findings

    project = open_project()
    found = findings(project)
    for sentence in found:
        typer.echo(sentence)
    if found:
        raise typer.Exit(2)
    typer.echo(f"{len(project.contracts)} contracts, nothing to mend.")


@app.command()
def show(
    table: str = typer.Argument(help="The table, as schema.table; marts may be named bare."),
) -> None:
    """Show the rules of one table: what is promised, how gravely, and where it is written."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.declarations.project import open_project

    contract = _find(open_project(), table)
    shown = Table(title=f"{contract.published} · {contract.owner}", title_justify="left")
    for heading in ("rule", "expected", "severity", "by", "written at"):
        shown.add_column(heading, overflow="fold")
    for check in checks_of(contract):
        shown.add_row(check.name, check.expected, check.severity, check.engine, check.source)
    Console().print(shown)


@app.command()
def test(
    table: str = typer.Argument(help="The table, as schema.table; marts may be named bare."),
    engine: str = typer.Option("scan", help="scan, or gx for Great Expectations itself."),
) -> None:
    """Judge the rules of one table now; nothing is recorded."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.checks.scan import run_scan
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.declarations.project import open_project
    from dataplatform.resources.warehouse import open_warehouse

    project = open_project()
    contract = _find(project, table)
    if engine == "gx":
        from dataplatform.quality.gx import data_docs, validate

        verdicts = validate(project, contract)
        typer.echo(f"Data Docs: {data_docs(project)}")
    elif engine == "scan":
        warehouse = open_warehouse(project.environment, project)
        columns = warehouse.columns(contract.relation)
        with warehouse.session(f"contract test of {contract.relation}") as session:
            verdicts = run_scan(session.execute, checks_of(contract), warehouse.dialect, columns)
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


@app.command()
def docs() -> None:
    """Run every contract as a Great Expectations suite, and build the Data Docs."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.gx import data_docs, validate_all

    project = open_project()
    for table, verdicts in validate_all(project).items():
        broken = sum(1 for verdict in verdicts if not verdict.passed)
        typer.echo(f"{table}: {len(verdicts)} rules, {broken} not kept")
    typer.echo(f"Data Docs: {data_docs(project)}")


def _find(project: Project, table: str) -> Contract:
    """Return the contract about a table.

    Raises:
        UserError: none is; the sentence names the nearest.
    """
    from dataplatform.declarations.errors import UserError, nearest

    contracts = {
        name: contract
        for contract in project.contracts
        for name in (contract.published.table, str(contract.relation), str(contract.published))
    }
    wanted = table.replace("/", ".")
    if wanted not in contracts:
        raise UserError(f"No contract is about {table!r}.{nearest(wanted, contracts)}")
    return contracts[wanted]
