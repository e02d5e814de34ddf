"""What a role may read in the end: its own rights and those it inherits, table by table.

Pure thinking over declared files. What a warehouse is told to enforce it is the business of the
modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataplatform.declarations.access import CLASSIFICATIONS, LAYERS
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import CURATED, LAKE_RAW, PUBLISHED, Relation, layer_of

if TYPE_CHECKING:
    from dataplatform.declarations.access import Access, Method
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project

#: What a column counts as that a contract promises without classifying it.
PROMISED = "internal"


@dataclass(frozen=True)
class Rights:
    """What every role may do with the tables of one project.

    Attributes:
        access: what the access file says.
        tables: every table of the warehouse that the project makes.
        columns: the classification of each promised column, by table; marts as candidates and as
            published.
    """

    access: Access
    tables: tuple[Relation, ...]
    columns: Mapping[Relation, Mapping[str, str]] = field(default_factory=dict)

    def closure(self, role: str) -> tuple[str, ...]:
        """Return a role and every role whose rights it inherits.

        Raises:
            UserError: no such role is declared.
        """
        if role not in self.access.roles:
            hint = nearest(role, self.access.roles)
            where = self.access.file or "config/access.yml"
            raise UserError(f"{where} declares no role {role!r}.{hint}")
        found: dict[str, None] = {}
        waiting = [role]
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += self.access.roles[name].inherits
        return tuple(found)

    def inheritors(self, role: str) -> tuple[str, ...]:
        """Return a role and every role that inherits its rights."""
        return tuple(name for name in self.access.roles if role in self.closure(name))

    def reads_itself(self, role: str, relation: Relation) -> bool:
        """Say whether a role by itself, without what it inherits, reads a table."""
        said, layer = self.access.roles[role], layer_of(relation)
        if layer in said.writes or layer in said.reads or str(relation) in said.reads:
            return True
        only = said.reads_only.get(layer)
        return only is not None and self.strictest(relation) in only

    def reads(self, role: str, relation: Relation) -> bool:
        """Say whether a role reads a table."""
        return any(self.reads_itself(one, relation) for one in self.closure(role))

    def sees(self, role: str) -> frozenset[str]:
        """Return the classifications that a role is shown as they are."""
        return frozenset(name for one in self.closure(role) for name in self.access.roles[one].sees)

    def classification(self, relation: Relation, column: str) -> str:
        """Return what a column counts as."""
        known = self.columns.get(relation, {})
        return known.get(column.lower(), self.access.unclassified)

    def strictest(self, relation: Relation) -> str:
        """Return the classification of a table: the strictest among its columns."""
        known = self.columns.get(relation)
        if known is None:
            return self.access.unclassified
        return max(known.values(), key=_strictness, default=PROMISED)

    def hidden(self, role: str, relation: Relation, column: str) -> Method | None:
        """Return how a column is hidden from a role, or None where it is shown."""
        classification = self.classification(relation, column)
        if classification in self.sees(role):
            return None
        return self.access.method(classification)

    def rows(self, role: str, relation: Relation) -> tuple[str, ...] | None:
        """Return the conditions of which a row must keep one to be shown, or None for all rows.

        A role that reads a table by two ways is shown the rows of both.
        """
        conditions: list[str] = []
        for one in self.closure(role):
            if self.reads_itself(one, relation):
                condition = self.access.roles[one].rows.get(relation)
                if condition is None:
                    return None
                conditions.append(condition)
        return tuple(dict.fromkeys(conditions))

    def restricted(self) -> tuple[Relation, ...]:
        """Return the tables of which some role is not shown all rows."""
        found = {table for role in self.access.roles.values() for table in role.rows}
        return tuple(sorted(found))

    def holders(self, role: str) -> tuple[str, ...]:
        """Return everybody who holds a role, by mail or account: itself or by one that inherits."""
        found: dict[str, None] = {}
        for name in self.inheritors(role):
            said = self.access.roles[name]
            found |= dict.fromkeys((*said.users, *said.service_accounts))
        return tuple(found)


def rights_of(project: Project) -> Rights:
    """Return what every role may do in a project.

    Args:
        project: its access file, contracts and tables.

    Raises:
        UserError: a declared file is wrong.
    """
    tables = tuple(
        sorted(one for one in project.relations if one.schema not in (CURATED, LAKE_RAW))
    )
    columns: dict[Relation, dict[str, str]] = {}
    for contract in project.contracts:
        found = _classified(contract)
        columns[contract.relation] = columns[contract.published] = found
    return Rights(project.access, tables, columns)


def schemas_of(rights: Rights, layer: str) -> tuple[str, ...]:
    """Return the schemas of a layer, as far as the project's files name them."""
    if layer != "raw":
        return (layer,)
    return tuple(sorted({one.schema for one in rights.tables if layer_of(one) == "raw"}))


def find_table(rights: Rights, name: str) -> Relation:
    """Return the table of a name; without a schema, the published one.

    Raises:
        UserError: nothing makes such a table.
    """
    known = {str(one): one for one in rights.tables}
    full = name if "." in name else f"{PUBLISHED}.{name}"
    if full not in known:
        raise UserError(f"Nothing makes the table {name!r}.{nearest(full, known)}")
    return known[full]


def layers_read(rights: Rights, role: str) -> tuple[str, ...]:
    """Return the layers that a role reads as a whole, itself or by what it inherits."""
    found = {
        layer
        for one in rights.closure(role)
        for layer in (*rights.access.roles[one].reads, *rights.access.roles[one].writes)
    }
    return tuple(layer for layer in LAYERS if layer in found)


def _classified(contract: Contract) -> dict[str, str]:
    return {
        column.name.lower(): (column.classification or PROMISED).strip().lower()
        for column in contract.columns
    }


def _strictness(classification: str) -> int:
    known = classification in CLASSIFICATIONS
    return CLASSIFICATIONS.index(classification) if known else len(CLASSIFICATIONS)
