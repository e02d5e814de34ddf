"""Two warehouses in one session, so that what is asked of both is asked by one statement.

Files of DuckDB are attached to each other, and so are lakes; two databases of one account are
named in full. Where no engine reaches both, the tables are exported as Parquet and compared by
DuckDB. What is asked is said by those who ask.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import environment_names
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.project import open_project
from dataplatform.duckdb_file import BASE, warehouse_lock
from dataplatform.ducklake import CATALOG
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Session, open_warehouse, quoted
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter, DuckDBSession
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: The name under which the other side is attached.
_OTHER = "dataplatform_other"


@dataclass(frozen=True)
class Side:
    """One of the two: its name, its warehouse, and its project where it is one's."""

    name: str
    warehouse: Any
    project: Project | None = None

    @property
    def type(self) -> str:
        """The kind of its warehouse, as environments name it."""
        return str(self.project.environment.warehouse.type) if self.project else "duckdb"


@dataclass(frozen=True)
class Place:
    """A side within a session.

    Attributes:
        columns: of each relation, name to type; names as the warehouse has them.
        deferred: relations that only show another database's table of the same name.
        name: gives the quoted name of a relation.
        column: gives the quoted name of a column.
    """

    columns: dict[Relation, dict[str, str]]
    deferred: frozenset[Relation]
    name: Callable[[Relation], str]
    column: Callable[[str], str] = quoted


@dataclass(frozen=True)
class Both:
    """An open session with both sides in it."""

    session: Session
    dialect: str
    here: Place
    there: Place


def side_of(project: Project, asked: str) -> Side:
    """Return the side that a person names.

    Args:
        project: whose environments are meant.
        asked: an environment, another project's folder, or a DuckDB file.

    Raises:
        UserError: it is none of these.
    """
    known = environment_names(project.root)
    if asked in known:
        other = open_project(project.root, asked)
        return Side(asked, open_warehouse(other.environment, other), other)
    path = Path(asked).expanduser()
    if path.is_file() and path.suffix in (".duckdb", ".db"):
        return Side(str(asked), DuckDBAdapter(lambda: path.resolve()))
    if path.is_dir():
        other = open_project(path, project.environment.name)
        return Side(str(asked), open_warehouse(other.environment, other), other)
    raise UserError(
        f"{asked!r} is neither an environment ({', '.join(known)}) nor a project's folder nor a "
        f"DuckDB file.{nearest(asked, known)}"
    )


@contextmanager
def beside(here: Side, there: Side, wanted: Iterable[Relation]) -> Iterator[Both]:
    """Open both sides in one session.

    Args:
        here: what is looked at.
        there: what it is held against.
        wanted: the relations that are asked about, where they must be brought together first.

    Raises:
        UserError: a side cannot be reached, or is empty, or both are one.
    """
    for side in (here, there):
        if isinstance(side.warehouse, DuckDBAdapter) and not side.warehouse.path.is_file():
            raise UserError(f"{side.name} has nothing to compare: it has no warehouse file yet.")
    kinds = {here.type, there.type}
    if kinds == {"duckdb"}:
        with _files(here, there) as both:
            yield both
    elif kinds == {"ducklake"}:
        with _lakes(here, there) as both:
            yield both
    elif kinds == {"snowflake"} and _settings(here, "account") == _settings(there, "account"):
        with _databases(here, there) as both:
            yield both
    else:
        with _exported(here, there, wanted) as both:
            yield both


@contextmanager
def _files(here: Side, there: Side) -> Iterator[Both]:
    if here.warehouse.path.resolve() == there.warehouse.path.resolve():
        raise UserError(f"{here.name} and {there.name} are one warehouse: nothing can differ.")
    # An environment that reads another's tables must be the one that is opened: its base, which
    # may be the other side, comes attached with it.
    first, second = (there, here) if _has_base(there) and not _has_base(here) else (here, there)
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
        places = [_catalog(session, own), _catalog(session, catalog)]
        if first is there:
            places.reverse()
        yield Both(session, "duckdb", *places)


