"""Snowflake: what should be held and what is, side by side, from one session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.access.engines import SqlEngine
from dataplatform.access.items import Holding, Item, holding
from dataplatform.access.snowflake_answers import Grants, objects_of, shown
from dataplatform.access.snowflake_grants import Objects, declared_grants, missing_schemas
from dataplatform.access.snowflake_hiding import (
    column_tags,
    policies_of,
    row_policies_on,
    schema_value,
    tag_policies,
)
from dataplatform.access.snowflake_names import (
    CLASSIFICATION_TAG,
    path,
    table_path,
    tag_path,
)
from dataplatform.access.snowflake_policies import (
    column_tag,
    masking_items,
    one_line,
    schema_tag,
)
from dataplatform.access.snowflake_rows import protection, row_items
from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse.publication import VERSIONS
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.resources.warehouse import Session


class SnowflakeEngine(SqlEngine):
    """Snowflake: roles, grants, masking by tag and row access policies."""

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the database should hold about access and what it holds."""
        return compared(session, rights, self._settings()["database"])

    def protection(
        self, rights: Rights, target: Relation, copy: Relation, columns: Mapping[str, str]
    ) -> Sequence[str]:
        """Return what tags a copy's columns and attaches its row policy; a clone keeps both."""
        return protection(rights, self._settings()["database"], target, copy, columns)


def compared(session: Session, rights: Rights, database: str) -> tuple[Holding, Holding]:
    """Return what a Snowflake database should hold about access, and what it holds.

    Args:
        session: an open session, as a role with MANAGE GRANTS.
        rights: who may do what.
        database: the warehouse's database.

    Raises:
        UserError: the account does not answer, or a row rule cannot be kept.
    """
    objects = objects_of(session)
    grants = Grants(session, rights.access.roles, database)
    notes = [
        f"The schema {schema} is not there yet: plan again once it is."
        for schema in missing_schemas(rights, objects)
    ]
    items = [
        item
        for item in declared_grants(rights, database, objects)
        if not (item.key[0] == "grant" and (item.key[1], *item.key[3:]) in grants.owned)
    ]
    protected = [
        relation
        for relation in objects.kinds
        if relation.schema != VERSIONS
        and any(rights.reads_itself(role, relation) for role in rights.access.roles)
    ]
    schemas = sorted({relation.schema for relation in rights.tables} & objects.schemas)
    policies = list(_found_policies(session, database, objects, protected, schemas))
    items += _declared_policies(rights, database, objects, protected, schemas)
    found = holding([*grants.items, *policies], grants.notes)
    return holding([_replacing(item, found) for item in items], notes), found


def _replacing(item: Item, found: Holding) -> Item:
    """Return a row policy's bond so that it takes the place of another in one statement."""
    there = found.items.get(item.key)
    if item.key[0] != "row policy on" or there is None or there.body == item.body:
        return item
    add = item.make[0].partition(" ADD ")[2]
    return replace(item, make=(f"{there.unmake[0]}, ADD {add}",))


def _declared_policies(
    rights: Rights,
    database: str,
    objects: Objects,
    protected: list[Relation],
    schemas: list[str],
) -> Iterator[Item]:
    yield from masking_items(rights, database)
    for schema in schemas:
        yield schema_tag(rights, database, schema)
    for relation in protected:
        kind, columns = objects.kinds[relation], objects.columns.get(relation, {})
        for column, value in rights.columns.get(relation, {}).items():
            if column in columns:
                yield column_tag(database, relation, kind, column, value)
        yield from row_items(rights, database, relation, kind, columns)


def _found_policies(
    session: Session,
    database: str,
    objects: Objects,
    protected: list[Relation],
    schemas: list[str],
) -> Iterator[Item]:
    if PLATFORM not in objects.schemas:
        return
    where = path(database, PLATFORM)
    tags = {name for (name,) in shown(session, f"SHOW TAGS IN SCHEMA {where}", ["name"])}
    if CLASSIFICATION_TAG in tags:
        yield Item(key=("tag",), told="the tag", protects=True)
        yield from _found_tags(session, database, objects, protected, schemas)
    for name, body in policies_of(session, "MASKING", database, PLATFORM).items():
        yield _policy("masking policy", "MASKING", name, one_line(body), where)
    for name, body in policies_of(session, "ROW ACCESS", database, PLATFORM).items():
        yield _policy("row policy", "ROW ACCESS", name, one_line(body), where)
    kinds = {relation: objects.kinds[relation] for relation in protected}
    for relation, name in row_policies_on(session, database, kinds):
        alter = f"ALTER {kinds[relation]} {table_path(database, relation)}"
        yield Item(
            key=("row policy on", str(relation)),
            told=f"{relation} has the row policy {name}",
            body=name,
            unmake=(f"{alter} DROP ROW ACCESS POLICY {where}.{folded(name)}",),
            order=30,
            protects=True,
            table=str(relation),
        )


def _found_tags(
    session: Session,
    database: str,
    objects: Objects,
    protected: list[Relation],
    schemas: list[str],
) -> Iterator[Item]:
    tag, where = tag_path(database), path(database, PLATFORM)
    for name in tag_policies(session, database):
        yield Item(
            key=("tag policy", name),
            told=f"{tag} has the policy {name}",
            unmake=(f"ALTER TAG {tag} UNSET MASKING POLICY {where}.{folded(name)}",),
            order=11,
            protects=True,
        )
    for schema in schemas:
        value = schema_value(session, database, schema)
        if value:
            yield Item(key=("schema tag", schema.upper()), told=schema, body=value)
    for relation, column, value in column_tags(session, database, protected):
        yield column_tag(database, relation, objects.kinds[relation], column, value)


def _policy(key: str, kind: str, name: str, body: str, where: str) -> Item:
    return Item(
        key=(key, name),
        told=f"the policy {name}",
        body=body,
        unmake=(f"DROP {kind} POLICY {where}.{folded(name)}",),
        order=10,
        protects=True,
    )
