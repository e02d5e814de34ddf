"""``dataplatform contract compile|lint|show``: what contracts say and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataplatform.declarations.contract import Contract
    from dataplatform.quality.contract_notes import Note


def compile_contracts() -> None:
    """Write what dbt reads of contracts: their tests, and each model's enforced columns."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality import compile_dbt

    project = open_project()
    changed = compile_dbt.write(project)
    for path in changed:
        typer.echo(f"{'wrote' if path.exists() else 'removed'} {path.relative_to(project.root)}")
    if not changed:
        typer.echo("Every compiled contract is up to date.")


def lint(
    file: str = typer.Argument(
        None, help="Any file of the Open Data Contract Standard; the project's own without it."
    ),
) -> None:
    """Say what is wrong with contracts, and what they say that nothing enforces.

    What is wrong fails with exit code 2; the rest is told as notes.
    """
    from dataplatform.cli.contract.finding import of_file
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.contract_notes import notes_in, notes_of
    from dataplatform.quality.lint import findings

    if file is not None:
        from dataplatform.checks.contract_rules import checks_of

        contracts = of_file(file)
        rules = sum(len(checks_of(contract)) for contract in contracts)
        placed = bool(contracts) and contracts[0].owner and contracts[0].file.parts[0] == "config"
        if not contracts:
            typer.echo(f"{file} is a document of the standard and describes no table.")
            return
        document = contracts[0].document
        _print_notes(contracts[0], notes_of(contracts[0]) if placed else notes_in(document))
        typer.echo(f"{len(contracts)} tables, {rules} checks, nothing to mend.")
        return
    project = open_project()
    found = findings(project)
    for contract in project.contracts:
        # What only speaks to people is told when one file is asked for.
        _print_notes(contract, (note for note in notes_of(contract) if note.promises))
    for sentence in found:
        typer.echo(sentence)
    if found:
        raise typer.Exit(2)
    typer.echo(f"{len(project.contracts)} contracts, nothing to mend.")


def _print_notes(contract: Contract, notes: Iterable[Note]) -> None:
    for note in notes:
        typer.echo(f"note: {contract.file}:{note.line}: {note.path}: {note.text}.")


def show(
    table: str = typer.Argument(
        help="The table, as schema.table (marts may be named bare), or a contract file."
    ),
) -> None:
    """Show the rules of a table: what is promised, how gravely, and where it is written."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.cli.contract.finding import find, is_file, of_file
    from dataplatform.declarations.project import open_project

    for contract in of_file(table) if is_file(table) else [find(open_project(), table)]:
        shown = Table(
            title=f"{contract.published} · {contract.owner or 'no owner'} · {contract.version}",
            title_justify="left",
        )
        for heading in ("rule", "expected", "severity", "by", "written at"):
            shown.add_column(heading, overflow="fold")
        for check in checks_of(contract):
            shown.add_row(check.name, check.expected, check.severity, check.engine, check.source)
        Console().print(shown)