@contextmanager
def _lakes(here: Side, there: Side) -> Iterator[Both]:
    first, second = (there, here) if _has_base(there) and not _has_base(here) else (here, there)
    own, other = first.warehouse.settings, second.warehouse.settings
    if own["catalog"] == other["catalog"]:
        raise UserError(f"{here.name} and {there.name} are one warehouse: nothing can differ.")
    with first.warehouse.session(f"compare {here.name} with {there.name}") as session:
        base = own.get("base")
        catalog = BASE
        if not base or base["catalog"] != other["catalog"]:
            # A lake's connection is kept: what was attached for another comparison is let go.
            catalog = _OTHER
            session.execute(f"DETACH DATABASE IF EXISTS {_OTHER}")
            first.warehouse.attach(session, other, _OTHER)
        places = [_catalog(session, CATALOG), _catalog(session, catalog)]
        if first is there:
            places.reverse()
        yield Both(session, "duckdb", *places)


def _has_base(side: Side) -> bool:
    warehouse: Any = side.project.environment.warehouse if side.project else None
    return getattr(warehouse, "base", None) is not None


def _catalog(session: Session, catalog: str) -> Place:
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
        _by_relation(rows),
        frozenset(Relation(*row) for row in views),
        lambda relation: f"{quoted(catalog)}.{quoted(relation.schema)}.{quoted(relation.table)}",
    )


@contextmanager
def _databases(here: Side, there: Side) -> Iterator[Both]:
    names = [str(_settings(side, "database")).upper() for side in (here, there)]
    if names[0] == names[1]:
        raise UserError(f"{here.name} and {there.name} are one warehouse: nothing can differ.")
    with here.warehouse.session(f"compare {here.name} with {there.name}") as session:
        places = []
        for database in names:
            rows = session.execute(
                "SELECT lower(table_schema), lower(table_name), lower(column_name), data_type "
                f"FROM {quoted(database)}.information_schema.columns "
                "WHERE lower(table_schema) <> 'information_schema' "
                "ORDER BY table_schema, table_name, ordinal_position"
            )
            places.append(
                Place(
                    _by_relation(rows),
                    frozenset(),
                    lambda relation, of=database: ".".join(  # type: ignore[misc]
                        quoted(part) for part in (of, *(one.upper() for one in relation))
                    ),
                    lambda name: quoted(name.upper()),
                )
            )
        yield Both(session, "snowflake", *places)


def _settings(side: Side, name: str) -> Any:
    assert side.project is not None
    environment = side.project.environment
    value = getattr(environment.warehouse, name)
    return environment.resolve(value) if isinstance(value, str) else value


@contextmanager
def _exported(here: Side, there: Side, wanted: Iterable[Relation]) -> Iterator[Both]:
    import duckdb

    relations = list(wanted)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        places = []
        for name, side in (("here", here), ("there", there)):
            connection.execute(f"ATTACH ':memory:' AS {quoted(name)}")
            # An empty comparison needs no export; facts are asked in one session.
            for relation in side.warehouse.facts(relations, fingerprint=False):
                file = Path(folder) / f"{name}.{relation}.parquet"
                side.warehouse.export_parquet(relation, file)
                _view(connection, name, relation, file)
            places.append(_catalog(DuckDBSession(connection), name))
        yield Both(DuckDBSession(connection), "duckdb", *places)


def _view(connection: Any, catalog: str, relation: Relation, file: Path) -> None:
    """Show a Parquet file as a table, with columns named and instants written alike."""
    escaped = str(file).replace("'", "''")
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{escaped}')").fetchall()
    columns = ", ".join(
        (f"{quoted(name)}::TIMESTAMP" if kind.startswith("TIMESTAMP") else quoted(name))
        + f" AS {quoted(name.lower())}"
        for name, kind, *_ in rows
    )
    schema = f"{quoted(catalog)}.{quoted(relation.schema)}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(
        f"CREATE VIEW {schema}.{quoted(relation.table)} AS "
        f"SELECT {columns} FROM read_parquet('{escaped}')"
    )


def _by_relation(rows: Iterable[tuple[Any, ...]]) -> dict[Relation, dict[str, str]]:
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        found.setdefault(Relation(str(schema), str(table)), {})[str(column)] = str(kind)
    return found
