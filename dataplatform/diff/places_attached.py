"""Two DuckDB files, or two lakes, in one session: the one is opened, the other attached to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataplatform.diff.sides import Both, Place, Side, by_relation, one_warehouse
from dataplatform.duckdb_file import BASE, warehouse_lock
from dataplatform.ducklake import CATALOG
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Session, quoted
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT

#: The name under which the other side is attached.
_OTHER = "dataplatform_other"


@contextmanager
def attached_files(here: Side, there: Side) -> Iterator[Both]:
    """Open two DuckDB files, both under their locks."""
    if here.warehouse.path.resolve() == there.warehouse.path.resolve():
        raise one_warehouse(here, there)
    first, second = _in_order(here, there)
    path = second.warehouse.path.resolve()
    purpose = f"compare {here.name} with {there.name}"
    with first.warehouse.session(purpose) as session, warehouse_lock(path, purpose):
        own = str(session.execute("SELECT current_database()")[0][0])
        attached = {
            Path(file).resolve(): name
            for name, file in session.execute("SELECT database_name, path FROM duckdb_databases()")
            if file
        }
        catalog = attached.get(path)
        if catalog is None:
            catalog = _OTHER
            escaped = str(path).replace("'", "''")
            session.execute(f"ATTACH '{escaped}' AS {_OTHER} (READ_ONLY)")
        yield _both(session, own, catalog, turned=first is there)


@contextmanager
def attached_lakes(here: Side, there: Side) -> Iterator[Both]:
    """Open two lakes."""
    first, second = _in_order(here, there)
    own, other = first.warehouse.settings, second.warehouse.settings
    if own["catalog"] == other["catalog"]:
        raise one_warehouse(here, there)
    with first.warehouse.session(f"compare {here.name} with {there.name}") as session:
        base = own.get("base")
        catalog = BASE
        if not base or base["catalog"] != other["catalog"]:
            # A lake's connection is kept: what was attached for another comparison is let go.
            catalog = _OTHER
            session.execute(f"DETACH DATABASE IF EXISTS {_OTHER}")
            first.warehouse.attach(session, other, _OTHER)
        yield _both(session, CATALOG, catalog, turned=first is there)


def _in_order(here: Side, there: Side) -> tuple[Side, Side]:
    """Return which side is opened and which attached.

    An environment that reads another's tables must be the one that is opened: its base, which may
    be the other side, comes attached with it.
    """
    return (there, here) if there.has_base and not here.has_base else (here, there)


def _both(session: Session, own: str, other: str, *, turned: bool) -> Both:
    places = [catalog_place(session, own), catalog_place(session, other)]
    if turned:
        places.reverse()
    return Both(session, "duckdb", *places)


def catalog_place(session: Session, catalog: str) -> Place:
    """Return a database that is attached to a session of DuckDB."""
    rows = session.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND NOT internal ORDER BY table_oid, column_index",
        [catalog],
    )
    views = session.execute(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = ? "
        "AND NOT internal AND comment = ?",
        [catalog, DEFERRED_COMMENT],
    )
    return Place(
        by_relation(rows),
        frozenset(Relation(*row) for row in views),
        lambda relation: f"{quoted(catalog)}.{quoted(relation.schema)}.{quoted(relation.table)}",
    )
