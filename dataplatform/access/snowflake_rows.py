"""Snowflake: which rows are hidden, as row access policies, and the protection of a fresh copy.

Which values are hidden is in ``snowflake_policies``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataplatform.access.items import Item
from dataplatform.access.snowflake_names import path, table_path
from dataplatform.access.snowflake_policies import POLICY, column_tag, in_session
from dataplatform.declarations.access_rows import columns_of, row_condition
from dataplatform.declarations.errors import UserError
from dataplatform.keys import PLATFORM, Relation
from dataplatform.snowflake_load import folded

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights

_ATTACHED = 30


def row_items(
    rights: Rights, database: str, relation: Relation, kind: str, columns: Mapping[str, str]
) -> list[Item]:
    """Return the row access policy of a table and its bond; none where all see all rows.

    Args:
        rights: who may see which rows.
        database: the warehouse's database.
        relation: the table.
        kind: ``TABLE`` or ``VIEW``.
        columns: its columns, to their types.

    Raises:
        UserError: a condition reads a column that is not there or that is masked.
    """
    if relation not in rights.restricted():
        return []
    read = _columns_read(rights, relation, columns)
    name = row_policy_name(relation, read)
    policy = path(database, PLATFORM, name)
    body = _row_body(rights, relation)
    where = f"ALTER {kind} {table_path(database, relation)}"
    return [
        Item(
            key=("row policy", name),
            told=f"who is shown which rows of {relation}",
            body=body,
            make=(
                _created(rights, database, relation, read),
                f"ALTER ROW ACCESS POLICY {policy} SET BODY -> {body}",
            ),
            unmake=(f"DROP ROW ACCESS POLICY {policy}",),
            order=POLICY,
            protects=True,
            table=str(relation),
        ),
        Item(
            key=("row policy on", str(relation)),
            told=f"{relation} shows only some rows to some",
            body=name,
            make=(f"{where} {_added(database, name, read)}",),
            unmake=(f"{where} DROP ROW ACCESS POLICY {policy}",),
            order=_ATTACHED,
            protects=True,
            table=str(relation),
        ),
    ]


def row_policy_name(relation: Relation, read: Mapping[str, str]) -> str:
    """Return the name of a table's row policy; other columns make another policy."""
    said = ",".join(f"{column} {native}" for column, native in read.items())
    digest = hashlib.sha256(said.encode()).hexdigest()[:6]
    return f"ROWS_{relation.schema}__{relation.table}_{digest}".upper()


def protection(
    rights: Rights, database: str, relation: Relation, copy: Relation, columns: Mapping[str, str]
) -> list[str]:
    """Return the statements that protect a fresh copy of a table as the table itself is.

    A table that is published is a clone of such a copy, so it is masked from its first moment. Its
    row policy is made where it is not there yet, because before a first publication there is no
    table for which applying the access file would make one; one that is there is never changed.

    Args:
        rights: who may see what.
        database: the warehouse's database.
        relation: the table whose rules apply.
        copy: the table that is protected.
        columns: its columns, to their types.
    """
    promised = rights.columns.get(relation, {})
    statements: list[str] = []
    for column in columns:
        if column.lower() in promised:
            statements += column_tag(database, copy, "TABLE", column, promised[column.lower()]).make
    if relation in rights.restricted():
        read = _columns_read(rights, relation, columns)
        added = _added(database, row_policy_name(relation, read), read)
        statements.append(_created(rights, database, relation, read))
        statements.append(f"ALTER TABLE {table_path(database, copy)} {added}")
    return statements


def _created(rights: Rights, database: str, relation: Relation, read: Mapping[str, str]) -> str:
    policy = path(database, PLATFORM, row_policy_name(relation, read))
    arguments = ", ".join(f"{folded(column)} {native}" for column, native in read.items())
    return (
        f"CREATE ROW ACCESS POLICY IF NOT EXISTS {policy} AS ({arguments}) RETURNS BOOLEAN -> "
        f"{_row_body(rights, relation)}"
    )


def _added(database: str, name: str, read: Mapping[str, str]) -> str:
    given = ", ".join(folded(column) for column in read)
    return f"ADD ROW ACCESS POLICY {path(database, PLATFORM, name)} ON ({given})"


def _row_body(rights: Rights, relation: Relation) -> str:
    whole, some = [], []
    for name, role in rights.access.roles.items():
        if rights.reads_itself(name, relation):
            condition = role.rows.get(relation)
            if condition is None:
                whole.append(in_session(name))
            else:
                some.append(f"({in_session(name)} AND ({row_condition(condition, 'snowflake')}))")
    return " OR ".join([*whole, *some])


def _columns_read(rights: Rights, relation: Relation, columns: Mapping[str, str]) -> dict[str, str]:
    known = {name.lower(): native for name, native in columns.items()}
    read: dict[str, str] = {}
    for name, role in rights.access.roles.items():
        for column in columns_of(role.rows[relation]) if relation in role.rows else ():
            if column.lower() not in known:
                raise UserError(
                    f"{rights.access.file}: the rows of {relation} for {name!r} are told by "
                    f"{column!r}, which the table does not have."
                )
            if rights.classification(relation, column) not in ("public", "internal"):
                raise UserError(
                    f"{rights.access.file}: the rows of {relation} for {name!r} are told by "
                    f"{column!r}, which is masked; Snowflake does not allow both on one column."
                )
            read[column.lower()] = _argument(known[column.lower()])
    return read


def _argument(native: str) -> str:
    """Return a type as a policy's argument has it: by one name, without a size."""
    name = native.partition("(")[0].strip().upper()
    return "VARCHAR" if name == "TEXT" else name
