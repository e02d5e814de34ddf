"""Snowflake's own answers about access, read into items: what is granted, masked and shown.

SHOW gives more columns with each release, so its columns are taken by name from the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dataplatform.access.items import Item
from dataplatform.access.snowflake_grants import (
    Objects,
    future_item,
    grant_item,
    member_item,
    role_item,
)
from dataplatform.access.snowflake_names import answered, tag_name, text
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session

#: Everybody has this role, so what it holds is held by all.
EVERYBODY = "PUBLIC"
#: Roles of Snowflake's own that hold others for administration.
_OWN_ROLES = frozenset({"ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN", "ORGADMIN"})
#: Tables that one question is about.
_AT_ONCE = 50
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


def policies_of(session: Session, kind: str, database: str, schema: str) -> dict[str, str]:
    """Return the bodies of the policies of a schema, by name.

    Args:
        session: an open session.
        kind: ``MASKING`` or ``ROW ACCESS``.
        database, schema: where they lie.
    """
    where = f"{folded(database)}.{folded(schema)}"
    names = shown(session, f"SHOW {kind} POLICIES IN SCHEMA {where}", ["name"])
    found = {}
    for (name,) in names:
        rows = shown(session, f"DESCRIBE {kind} POLICY {where}.{folded(name)}", ["body"])
        found[name] = rows[0][0] if rows else ""
    return found


def tag_policies(session: Session, database: str) -> list[str]:
    """Return the masking policies that hang on the classification's tag."""
    rows = session.execute(
        f"SELECT policy_name FROM {_references(database, tag_name(database), 'TAG')} "
        "WHERE policy_kind = 'MASKING_POLICY'"
    )
    return sorted(str(name) for (name,) in rows)


def row_policies_on(
    session: Session, database: str, kinds: Mapping[Relation, str]
) -> Iterator[tuple[Relation, str]]:
    """Yield the row access policy of each table that has one."""
    known = {f"{one.schema}.{one.table}".upper(): one for one in kinds}
    for some in _chunks(list(kinds)):
        parts = [
            "SELECT ref_schema_name || '.' || ref_entity_name, policy_name FROM "
            f"{_references(database, _full(database, one), kinds[one])} "
            "WHERE policy_kind = 'ROW_ACCESS_POLICY'"
            for one in some
        ]
        for name, policy in session.execute(" UNION ALL ".join(parts)):
            if name in known:
                yield known[name], str(policy)


def column_tags(
    session: Session, database: str, relations: Sequence[Relation]
) -> Iterator[tuple[Relation, str, str]]:
    """Yield the classification that columns carry themselves: table, column, value."""
    known = {f"{one.schema}.{one.table}".upper(): one for one in relations}
    for some in _chunks(relations):
        parts = [
            "SELECT object_schema || '.' || object_name, column_name, tag_value "
            f"FROM TABLE({folded(database)}.information_schema.tag_references_all_columns("
            f"{text(_full(database, one))}, 'table')) WHERE level = 'COLUMN' AND "
            f"tag_database || '.' || tag_schema || '.' || tag_name = {text(tag_name(database))}"
            for one in some
        ]
        for name, column, value in session.execute(" UNION ALL ".join(parts)):
            if name in known:
                yield known[name], str(column).lower(), str(value)


def schema_value(session: Session, database: str, schema: str) -> str:
    """Return the classification that a schema carries; empty for none."""
    where = text(f"{folded(database)}.{folded(schema)}")
    rows = session.execute(f"SELECT SYSTEM$GET_TAG({text(tag_name(database))}, {where}, 'schema')")
    return str(rows[0][0] or "") if rows else ""


def _references(database: str, name: str, domain: str) -> str:
    return (
        f"TABLE({folded(database)}.information_schema.policy_references("
        f"ref_entity_name => {text(name)}, ref_entity_domain => {text(domain)}))"
    )


def _full(database: str, relation: Relation) -> str:
    return f"{folded(database)}.{folded(relation.schema)}.{folded(relation.table)}"


def _chunks(relations: Sequence[Relation]) -> Iterator[Sequence[Relation]]:
    for start in range(0, len(relations), _AT_ONCE):
        yield relations[start : start + _AT_ONCE]
