"""The tables of a made environment, for each kind of warehouse: shown, cloned, dropped.

A maker touches only what it made: a file of its own, or a database of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import BASE, warehouse_lock
from dataplatform.environments import made_file
from dataplatform.keys import PLATFORM, QUARANTINE, SNAPSHOTS, Relation
from dataplatform.resources.warehouse import Session, open_warehouse, qualified, quoted
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT
from dataplatform.resources.warehouse.journal import DONE, ROLLBACK, Entry, Journal
from dataplatform.resources.warehouse.publication import VERSIONS, Served, version_relation

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: The platform's tables that tell of the base alone; what monitors remember is copied.
_NOT_REMEMBERED = ("publications", "promotions")
#: What is no table of the company: the platform's own, kept versions, rows set aside.
_ITS_OWN = (PLATFORM, VERSIONS, QUARANTINE, "information_schema", "main", "pg_catalog")


class Maker(Protocol):
    """Makes the tables of one environment."""

    @property
    def usual(self) -> str:
        """How it is done unless it is said otherwise: ``defer`` or ``clone``."""
        ...

    def make(self, how: str) -> int:
        """Make the tables and return how many there are."""
        ...

    def settings(self, how: str) -> dict[str, Any]:
        """Return the settings of the warehouse that differ from the base's."""
        ...

    def drop(self) -> None:
        """Remove everything that was made; what is not there is no mistake."""
        ...


def maker_of(base: Project, name: str) -> Maker:
    """Return the maker for a base's kind of warehouse.

    Raises:
        UserError: environments cannot be made from such a warehouse.
    """
    kind = base.environment.warehouse.type
    if kind == "duckdb":
        return DuckDBMaker(base, name)
    if kind == "snowflake":
        from dataplatform.environments.made_snowflake import SnowflakeMaker

        return SnowflakeMaker(base, name)
    raise UserError(
        f"An environment cannot be made from {base.environment.name}: its warehouse is a {kind}; "
        "duckdb and snowflake can."
    )


class DuckDBMaker:
    """A file of its own, whose views show the base's tables, or which is a copy of the base's."""

    usual = "defer"

    def __init__(self, base: Project, name: str) -> None:
        self._base = base
        warehouse = open_warehouse(base.environment, base)
        assert isinstance(warehouse, DuckDBAdapter)
        self._adapter = warehouse
        self._declared = base.environment.warehouse
        # Views name their database, which DuckDB calls by its file.
        self._path = f"{made_file.state_of(name)}/{self._adapter.path.name}"
        self._name = name

    def make(self, how: str) -> int:
        """Make the file."""
        source = self._adapter.path
        if not source.is_file():
            raise UserError(f"{self._base.environment.name} has no tables yet: `make run` first.")
        target = self._base.root / self._path
        purpose = f"make the environment {self._name}"
        if how == "clone":
            with self._adapter.session(purpose) as session:
                tables = len(_shown(session))
                session.execute("CHECKPOINT")
            with warehouse_lock(source, purpose):
                shutil.copyfile(source, target)
            return tables
        publisher = self._adapter.published
        served = publisher.served().values()
        made = DuckDBAdapter(lambda: target, lambda: source)
        with self._adapter.session(purpose) as session:
            shown = _shown(session)
            views = _views(session)
            remembered = [
                Relation(PLATFORM, name)
                for name in made.swap.tables(session, PLATFORM)
                if name not in _NOT_REMEMBERED
            ]
        with made.session(purpose) as session:
            _defer(session, [relation for relation in shown if relation not in views])
            _serve(session, made, served)
            _again(session, views)
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(PLATFORM)}")
            for relation in remembered:
                _copy(session, relation)
        return len(shown)

    def settings(self, how: str) -> dict[str, Any]:
        """Return the file, and the base's where its tables are shown."""
        declared: Any = self._declared
        return {"path": self._path, **({"base": declared.path} if how == "defer" else {})}

    def drop(self) -> None:
        """Remove the file, once nobody uses it."""
        path = self._base.root / self._path
        if not path.exists():
            return
        with warehouse_lock(path, f"drop the environment {self._name}", timeout=20.0):
            for file in (path, path.with_name(f"{path.name}.wal")):
                file.unlink(missing_ok=True)


def _shown(session: Session) -> list[Relation]:
    rows = session.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database() ORDER BY ALL"
    )
    return [Relation(schema, table) for schema, table in rows if schema not in _ITS_OWN]


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
    found = {Relation(schema, name): str(sql) for schema, name, sql in rows}
    return {relation: sql for relation, sql in found.items() if relation.schema not in _ITS_OWN}


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


def _serve(session: Session, made: DuckDBAdapter, served: Iterable[Served]) -> None:
    """Write down which version of each mart is served, so that an unchanged one stays as it is."""
    present = [one for one in served if one.present]
    if not present:
        return
    book = Journal(session, made.swap)
    book.make()
    session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(VERSIONS)}")
    for one in present:
        _view(session, version_relation(one.target, one.version))
    # Said as a rollback to it: such a version is served, and never tidied away as one's own.
    book.write(
        Entry(
            publication=one.version,
            target=str(one.target),
            action=ROLLBACK,
            state=DONE,
            version=one.version,
            data_version=one.data_version,
            held_version=one.held,
            row_count=one.row_count,
            who=one.note.who,
            why=one.note.why,
            run_id=one.note.run_id,
            keep=0,
        )
        for one in present
    )
