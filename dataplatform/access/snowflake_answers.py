"""Snowflake's own answers about what there is and what is granted, read into items.

What it answers of masks and rows is read in ``snowflake_hiding``. SHOW gives more columns with each
release, so its columns are taken by name from the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dataplatform.access.items import Item
from dataplatform.access.snowflake_grants import (
    Objects,
    future_item,
    grant_item,
    member_item,
    role_item,
)
from dataplatform.access.snowflake_names import answered
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session

#: Everybody has this role, so what it holds is held by all.
EVERYBODY = "PUBLIC"
#: Roles of Snowflake's own that hold others for administration.
_OWN_ROLES = frozenset({"ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN", "ORGADMIN"})
_WITHIN = frozenset({"DATABASE", "SCHEMA", "TABLE", "VIEW"})


def shown(session: Session, statement: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return some columns of what a SHOW or DESCRIBE answers.

    Args:
        session: an open session.
        statement: what is asked.
        columns: the columns' names, in small letters.

    Raises:
        UserError: the account does not answer it.
    """
    try:
        session.execute(statement)
        listed = ", ".join(f'"{column}"' for column in columns)
        rows = session.execute(f"SELECT {listed} FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))")
    except UserError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"The account does not answer `{statement}`: {reason} The local stand-in for "
            "Snowflake has no grants; an account needs a role with MANAGE GRANTS."
        ) from error
    return [tuple("" if value is None else str(value) for value in row) for row in rows]


def objects_of(session: Session) -> Objects:
    """Return what there is in the database of a session."""
    schemas = session.execute("SELECT schema_name FROM information_schema.schemata")
    tables = session.execute(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables "
        "WHERE table_schema <> 'INFORMATION_SCHEMA'"
    )
    columns = session.execute(
        "SELECT table_schema, table_name, column_name, data_type "
        "FROM information_schema.columns WHERE table_schema <> 'INFORMATION_SCHEMA' "
        "ORDER BY table_schema, table_name, ordinal_position"
    )
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, native in columns:
        relation = Relation(schema.lower(), table.lower())
        found.setdefault(relation, {})[column.lower()] = "VARCHAR" if native == "TEXT" else native
    return Objects(
        frozenset(str(name).lower() for (name,) in schemas),
        {
            Relation(schema.lower(), table.lower()): "VIEW" if "VIEW" in kind else "TABLE"
            for schema, table, kind in tables
        },
        found,
    )


class Grants:
    """What the declared roles hold in one database.

    Attributes:
        items: roles, their members and their grants.
        owned: what a role owns, as (role, kind, name parts); an owner needs no grant.
        notes: sentences on what lies outside.
    """

    def __init__(self, session: Session, roles: Iterable[str], database: str) -> None:
        self.items: list[Item] = []
        self.owned: set[tuple[str, ...]] = set()
        self.notes: list[str] = []
        self._database = database.upper()
        there = {name for (name,) in shown(session, "SHOW ROLES", ["name"])}
        for role in roles:
            if role.upper() in there:
                self.items.append(role_item(role))
                self._members(session, role)
                self._present(session, role)
                self._future(session, role)
        self._present(session, EVERYBODY)
        self._future(session, EVERYBODY)
        self._strangers(session, {role.upper() for role in roles})

    def _members(self, session: Session, role: str) -> None:
        rows = shown(session, f"SHOW GRANTS OF ROLE {folded(role)}", ["granted_to", "grantee_name"])
        for kind, who in rows:
            name = answered(who)[0]
            if kind.upper() == "ROLE" and name in _OWN_ROLES:
                continue
            self.items.append(member_item(role, kind.upper(), name.lower()))

    def _present(self, session: Session, role: str) -> None:
        rows = shown(
            session,
            f"SHOW GRANTS TO ROLE {folded(role)}",
            ["privilege", "granted_on", "name"],
        )
        for privilege, kind, name in rows:
            kind, parts = kind.upper().replace("_", " "), answered(name)
            if kind == "ROLE":
                continue  # told by SHOW GRANTS OF the other role
            inside = kind in _WITHIN and parts[0].upper() == self._database
            if privilege == "OWNERSHIP":
                self.owned.add((role.upper(), kind, *parts))
            elif inside or (kind == "WAREHOUSE" and role != EVERYBODY):
                self.items.append(grant_item(role, privilege, kind, parts))
            elif role != EVERYBODY:
                self.notes.append(
                    f"{role} also holds {privilege} on {kind.lower()} {name}, outside of this "
                    "database: left alone."
                )

    def _future(self, session: Session, role: str) -> None:
        rows = shown(
            session,
            f"SHOW FUTURE GRANTS TO ROLE {folded(role)}",
            ["privilege", "grant_on", "name"],
        )
        for privilege, kind, name in rows:
            parts = answered(name)
            if parts[0].upper() == self._database and len(parts) == 3:
                self.items.append(future_item(role, privilege, kind.upper(), parts[0], parts[1]))
            elif parts[0].upper() == self._database:
                self.notes.append(
                    f"{role} holds {privilege} on every future {kind.lower()} of the whole "
                    "database: take it away by hand."
                )

    def _strangers(self, session: Session, declared: set[str]) -> None:
        rows = shown(
            session,
            f"SHOW GRANTS ON DATABASE {folded(self._database)}",
            ["privilege", "granted_to", "grantee_name"],
        )
        for privilege, kind, who in rows:
            if kind.upper() == "ROLE" and who not in declared | _OWN_ROLES | {EVERYBODY}:
                self.notes.append(
                    f"The role {who} holds {privilege} on the database, and no file declares it."
                )
