"""The tables of a made environment in Snowflake: a transient database beside the base's.

Cloning is one statement, whatever the base holds, and costs nothing until rows change. Views of a
clone go on reading the base where they name it, until they are built anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.environments.shown_elsewhere import (
    comment_of,
    found_in,
    schemas,
    serve_again,
    statements,
)
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Session, quoted
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform.resources.warehouse.swap import SnowflakeSwap

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


class SnowflakeMaker:
    """Makes a database of clones, or of views."""

    usual = "clone"

    def __init__(self, base: Project, name: str) -> None:
        self._environment = base.environment
        self._declared: Any = base.environment.warehouse
        self._name = name

    def make(self, how: str) -> int:
        """Make the database."""
        settings = self._settings()
        base, made = str(settings["database"]).upper(), self._database()
        adapter = SnowflakeAdapter(lambda: settings)
        found = found_in(self._environment.name, adapter, _kinds)
        with adapter.session(f"make the environment {self._name}") as session:
            session.execute(f"DROP DATABASE IF EXISTS {quoted(made)}")
            transient = f"CREATE TRANSIENT DATABASE {quoted(made)}"
            self._allowed(
                session, f"{transient} CLONE {quoted(base)}" if how == "clone" else transient
            )
            if how == "clone":
                return len(found.shown)
            swap = SnowflakeSwap()
            for schema in schemas(found, how):
                name = f"{quoted(made)}.{swap.column(schema)}"
                session.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            told = f"COMMENT = {comment_of(swap)}"
            places = _within(made, swap), _within(base, swap)
            tables, views = statements(found, how, swap, *places, told)
            for statement in (*tables, *views):
                session.execute(statement)
        serve_again(SnowflakeAdapter(lambda: {**settings, "database": made}), found)
        return len(found.shown)

    def settings(self, how: str) -> dict[str, Any]:
        """Return the database."""
        return {"database": self._database()}

    def drop(self) -> None:
        """Drop the database; one that is not there is no mistake."""
        settings = self._settings()
        with SnowflakeAdapter(lambda: settings).session(f"drop {self._name}") as session:
            session.execute(f"DROP DATABASE IF EXISTS {quoted(self._database())}")

    def _database(self) -> str:
        base = str(self._environment.resolve(self._declared.database))
        return f"{base}_{self._name.replace('-', '_')}".upper()

    def _settings(self) -> Mapping[str, Any]:
        return self._environment.resolve_all(self._declared.model_dump())

    def _allowed(self, session: Session, statement: str) -> None:
        try:
            session.execute(statement)
        except Exception as error:
            if "insufficient privileges" not in str(error).lower():
                raise
            role = self._environment.resolve(self._declared.role)
            raise UserError(
                f"{role} may not make databases: GRANT CREATE DATABASE ON ACCOUNT TO ROLE {role} "
                f"lets it. ({' '.join(str(error).split())})"
            ) from error


def _within(database: str, swap: SnowflakeSwap) -> Any:
    def name(relation: Relation) -> str:
        return f"{quoted(database)}.{swap.name(relation)}"

    return name


def _kinds(session: Session) -> dict[Relation, str]:
    rows = session.execute(
        "SELECT lower(table_schema), lower(table_name), table_type FROM information_schema.tables "
        "WHERE lower(table_schema) <> 'information_schema'"
    )
    return {Relation(str(schema), str(table)): str(kind) for schema, table, kind in rows}
