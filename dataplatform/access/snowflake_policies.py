"""Snowflake: which values are hidden, as tag-based masking.

Every schema carries the tag of what no contract promises, so a table that is made tomorrow is
masked before anybody has said anything of it; promised columns carry their own classification. One
masking policy per type hangs on the tag. Rows are in
``snowflake_rows``, grants in ``snowflake_grants``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.access.items import Item
from dataplatform.access.masks import masked_value
from dataplatform.access.snowflake_names import path, table_path, tag_name, tag_path, text
from dataplatform.declarations.access import CLASSIFICATIONS
from dataplatform.keys import PLATFORM, Relation
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights

#: The types that a masking policy is made for; a tag takes one policy for each.
TYPES = (
    "VARCHAR", "NUMBER", "FLOAT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_TZ",
    "TIMESTAMP_LTZ", "VARIANT", "OBJECT", "ARRAY", "BINARY",
)  # fmt: skip
POLICY, _TAGGED = 10, 20


def one_line(body: str) -> str:
    """Return a policy's body in one spelling, however its blanks and lines fall."""
    return " ".join(body.split())


def masking_items(rights: Rights, database: str) -> list[Item]:
    """Return the tag, a masking policy for each type, and their bond.

    Args:
        rights: who may see what.
        database: the warehouse's database.
    """
    tag = tag_path(database)
    items = [
        Item(
            key=("tag",),
            told=f"the tag {tag}",
            make=(
                f"CREATE SCHEMA IF NOT EXISTS {path(database, PLATFORM)}",
                f"CREATE TAG IF NOT EXISTS {tag}",
            ),
            order=POLICY - 1,
            protects=True,
        )
    ]
    for native in TYPES:
        name = f"MASK_{native}"
        policy = path(database, PLATFORM, name)
        body = _masking_body(rights, native, database)
        create = f"CREATE MASKING POLICY IF NOT EXISTS {policy}"
        items.append(
            Item(
                key=("masking policy", name),
                told=f"the masking of {native}",
                body=body,
                make=(
                    f"{create} AS (VAL {native}) RETURNS {native} -> {body}",
                    f"ALTER MASKING POLICY {policy} SET BODY -> {body}",
                ),
                unmake=(f"DROP MASKING POLICY {policy}",),
                order=POLICY,
                protects=True,
            )
        )
        items.append(
            Item(
                key=("tag policy", name),
                told=f"{tag} masks {native}",
                make=(f"ALTER TAG {tag} SET MASKING POLICY {policy} FORCE",),
                unmake=(f"ALTER TAG {tag} UNSET MASKING POLICY {policy}",),
                order=POLICY + 1,
                protects=True,
            )
        )
    return items


def schema_tag(rights: Rights, database: str, schema: str) -> Item:
    """Return what every column of a schema counts as, until a contract promises it."""
    value = rights.access.unclassified
    where = path(database, schema)
    return Item(
        key=("schema tag", schema.upper()),
        told=f"what no contract promises in {schema} is {value}",
        body=value,
        make=(f"ALTER SCHEMA {where} SET TAG {tag_path(database)} = {text(value)}",),
        unmake=(f"ALTER SCHEMA {where} UNSET TAG {tag_path(database)}",),
        order=_TAGGED,
        protects=True,
    )


def column_tag(database: str, relation: Relation, kind: str, column: str, value: str) -> Item:
    """Return the classification of one column, as a tag.

    Args:
        database: the warehouse's database.
        relation: the table.
        kind: ``TABLE`` or ``VIEW``.
        column: the column.
        value: its classification.
    """
    where = f"ALTER {kind} {table_path(database, relation)} MODIFY COLUMN {folded(column)}"
    tag = tag_path(database)
    return Item(
        key=("column tag", str(relation), column.lower()),
        told=f"{relation}.{column} is {value}",
        body=value,
        make=(f"{where} SET TAG {tag} = {text(value)}",),
        unmake=(f"{where} UNSET TAG {tag}",),
        order=_TAGGED,
        protects=True,
        table=str(relation),
    )


def _masking_body(rights: Rights, native: str, database: str) -> str:
    tag = f"SYSTEM$GET_TAG_ON_CURRENT_COLUMN({text(tag_name(database))})"
    cases = []
    for classification in CLASSIFICATIONS:
        said = f"{tag} = {text(classification)}"
        seeing = [n for n, role in rights.access.roles.items() if classification in role.sees]
        if seeing:
            # A role in the session stands for what it inherits too, so its own word is enough.
            cases.append(f"WHEN {said} AND ({' OR '.join(map(in_session, seeing))}) THEN VAL")
        shown = masked_value("VAL", native, rights.access.method(classification), "snowflake")
        cases.append(f"WHEN {said} THEN {shown}")
    return f"CASE {' '.join(cases)} ELSE CAST(NULL AS {native}) END"


def in_session(role: str) -> str:
    """Return the condition that a role is at work, itself or through one that inherits it."""
    return f"IS_ROLE_IN_SESSION({text(role.upper())})"
