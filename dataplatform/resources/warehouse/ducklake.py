"""The warehouse as a DuckLake: DuckDB's SQL over Parquet in object storage, many writers at once.

It asks and answers as the DuckDB file does; only how it is reached differs. There is no lock to
wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dataplatform.ducklake import attach, open_ducklake
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.duckdb import DuckDBEngine, DuckDBSession
from dataplatform.resources.warehouse.duckdb_alchemy import of_lake
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.publication import VERSIONS
from dataplatform.resources.warehouse.swap import Swap


class LakeSwap(Swap):
    """DuckDB's way; a lake has no comments on the columns of views, only on those of tables."""

    def comment(self, relation: Relation, comments: Mapping[str, str]) -> list[str]:
        """Return the statements that put comments on columns of a kept version."""
        return super().comment(relation, comments) if relation.schema == VERSIONS else []


class DuckLakeAdapter(DuckDBEngine):
    """A warehouse in a DuckLake.

    Args:
        settings: gives the resolved ``warehouse`` block when it is first needed.
    """

    swap = LakeSwap()

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._settings = settings

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Open a cursor; nobody is waited for, so ``patience`` is not needed."""
        with open_ducklake(self._settings()) as cursor:
            yield DuckDBSession(cursor)

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads to reach the lake."""
        settings = self._settings()
        base = settings.get("base") or {}
        parts = {**settings, **{f"base_{part}": values for part, values in base.items()}}
        return {
            f"DATAPLATFORM_LAKE_{part}_{name}".upper(): str(value)
            for part in ("catalog", "files", "base_catalog", "base_files")
            for name, value in parts.get(part, {}).items()
            if value is not None
        }

    def attach(self, session: Session, settings: Mapping[str, Any], alias: str) -> None:
        """Attach another lake to an open session, to be read.

        Args:
            session: of this warehouse.
            settings: the other's resolved ``catalog`` and ``files``.
            alias: what it is called there.
        """
        assert isinstance(session, DuckDBSession)
        attach(session.connection, settings, alias, f"{alias}_lake")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The resolved addresses of the catalog, the files and the base."""
        return self._settings()

    def alchemy(self, purpose: str) -> AbstractContextManager[Alchemy]:
        """Open the lake through SQLAlchemy; nobody is waited for."""
        return of_lake(self._settings())

    def beside_dbt(self, purpose: str) -> AbstractContextManager[Any]:
        """Give a cursor of its own; dbt's connections see what it sees, once committed."""
        return open_ducklake(self._settings())
