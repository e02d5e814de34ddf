"""Who can read a table, what a role can do, and the report of both for a whole project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.access.rights import layers_read, rights_of

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation


@dataclass(frozen=True)
class Reader:
    """One role that reads one table.

    Attributes:
        role: the role.
        table: the table, as ``schema.table``.
        through: the roles that it inherits the right from; empty where it has it itself.
        hidden: hidden columns, to how they are hidden.
        rows: the conditions of the rows that it is shown; empty for all rows.
        holders: who holds the role, by mail or account.
    """

    role: str
    table: str
    through: tuple[str, ...] = ()
    hidden: dict[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "role": self.role,
            "table": self.table,
            "through": list(self.through),
            "hidden": self.hidden,
            "rows": list(self.rows),
            "holders": list(self.holders),
        }


def who_can(rights: Rights, relation: Relation) -> list[Reader]:
    """Return every role that reads a table, in the file's order."""
    return [
        _reader(rights, role, relation)
        for role in rights.access.roles
        if rights.reads(role, relation)
    ]


def what_can(rights: Rights, role: str) -> list[Reader]:
    """Return every table that a role reads.

    Raises:
        UserError: no such role is declared.
    """
    rights.closure(role)
    return [_reader(rights, role, one) for one in rights.tables if rights.reads(role, one)]


def audit(project: Project) -> dict[str, Any]:
    """Return who holds what, and what is worth a second look, for a whole project.

    Args:
        project: its access file, contracts and tables.

    Raises:
        UserError: a declared file is wrong.
    """
    rights = rights_of(project)
    roles = {
        name: {
            "description": role.description,
            "held_by": [*role.users, *role.service_accounts],
            "inherits": list(rights.closure(name)[1:]),
            "layers": list(layers_read(rights, name)),
            "writes": list(role.writes),
            "sees": sorted(rights.sees(name)),
            "tables": sum(rights.reads(name, one) for one in rights.tables),
        }
        for name, role in rights.access.roles.items()
    }
    return {"file": str(project.access.file), "roles": roles, "remarks": remarks(rights)}


def remarks(rights: Rights) -> list[str]:
    """Return what is worth a second look, each a sentence."""
    said = []
    for name, role in rights.access.roles.items():
        if not rights.holders(name):
            said.append(f"Nobody holds the role {name!r}.")
        people = [one for one in role.users if one]
        if people and any(rights.access.roles[one].writes for one in rights.closure(name)):
            said.append(f"The role {name!r} makes tables, and people hold it: {', '.join(people)}.")
        if people and "pii" in rights.sees(name):
            said.append(f"The role {name!r} is shown pii as it is: {', '.join(people)}.")
    promised = {relation for relation in rights.columns}
    for relation in rights.tables:
        if relation not in promised and relation.schema == "marts":
            said.append(
                f"{relation} has no contract, so all its columns count as "
                f"{rights.access.unclassified}."
            )
    return said


def _reader(rights: Rights, role: str, relation: Relation) -> Reader:
    closure = rights.closure(role)
    through = () if rights.reads_itself(role, relation) else closure[1:]
    return Reader(
        role=role,
        table=str(relation),
        through=tuple(one for one in through if rights.reads_itself(one, relation)),
        hidden={
            column: str(method)
            for column in rights.columns.get(relation, {})
            if (method := rights.hidden(role, relation, column)) is not None
        },
        rows=rights.rows(role, relation) or (),
        holders=rights.holders(role),
    )
