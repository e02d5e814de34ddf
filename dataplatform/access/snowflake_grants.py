"""Snowflake: roles, who holds them, and what is granted to them, present and future objects.

Users are not made here: they come from the company's directory, and their mail in capitals is
their name. Masking and rows are in ``snowflake_policies``, answers are read in
``snowflake_answers``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataplatform.access.items import Item
from dataplatform.access.rights import schemas_of
from dataplatform.access.snowflake_names import path
from dataplatform.keys import PUBLISHED, Relation
from dataplatform.resources.warehouse.publication import VERSIONS
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights

READ = ("SELECT",)
WRITE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
MAKE = ("CREATE TABLE", "CREATE VIEW", "CREATE STAGE")
_ROLE, _MEMBER, _GRANT = 0, 60, 50


@dataclass(frozen=True)
class Objects:
    """What there is in a database.

    Attributes:
        schemas: in small letters.
        kinds: each table to ``TABLE`` or ``VIEW``.
        columns: each table's columns, to their types.
    """

    schemas: frozenset[str] = frozenset()
    kinds: Mapping[Relation, str] = field(default_factory=dict)
    columns: Mapping[Relation, Mapping[str, str]] = field(default_factory=dict)


def role_item(role: str) -> Item:
    """Return a role."""
    return Item(
        key=("role", role.upper()),
        told=f"the role {role}",
        make=(f"CREATE ROLE IF NOT EXISTS {folded(role)}",),
        order=_ROLE,
    )


def member_item(role: str, kind: str, who: str) -> Item:
    """Return who holds a role.

    Args:
        role: what is held.
        kind: ``USER`` or ``ROLE``.
        who: a user's or a role's name.
    """
    return Item(
        key=("member", role.upper(), kind, who.upper()),
        told=f"{who} holds {role}" if kind == "USER" else f"{who} inherits {role}",
        make=(f"GRANT ROLE {folded(role)} TO {kind} {folded(who)}",),
        unmake=(f"REVOKE ROLE {folded(role)} FROM {kind} {folded(who)}",),
        order=_MEMBER,
    )


def grant_item(role: str, privilege: str, kind: str, parts: tuple[str, ...]) -> Item:
    """Return one privilege on one thing.

    Args:
        role: who is granted it.
        privilege: such as ``SELECT``.
        kind: such as ``TABLE``, ``SCHEMA`` or ``WAREHOUSE``.
        parts: the thing's name, the database first where it lies in one.
    """
    name = ".".join(folded(part) for part in parts)
    table = ".".join(parts[1:]).lower() if kind in ("TABLE", "VIEW") else ""
    return Item(
        key=("grant", role.upper(), privilege, kind, *(part.upper() for part in parts)),
        told=f"{role}: {privilege} on {kind.lower()} {'.'.join(parts).lower()}",
        make=(f"GRANT {privilege} ON {kind} {name} TO ROLE {folded(role)}",),
        unmake=(f"REVOKE {privilege} ON {kind} {name} FROM ROLE {folded(role)}",),
        order=_GRANT,
        table=table,
    )


def future_item(role: str, privilege: str, kind: str, database: str, schema: str) -> Item:
    """Return one privilege on what a schema will hold.

    Args:
        role: who is granted it.
        privilege: such as ``SELECT``.
        kind: ``TABLE`` or ``VIEW``.
        database, schema: where.
    """
    where = f"FUTURE {kind}S IN SCHEMA {path(database, schema)}"
    return Item(
        key=("future", role.upper(), privilege, kind, database.upper(), schema.upper()),
        told=f"{role}: {privilege} on every {kind.lower()} that {schema.lower()} will hold",
        make=(f"GRANT {privilege} ON {where} TO ROLE {folded(role)}",),
        unmake=(f"REVOKE {privilege} ON {where} FROM ROLE {folded(role)}",),
        order=_GRANT,
    )


def declared_grants(rights: Rights, database: str, objects: Objects) -> Iterator[Item]:
    """Yield what should be granted, on what there is and on what there will be.

    Args:
        rights: who may do what.
        database: the warehouse's database.
        objects: what there is in it.
    """
    for name, role in rights.access.roles.items():
        yield role_item(name)
        for who in (*role.users, *role.service_accounts):
            yield member_item(name, "USER", who)
        for parent in role.inherits:
            yield member_item(parent, "ROLE", name)
        for compute in role.warehouses:
            yield grant_item(name, "USAGE", "WAREHOUSE", (compute,))
        yield grant_item(name, "USAGE", "DATABASE", (database,))
        if role.writes:
            yield grant_item(name, "CREATE SCHEMA", "DATABASE", (database,))
        for layer in role.writes:
            for schema in written_schemas(rights, layer):
                yield from _on_schema(name, WRITE, database, schema, objects, makes=True)
        for layer in role.reads:
            # A table has a point in its name, a layer has none.
            for schema in schemas_of(rights, layer) if "." not in layer else ():
                yield from _on_schema(name, READ, database, schema, objects)
        for relation, kind in objects.kinds.items():
            single = str(relation) in role.reads or bool(
                role.reads_only and rights.reads_itself(name, relation)
            )
            if single:
                yield grant_item(name, "USAGE", "SCHEMA", (database, relation.schema))
                yield grant_item(name, "SELECT", kind, (database, *relation))


def written_schemas(rights: Rights, layer: str) -> tuple[str, ...]:
    """Return the schemas of a layer that is written; what is published is kept in versions."""
    return (PUBLISHED, VERSIONS) if layer == PUBLISHED else schemas_of(rights, layer)


def missing_schemas(rights: Rights, objects: Objects) -> list[str]:
    """Return the schemas that some role should have rights in and that are not there yet."""
    wanted = {
        schema
        for role in rights.access.roles.values()
        for layer in (*role.reads, *role.writes)
        for schema in (schemas_of(rights, layer) if "." not in layer else ())
    }
    return sorted(wanted - objects.schemas)


def _on_schema(
    role: str,
    privileges: tuple[str, ...],
    database: str,
    schema: str,
    objects: Objects,
    *,
    makes: bool = False,
) -> Iterator[Item]:
    if schema not in objects.schemas:
        return
    yield grant_item(role, "USAGE", "SCHEMA", (database, schema))
    for privilege in MAKE if makes else ():
        yield grant_item(role, privilege, "SCHEMA", (database, schema))
    for privilege in privileges:
        yield future_item(role, privilege, "TABLE", database, schema)
        for relation, kind in objects.kinds.items():
            if relation.schema == schema and (kind == "TABLE" or privilege == "SELECT"):
                yield grant_item(role, privilege, kind, (database, *relation))
    yield future_item(role, "SELECT", "VIEW", database, schema)
