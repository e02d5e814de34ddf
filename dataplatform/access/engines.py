"""The engines that access is brought into: how each is asked, and how each is told.

What is declared for an engine, and how its answers are read, is in the module of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.access.catalog import catalog_session
from dataplatform.access.items import Change, Holding
from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.access.bigquery import Datasets
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
            send(session, changes, finished)


def send(session: Session, changes: Sequence[Change], finished: Finished) -> None:
    """Send the statements of some changes in a session, in order.

    Raises:
        UserError: one is refused.
    """
    for change in changes:
        for statement in change.statements:
            try:
                session.execute(statement)
            except UserError:
                raise
            except Exception as error:  # each driver has errors of its own
                reason = str(error).splitlines()[0]
                raise UserError(
                    f"The warehouse refused `{statement}`: {reason} What was shown as done "
                    "before it stays; plan again."
                ) from error
        finished(change)


class ViewsEngine(SqlEngine):
    """DuckDB: a view of each table for each role that reads it."""

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return the views that should be there and those that are."""
        from dataplatform.access.views import declared_views, found_views

        return declared_views(rights, session), found_views(session)


class LakeEngine(ViewsEngine):
    """DuckLake: the same views, and roles in the PostgreSQL that knows the lake's tables.

    Args:
        warehouse: the lake.
        catalog: gives the resolved address of its catalog.
    """

    def __init__(self, warehouse: Warehouse, catalog: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(warehouse)
        self._catalog = catalog

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the lake and its catalog should hold and what they hold."""
        from dataplatform.access.postgres import compared

        declared, found = super().compare(rights)
        with catalog_session(self._catalog()) as session:
            roles, held = compared(session, rights)
        return (
            Holding({**declared.items, **roles.items}, (*declared.notes, *roles.notes)),
            Holding({**found.items, **held.items}, (*found.notes, *held.notes)),
        )

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send each statement to the lake or to its catalog, the catalog's last."""
        from dataplatform.access.postgres import KIND

        of_catalog = [change for change in changes if change.item.key[0] == KIND]
        super().carry_out([one for one in changes if one not in of_catalog], finished)
        with catalog_session(self._catalog()) as session:
            send(session, of_catalog, finished)


class SnowflakeEngine(SqlEngine):
    """Snowflake: roles, grants, masking by tag and row access policies."""

    def __init__(self, warehouse: Warehouse, database: str) -> None:
        super().__init__(warehouse)
        self._database = database

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the database should hold about access and what it holds."""
        from dataplatform.access.snowflake import compared

        return compared(session, rights, self._database)


class BigQueryEngine(SqlEngine):
    """BigQuery: authorised views by SQL, and access lists of datasets by the API.

    Args:
        warehouse: the project's datasets.
        settings: gives the resolved ``warehouse`` block.
        datasets: the API, where a test brings its own.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Callable[[], Mapping[str, Any]],
        datasets: Datasets | None = None,
    ) -> None:
        super().__init__(warehouse)
        self._settings = settings
        self._given = datasets

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the project should hold about access and what it holds."""
        from dataplatform.access.bigquery import compared

        return compared(session, self._datasets(), rights, self._settings()["project"])

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send each change: a text is SQL, anything else a change of an access list."""
        datasets = self._datasets()
        with self._warehouse.session("apply access", _PATIENCE) as session:
            for change in changes:
                said = [one for one in change.statements if isinstance(one, str)]
                send(session, [replace(change, statements=tuple(said))], lambda done: None)
                for one in change.statements:
                    if not isinstance(one, str):
                        datasets.change(one["dataset"], one.get("add", ()), one.get("remove", ()))
                finished(change)

    def _datasets(self) -> Datasets:
        from dataplatform.access.bigquery_api import ClientDatasets
        from dataplatform.resources.warehouse.bigquery_client import open_client

        return self._given or ClientDatasets(open_client(self._settings()))


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
    if declared.type == "ducklake":
        settings = declared.model_dump()
        return LakeEngine(warehouse, lambda: project.environment.resolve_all(settings)["catalog"])
    if declared.type == "snowflake":
        return SnowflakeEngine(warehouse, project.environment.resolve(declared.database))
    if declared.type == "bigquery":
        whole = declared.model_dump()
        return BigQueryEngine(warehouse, lambda: project.environment.resolve_all(whole))
    raise UserError(f"Access cannot be brought into a warehouse of type {declared.type!r}.")
