"""Which contract a command is about: a table of the project, or any file of the standard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project


def find(project: Project, table: str) -> Contract:
    """Return the contract about a table of a project.

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


def is_file(text: str) -> bool:
    """Say whether an argument names a file and not a table."""
    return text.endswith((".yml", ".yaml")) or Path(text).is_file()


def of_file(text: str) -> list[Contract]:
    """Return the contract of each table of a file, wherever it lies.

    A file in ``config/contracts`` of the project is read as the project reads it.

    Raises:
        UserError: it does not exist, is no document of the standard, or cannot be kept.
    """
    from dataplatform.declarations.contract import contracts_in, load_contract
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.odcs import read_document
    from dataplatform.declarations.project import open_project

    path = Path(text).resolve()
    try:
        project = open_project()
    except UserError:
        return contracts_in(read_document(path, Path.cwd()))
    if path.is_relative_to(project.config / "contracts"):
        return [load_contract(path, project.root, project.relations)]
    return contracts_in(read_document(path, Path.cwd()))
