"""Snowflake's own answers about what is hidden: policies, tags, and what they hang on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dataplatform.access.snowflake_answers import shown
from dataplatform.access.snowflake_names import tag_name, text
from dataplatform.keys import Relation
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session

#: Tables that one question is about.
_AT_ONCE = 50


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
