"""``dataplatform contract``: compile, lint and show the promises of tables.

The words on the screen live here; what a contract compiles to lives in the quality room.
"""

from __future__ import annotations

import typer

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
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.declarations.project import open_project

    project = open_project()
    contracts = {
        name: contract
        for contract in project.contracts
        for name in (
            contract.published.table, str(contract.relation), str(contract.published)
        )
    }
    wanted = table.replace("/", ".")
    if wanted not in contracts:
        raise UserError(f"No contract is about {table!r}.{nearest(wanted, contracts)}")
    contract = contracts[wanted]
    shown = Table(title=f"{contract.published} · {contract.owner}", title_justify="left")
    for heading in ("rule", "expected", "severity", "by", "written at"):
        shown.add_column(heading, overflow="fold")
    for check in checks_of(contract):
        shown.add_row(check.name, check.expected, check.severity, check.engine, check.source)
    Console().print(shown)
