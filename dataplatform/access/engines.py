"""The engines that access is brought into: how each is asked, and how each is told.

What is declared for an engine, and how its answers are read, is in the module of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from dataplatform.access.items import Change, Holding
from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Session, Warehouse

#: Seconds that a person waits for a warehouse in use.
_PATIENCE = 20.0

Finished = Callable[[Change], None]


class Engine(Protocol):
    """A warehouse that holds grants, policies or views."""

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what it should hold and what it holds.

        Raises:
            UserError: it cannot be asked.
        """
        ...

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send the statements of some changes, in order.

        Raises:
            UserError: it refuses one.
        """
        ...


class SqlEngine(ABC):
    """What is asked and told by SQL in one session of the warehouse.

    Args:
        warehouse: the warehouse.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    @abstractmethod
    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the warehouse should hold and what it holds."""

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the warehouse should hold and what it holds."""
        with self._warehouse.session("compare access", _PATIENCE) as session:
            return self.read(session, rights)

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send the statements of some changes, in order."""
        with self._warehouse.session("apply access", _PATIENCE) as session:
            for change in changes:
                for statement in change.statements:
                    try:
                        session.execute(statement)
                    except UserError:
                        raise
                    except Exception as error:  # each driver has errors of its own
                        reason = str(error).splitlines()[0]
                        raise UserError(
                            f"The warehouse refused `{statement}`: {reason} What was shown as "
                            "done before it stays; plan again."
                        ) from error
                finished(change)


class ViewsEngine(SqlEngine):
    """DuckDB: a view of each table for each role that reads it."""

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return the views that should be there and those that are."""
        from dataplatform.access.views import declared_views, found_views

        return declared_views(rights, session), found_views(session)


class SnowflakeEngine(SqlEngine):
    """Snowflake: roles, grants, masking by tag and row access policies."""

    def __init__(self, warehouse: Warehouse, database: str) -> None:
        super().__init__(warehouse)
        self._database = database

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the database should hold about access and what it holds."""
        from dataplatform.access.snowflake import compared

        return compared(session, rights, self._database)


def open_engine(project: Project) -> Engine:
    """Return the engine of a project's environment; nothing is contacted until it is asked.

    Args:
        project: its environment's warehouse.

    Raises:
        UserError: no access can be brought into such a warehouse.
    """
    declared = project.environment.warehouse
    warehouse = open_warehouse(project.environment, project)
    if declared.type == "duckdb":
        return ViewsEngine(warehouse)
    if declared.type == "snowflake":
        return SnowflakeEngine(warehouse, project.environment.resolve(declared.database))
    raise UserError(f"Access cannot be brought into a warehouse of type {declared.type!r}.")
