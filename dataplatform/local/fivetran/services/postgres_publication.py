"""The publication that change capture needs, and the identities of the rows it tells of.

Made when missing, completed when it lacks a table, dropped if it was made here. What cannot be
captured is refused with the statement that would mend it. The slot is ``postgres_slot``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure, Table
from dataplatform.local.fivetran.services.postgres_slot import Names
from dataplatform.local.fivetran.sql import ident, literal, qualified

_MADE = "Made by the Fivetran-compatible service for a connection; dropped with it."


def ensure_publication(
    connection: Any, names: Names, tables: Sequence[Table]
) -> tuple[frozenset[str], int]:
    """Make the publication if it is missing, and add the tables it lacks.

    Returns:
        The labels of the tables added, and the first transaction number that was not given out
        when they had been: of what older transactions had written before, the log says nothing.

    Raises:
        SyncFailure: a table cannot be captured, or the user may not publish it.
    """
    import psycopg

    found = connection.execute(
        "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot "
        "FROM pg_publication WHERE pubname = %s",
        (names.publication,),
    ).fetchone()
    published = set(
        connection.execute(
            "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s",
            (names.publication,),
        ).fetchall()
    )
    if found is not None and not found[0]:
        raise SyncFailure(
            f"The publication {names.publication!r} leaves out some kinds of change: run ALTER "
            f"PUBLICATION {ident(names.publication)} SET (publish = "
            "'insert, update, delete, truncate').",
            code="publication_incomplete",
            broken=True,
        )
    for table in tables:
        if found is not None and table.details["partitioned"] and not found[1]:
            raise SyncFailure(
                f"Table {table.label} is partitioned: run ALTER PUBLICATION "
                f"{ident(names.publication)} SET (publish_via_partition_root = true), so that its "
                "changes come under its own name.",
                code="publication_incomplete",
                broken=True,
            )
        _ensure_identity(connection, table)
    missing = [table for table in tables if (table.schema, table.name) not in published]
    if found is not None and not missing:
        return frozenset(), 0
    places = ", ".join(qualified(table.schema, table.name) for table in missing)
    publication = ident(names.publication)
    try:
        if found is not None:
            connection.execute(f"ALTER PUBLICATION {publication} ADD TABLE {places}")
        else:
            options = "publish_via_partition_root = true"
            if connection.info.server_version >= 180000:
                options += ", publish_generated_columns = stored"
            connection.execute(
                f"CREATE PUBLICATION {publication} FOR TABLE {places} WITH ({options})"
            )
            connection.execute(f"COMMENT ON PUBLICATION {publication} IS {literal(_MADE)}")
    except psycopg.errors.InsufficientPrivilege as error:
        verb = "ALTER" if found is not None else "CREATE"
        with_tables = f"{'ADD' if found is not None else 'FOR'} TABLE {places}"
        raise SyncFailure(
            f"The user may not publish {missing[0].label}: run {verb} PUBLICATION {publication} "
            f"{with_tables} as the tables' owner.",
            code="publication_not_allowed",
            broken=True,
        ) from error
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    return frozenset(table.label for table in missing), int(row[0])


def _ensure_identity(connection: Any, table: Table) -> None:
    """Make sure that a changed row of a table can be told; without a key, by all its columns."""
    import psycopg

    identity = table.details["identity"]
    place = qualified(table.schema, table.name)
    if table.details["unlogged"]:
        raise SyncFailure(
            f"Table {table.label} is UNLOGGED, so its changes are written nowhere: run ALTER TABLE "
            f"{place} SET LOGGED, or disable it in the connection's schema.",
            code="table_not_captured",
        )
    own_key = [c.source for c in table.columns if c.key]
    natural = bool(own_key) and set(own_key) == set(table.details["primary_key"])
    if identity == "f" or (natural and identity == "d"):
        return
    if identity == "d" and not natural:
        try:
            connection.execute(f"ALTER TABLE {place} REPLICA IDENTITY FULL")
            return
        except psycopg.errors.InsufficientPrivilege:
            pass
    wanted = "DEFAULT" if natural else "FULL"
    lack = "its REPLICA IDENTITY does not tell its primary key" if natural else (
        "it has no primary key"
    )  # fmt: skip
    raise SyncFailure(
        f"Changes of table {table.label} cannot be captured, for {lack}: run ALTER TABLE {place} "
        f"REPLICA IDENTITY {wanted} as its owner, or disable the table in the connection's schema.",
        code="table_not_captured",
    )


def drop_publication(connection: Any, name: str) -> None:
    """Drop a publication, if it is there and was made by this service."""
    made = connection.execute(
        "SELECT 1 FROM pg_publication WHERE pubname = %s AND "
        "obj_description(oid, 'pg_publication') = %s",
        (name, _MADE),
    ).fetchone()
    if made:
        connection.execute(f"DROP PUBLICATION {ident(name)}")
