"""DuckDB and DuckLake: a schema of views for each role and layer, as ``as_analyst__marts``.

Neither has users, so the views show what a role may see and are no wall: who opens the file opens
all of it. A role that makes tables works with the tables themselves and has no views.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dataplatform.access.engines import SqlEngine
from dataplatform.access.items import Holding, Item, holding
from dataplatform.access.showing import masked_told, shown_select
from dataplatform.keys import Relation, layer_of
from dataplatform.resources.warehouse.interface import qualified, quoted

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.resources.warehouse import Session

#: How the name of every schema of views begins.
PREFIX = "as_"
_BETWEEN = "__"


class ViewsEngine(SqlEngine):
    """DuckDB: a view of each table for each role that reads it."""

    answers_as_roles = True

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return the views that should be there and those that are."""
        return declared_views(rights, session), found_views(session)


def view_of(role: str, relation: Relation) -> Relation:
    """Return the view of a table for a role."""
    return Relation(f"{PREFIX}{role}{_BETWEEN}{relation.schema}", relation.table)


def roles_with_views(rights: Rights) -> tuple[str, ...]:
    """Return the roles that read through views: all that make no tables."""
    return tuple(
        role
        for role in rights.access.roles
        if not any(rights.access.roles[one].writes for one in rights.closure(role))
    )


def declared_views(rights: Rights, session: Session) -> Holding:
    """Return the views that should be there for the tables that are there.

    Args:
        rights: who may read what.
        session: an open session of the warehouse.
    """
    tables = _tables(session)
    items = []
    for role in roles_with_views(rights):
        for relation, columns in tables.items():
            if not layer_of(relation).startswith(PREFIX) and rights.reads(role, relation):
                items.append(_item(session, rights, role, relation, columns))
    return holding(items)


def found_views(session: Session) -> Holding:
    """Return the views, and whatever else lies in the schemas of views, that are there.

    Args:
        session: an open session of the warehouse.
    """
    views = session.execute(
        "SELECT schema_name, view_name, sql FROM duckdb_views() "
        "WHERE database_name = current_database() AND NOT internal "
        "AND starts_with(schema_name, ?) AND contains(schema_name, ?)",
        [PREFIX, _BETWEEN],
    )
    items = [
        _found(Relation(schema, name), "VIEW", _canonical(session, str(sql)))
        for schema, name, sql in views
    ]
    copies = session.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND NOT internal "
        "AND starts_with(schema_name, ?) AND contains(schema_name, ?)",
        [PREFIX, _BETWEEN],
    )
    items += [_found(Relation(*copy), "TABLE", "a table") for copy in copies]
    return holding(items)


def _item(
    session: Session, rights: Rights, role: str, relation: Relation, columns: Mapping[str, str]
) -> Item:
    view = view_of(role, relation)
    select = shown_select(rights, role, relation, columns)
    some = " some rows of" if rights.rows(role, relation) is not None else ""
    masked = masked_told(rights, role, relation, columns)
    return Item(
        key=("view", str(view)),
        told=f"{role} reads{some} {relation} as {view}{masked}",
        body=_canonical(session, f"CREATE VIEW v AS {select}"),
        make=(
            f"CREATE SCHEMA IF NOT EXISTS {quoted(view.schema)}",
            f"CREATE OR REPLACE VIEW {qualified(view)} AS {select}",
        ),
        unmake=(f"DROP VIEW IF EXISTS {qualified(view)}",),
        table=str(relation),
    )


def _found(view: Relation, kind: str, body: str) -> Item:
    role, _, schema = view.schema.removeprefix(PREFIX).partition(_BETWEEN)
    relation = Relation(schema, view.table)
    return Item(
        key=("view", str(view)),
        told=f"{role} reads {relation} as {view}",
        body=body,
        unmake=(f"DROP {kind} IF EXISTS {qualified(view)}",),
        table=str(relation),
    )


def _tables(session: Session) -> dict[Relation, dict[str, str]]:
    rows: Iterable[tuple[str, str, str, str]] = session.execute(  # type: ignore[assignment]
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal "
        "ORDER BY schema_name, table_name, column_index"
    )
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, native in rows:
        found.setdefault(Relation(schema, table), {})[column] = native
    return found


def _canonical(session: Session, view: str) -> str:
    """Return a view's query as DuckDB writes it, so that two spellings of one are equal."""
    query = view.partition(" AS ")[2].rstrip("; \n")
    rows = session.execute("SELECT json_deserialize_sql(json_serialize_sql(?))", [query])
    return str(rows[0][0])
