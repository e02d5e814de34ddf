"""Warehouses for tests of publishing: DuckDB's, and one where each statement commits by itself.

The second runs Snowflake's statements on DuckDB, clones as copies, and can be cut off after any
statement, as a process that is killed is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter, DuckDBSession
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.publication import Publication
from dataplatform.resources.warehouse.swap import SnowflakeSwap

NAMES = ("customers", "orders", "payments")


class Killed(BaseException):
    """The process is gone; nothing that it would still do happens."""


class _Mortal:
    """A session that dies before its n-th statement, and stays dead."""

    def __init__(self, inner: Session, world: Autocommitting) -> None:
        self._inner = inner
        self._world = world

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._world.lives is not None:
            if self._world.lives == 0:
                raise Killed(sql)
            self._world.lives -= 1
        self._world.said.append(sql)
        source = sql.replace(" CLONE ", " AS SELECT * FROM ").replace(" COPY GRANTS", "")
        return self._inner.execute(source, parameters)


class Autocommitting(DuckDBAdapter):
    """Snowflake's way of publishing, on a DuckDB in memory.

    Attributes:
        lives: how many statements are still run before the process dies; None for ever.
        said: the statements that were run.
    """

    def __init__(self) -> None:
        super().__init__(lambda: Path("nowhere"))
        self._memory = duckdb.connect()
        self.lives: int | None = None
        self.said: list[str] = []

    @property
    def swap(self) -> SnowflakeSwap:
        """Snowflake's statements."""
        return SnowflakeSwap()

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Open a session that can die."""
        yield _Mortal(DuckDBSession(self._memory), self)

    def _columns(self, session: Session, relation: Relation) -> dict[str, str] | None:
        upper = Relation(relation.schema.upper(), relation.table.upper())
        return super()._columns(session, upper)


def build(warehouse: DuckDBAdapter, build_number: int, names: Sequence[str] = NAMES) -> None:
    """Build candidates whose rows all say which build they are of."""
    upper = isinstance(warehouse, Autocommitting)
    with warehouse.session("a build") as session:
        for name in names:
            schema, table = ("CANDIDATE", name.upper()) if upper else ("candidate", name)
            session.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            session.execute(
                f'CREATE OR REPLACE TABLE "{schema}"."{table}" AS '
                f"SELECT i AS id, {build_number} AS build FROM range({10 + build_number}) AS t(i)"
            )


def group(build_number: int, names: Sequence[str] = NAMES, keep: int = 3) -> list[Publication]:
    """Return the publications of a build."""
    return [
        Publication(
            Relation("candidate", name), Relation("marts", name), f"build {build_number}", keep=keep
        )
        for name in names
    ]


def read(warehouse: DuckDBAdapter, names: Sequence[str] = NAMES) -> dict[str, tuple[int, int]]:
    """Return what readers see of each published table: its build, and its number of rows."""
    found = {}
    with warehouse.session("a reader") as session:
        for name in names:
            rows = session.execute(f"SELECT DISTINCT build FROM marts.{name}")
            assert len(rows) == 1, f"marts.{name} holds {len(rows)} builds"
            count = session.execute(f"SELECT count(*) FROM marts.{name}")[0][0]
            found[name] = (int(rows[0][0]), int(count))
    return found


def kept(warehouse: DuckDBAdapter) -> set[str]:
    """Return the tables that hold versions."""
    with warehouse.session("versions") as session:
        return warehouse.swap.tables(session, "versions")
