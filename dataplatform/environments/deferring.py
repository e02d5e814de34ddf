"""Another environment's tables shown by views in DuckDB's SQL, until they are built anew here.

The base is attached to the session under a name of its own and only read. Tables are shown, views
are made again over what is shown, and what must be written to (snapshots, what monitors remember)
is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import BASE
from dataplatform.environments.remembered import ITS_OWN, KEPT_TABLES, serve
from dataplatform.keys import PLATFORM, SNAPSHOTS, Relation
from dataplatform.resources.warehouse import Session, qualified, quoted
from dataplatform.resources.warehouse.duckdb import DuckDBEngine
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT
from dataplatform.resources.warehouse.publication import VERSIONS, Served, version_relation
from dataplatform.resources.warehouse.transaction import transaction


def show_all(base: DuckDBEngine, made: DuckDBEngine, purpose: str) -> int:
    """Show every table of a base in an empty warehouse, and return how many there are.

    Args:
        base: whose tables are shown.
        made: where; its sessions have the base attached.
        purpose: shown to whoever waits for either.

    Raises:
        UserError: a view reads what is not there.
    """
    served = base.published.served().values()
    with base.session(purpose) as session:
        shown = shown_in(session)
        views = _views(session)
        remembered = [
            Relation(PLATFORM, name)
            for name in sorted(base.swap.tables(session, PLATFORM))
            if name not in KEPT_TABLES
        ]
    # One change of the catalog: a lake takes about a second for each.
    with made.session(purpose) as session, transaction(session):
        _defer(session, [relation for relation in shown if relation not in views])
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(PLATFORM)}")
        for relation in remembered:
            _copy(session, relation)
        _serve(session, made, served)
        _again(session, views)
    return len(shown)


def shown_in(session: Session) -> list[Relation]:
    """Return the relations of a company: not the platform's own, nor what is kept or set aside."""
    rows = session.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database() ORDER BY ALL"
    )
    return [Relation(schema, table) for schema, table in rows if schema not in ITS_OWN]


def _defer(session: Session, relations: Iterable[Relation]) -> None:
    """Show tables of the base under their own names; snapshots are copied, for dbt adds to them."""
    wanted = list(relations)
    for schema in sorted({relation.schema for relation in wanted}):
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    for relation in wanted:
        if relation.schema == SNAPSHOTS:
            _copy(session, relation)
        else:
            _view(session, relation)


def _copy(session: Session, relation: Relation) -> None:
    session.execute(
        f"CREATE TABLE {qualified(relation)} AS SELECT * FROM {BASE}.{qualified(relation)}"
    )


def _views(session: Session) -> dict[Relation, str]:
    """Return the statement that made each view."""
    rows = session.execute(
        "SELECT schema_name, view_name, sql FROM duckdb_views() "
        "WHERE database_name = current_database() AND NOT internal"
    )
    # A lake leaves out the schema of the view's own name.
    found = {
        Relation(schema, name): f"CREATE VIEW {qualified(Relation(schema, name))} AS "
        + str(sql).split(" AS ", 1)[1]
        for schema, name, sql in rows
    }
    return {relation: sql for relation, sql in found.items() if relation.schema not in ITS_OWN}


def _again(session: Session, views: Mapping[Relation, str]) -> None:
    """Make views as they are in the base, each after those that it reads.

    Raises:
        UserError: one of them reads what is not there.
    """
    left = dict(views)
    for schema in sorted({relation.schema for relation in left}):
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    while left:
        waiting = {}
        reason = ""
        for relation, sql in left.items():
            try:
                session.execute(sql)
            except Exception as error:
                waiting[relation], reason = sql, str(error).splitlines()[0]
        if len(waiting) == len(left):
            raise UserError(f"The view {next(iter(waiting))} cannot be shown: {reason}")
        left = waiting


def _view(session: Session, relation: Relation) -> None:
    session.execute(
        f"CREATE VIEW {qualified(relation)} AS SELECT * FROM {BASE}.{qualified(relation)}"
    )
    session.execute(f"COMMENT ON VIEW {qualified(relation)} IS '{DEFERRED_COMMENT}'")


def _serve(session: Session, made: DuckDBEngine, served: Iterable[Served]) -> None:
    """Write down which version of each mart is served, so that an unchanged one stays as it is."""
    present = [one for one in served if one.present]
    if not present:
        return
    session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(VERSIONS)}")
    for one in present:
        _view(session, version_relation(one.target, one.version))
    serve(session, made.swap, present)
