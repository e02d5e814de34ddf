"""``dataplatform contract diff``: whether a change of a contract breaks whom, and is declared.

Exit code 1 when a breaking change is not declared, so that a build server can stop it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project
    from dataplatform.quality.contract_consumers import Consumers


def diff(
    old: str = typer.Argument(None, help="The older file; with --against, the file to compare."),
    new: str = typer.Argument(None, help="The newer file."),
    against: str = typer.Option(
        None, "--against", help="A git revision: compares the project's contracts with it."
    ),
) -> None:
    """Say what changed between two versions of contracts, and who breaks by it."""
    from dataplatform.declarations.contract import contracts_in
    from dataplatform.declarations.odcs import read_document
    from dataplatform.declarations.project import open_project

    if against is None:
        if old is None or new is None:
            raise UserError("Name two files, the older first, or a git revision with --against.")
        before, after = (
            {contract.published.table: contract for contract in contracts_in(document)}
            for document in (read_document(Path(one).resolve(), Path.cwd()) for one in (old, new))
        )
        consumers = _consumers(_project())
    else:
        if new is not None:
            raise UserError("--against compares with a revision: name at most one file.")
        project = open_project()
        after = {str(one.published): one for one in project.contracts}
        before = _at(project, against)
        if old is not None:
            only = Path(old).resolve()
            after = {k: c for k, c in after.items() if (project.root / c.file) == only}
            before = {k: c for k, c in before.items() if (project.root / c.file) == only}
        consumers = _consumers(project)
    wrong = [sentence for name in sorted({*before, *after})
             for sentence in _compare(before.get(name), after.get(name), consumers)]  # fmt: skip
    for sentence in wrong:
        typer.secho(f"{sentence}.", fg=typer.colors.RED)
    if wrong:
        raise typer.Exit(1)


def _compare(old: Contract | None, new: Contract | None, consumers: Consumers | None) -> list[str]:
    """Print what changed for one table; return what is not declared."""
    import datetime

    from dataplatform.quality.contract_diff import changes, undeclared

    if old is None or new is None:
        only = new or old
        assert only is not None
        typer.echo(f"{only.published} {only.version}: {'new' if new else 'gone'}")
        if new is not None:
            return []
        retired = only.document.data["status"] in ("retired", "deprecated")
        _print_consumers(consumers, only, None)
        word = f"the contract of {only.published} is gone and was {only.document.data['status']}"
        return [] if retired else [f"{word}: say status deprecated first"]
    found = changes(old, new, datetime.date.today())
    if not found:
        if old.version != new.version:
            typer.echo(f"{new.published} {old.version} → {new.version}: nothing changed")
        return []
    typer.echo(f"{new.published} {old.version} → {new.version}")
    for change in found:
        file = old.file if change.gone else new.file
        word = "announced" if change.announced else "BREAKING" if change.breaking else "ok"
        typer.echo(f"  {word:9} {change.field}: {change.text}  [{file}:{change.line}]")
        if change.breaking:
            _print_consumers(consumers, new, change.column)
    if old.version == new.version:
        typer.echo(f"  note: the version is {new.version} still")
    sentence = undeclared(old, new, found)
    return [sentence] if sentence else []


def _print_consumers(consumers: Consumers | None, contract: Contract, column: str | None) -> None:
    for consumer in consumers.of(contract, column) if consumers is not None else ():
        typer.echo(f"            breaks {consumer}")


def _consumers(project: Project | None) -> Consumers | None:
    """Return who reads a project's tables; None where there is no dbt project to ask."""
    if project is None or not (project.dbt / "dbt_project.yml").is_file():
        return None
    from dataplatform.quality.contract_consumers import Consumers

    return Consumers(project)


def _project() -> Project | None:
    """Return the project whose models may read a file's table; None outside of one."""
    from dataplatform.declarations.project import open_project

    try:
        return open_project()
    except UserError:
        return None


def _at(project: Project, revision: str) -> dict[str, Contract]:
    """Return the contracts of a project as they were at a git revision, by published table.

    Raises:
        UserError: git does not know the revision, or a contract of it cannot be read.
    """
    from dataplatform.declarations.contract import load_contract

    listed = _git(project.root, "ls-tree", "-r", "--name-only", revision, "config/contracts")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in listed.splitlines():
            if not name.endswith(".yml"):
                continue
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_git(project.root, "show", f"{revision}:./{name}"), encoding="utf-8")
            contract = load_contract(path, Path(folder))
            found[str(contract.published)] = contract
    return found


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        why = said[0].removeprefix("fatal: ") if said else "it says nothing"
        raise UserError(f"git cannot tell: {why}.")
    return done.stdout
