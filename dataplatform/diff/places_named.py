"""Two databases of one Snowflake account, or two projects of BigQuery, each named in full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dataplatform.bigquery_load import quoted as in_backticks
from dataplatform.diff.sides import Both, Place, Side, by_relation, one_warehouse
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Session, quoted
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT


@contextmanager
def named_databases(here: Side, there: Side) -> Iterator[Both]:
    """Open a session of one account in which two databases are named in full."""
    names = [str(side.setting("database")).upper() for side in (here, there)]
    if names[0] == names[1]:
        raise one_warehouse(here, there)
    with here.warehouse.session(f"compare {here.name} with {there.name}") as session:
        yield Both(session, "snowflake", *(_database(session, name) for name in names))


def _database(session: Session, database: str) -> Place:
    schema = f"{quoted(database)}.information_schema"
    rows = session.execute(
        "SELECT lower(table_schema), lower(table_name), lower(column_name), data_type "
        f"FROM {schema}.columns WHERE lower(table_schema) <> 'information_schema' "
        "ORDER BY table_schema, table_name, ordinal_position"
    )
    views = session.execute(
        f"SELECT lower(table_schema), lower(table_name) FROM {schema}.tables "
        "WHERE table_type = 'VIEW' AND comment = %s",
        [DEFERRED_COMMENT],
    )

    def name(relation: Relation) -> str:
        return ".".join(quoted(part) for part in (database, *(one.upper() for one in relation)))

    return Place(
        by_relation(rows),
        frozenset(Relation(*row) for row in views),
        name,
        lambda column: quoted(column.upper()),
    )


@contextmanager
def named_projects(here: Side, there: Side) -> Iterator[Both]:
    """Open a session of one location in which two projects are named in full."""
    names = [str(side.setting("project")) for side in (here, there)]
    if names[0] == names[1]:
        raise one_warehouse(here, there)
    with (
        here.warehouse.session(f"compare {here.name} with {there.name}") as session,
        there.warehouse.session(f"compare {here.name} with {there.name}") as other,
    ):
        places = [_project(one, name) for one, name in zip((session, other), names, strict=True)]
        yield Both(session, "bigquery", *places)


def _project(session: Any, project: str) -> Place:
    """Return a project of BigQuery; ``session`` is one of its own."""

    def name(relation: Relation) -> str:
        return ".".join(in_backticks(part) for part in (project, *relation))

    columns: list[tuple[Any, ...]] = []
    views = []
    for dataset in session.datasets():
        schema = f"{in_backticks(project)}.{in_backticks(dataset)}.INFORMATION_SCHEMA"
        columns += session.execute(
            "SELECT table_schema, table_name, column_name, data_type "
            f"FROM {schema}.COLUMNS ORDER BY table_name, ordinal_position"
        )
        views += session.execute(
            f"SELECT table_schema, table_name FROM {schema}.TABLES WHERE table_type = 'VIEW'"
        )
    shown = (Relation(*row) for row in views)
    return Place(
        by_relation(columns),
        frozenset(one for one in shown if session.table(one).description == DEFERRED_COMMENT),
        name,
        in_backticks,
    )
