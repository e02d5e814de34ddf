"""A destination that is no DuckDB: a copy of its tables is kept here, and what changed is sent.

A sync works on the copy, in one transaction. Before that is committed, rows that it touched (they
bear its time) are sent as Parquet files to the real warehouse, by the way that loads many rows
best there, and merged by key. A sync that dies before its commit is done again, and merging twice
changes nothing. How one warehouse loads and merges is its target's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.local.fivetran.destination_duckdb import DuckDBDestination
from dataplatform.local.fivetran.incoming import held_types
from dataplatform.local.fivetran.merge import moment
from dataplatform.local.fivetran.model import HISTORY, START, SYNCED, SetupTest, Table
from dataplatform.local.fivetran.session_duckdb import QUARANTINE, DuckDBSession
from dataplatform.local.fivetran.sql import ident, literal, qualified
from dataplatform.local.fivetran.target import Target

if TYPE_CHECKING:
    import duckdb

_PUSHED = '"_fivetran_state"."pushed"'


class MirrorSession(DuckDBSession):
    """One transaction on the copy; remembers which tables it touched.

    Args:
        engine, connection: as for any session.
        push: sends what was touched to the real warehouse.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        connection: str,
        push: Callable[[MirrorSession], None],
    ) -> None:
        super().__init__(engine, connection)
        self.touched: dict[tuple[str, str], tuple[str, ...]] = {}
        self._push = push

    def commit(self) -> None:
        if self.begun:
            self._push(self)
        super().commit()

    def prepare(self, table: Table, *, replace: bool) -> bool:
        key = (*table.key, START) if table.mode == HISTORY else table.key
        self.touched[table.target_schema, table.target] = tuple(key)
        return super().prepare(table, replace=replace)

    def quarantine(self, table: Table, select: str, files: Sequence[str]) -> int:
        self.touched[table.target_schema, QUARANTINE] = ()
        return super().quarantine(table, select, files)


class MirrorDestination(DuckDBDestination):
    """A warehouse that a copy stands before.

    Args:
        target: the real warehouse.
        mirror: the copy's file.
        scratch: a folder for files that outlive no sync.
        salt: mixed into every value that is hashed on its way.
    """

    def __init__(self, target: Target, mirror: Path, scratch: Path, salt: str) -> None:
        super().__init__(mirror, scratch, salt)
        self.target = target

    def test(self) -> list[SetupTest]:
        return self.target.test()

    def new_session(self, engine: duckdb.DuckDBPyConnection, connection: str) -> DuckDBSession:
        return MirrorSession(engine, connection, self._push)

    def _push(self, session: MirrorSession) -> None:
        engine = session.engine
        engine.execute(
            f"CREATE TABLE IF NOT EXISTS {_PUSHED} (schema_ VARCHAR, table_ VARCHAR, form VARCHAR)"
        )
        for (schema, table), key in session.touched.items():
            place = qualified(session.catalog, schema, table)
            if not _exists(engine, schema, table):
                continue
            form = repr(held_types(engine, place))
            file = self.scratch / f"{schema}.{table}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            count = _count(engine, place)
            same = _value(
                engine,
                f"SELECT form FROM {_PUSHED} WHERE schema_ = {literal(schema)} "
                f"AND table_ = {literal(table)}",
            )
            if key and same == form and self.target.count(schema, table) is not None:
                changed = f"SELECT * FROM {place} WHERE {ident(SYNCED)} >= {_at(session)}"
                if _copy(engine, changed, file):
                    self.target.merge(schema, table, file, key)
            # Rows that are gone for good leave nothing to send; a table of another form is new.
            if not key or same != form or self.target.count(schema, table) != count:
                _copy(engine, f"SELECT * FROM {place}", file)
                self.target.replace(schema, table, file)
            file.unlink(missing_ok=True)
            engine.execute(
                f"DELETE FROM {_PUSHED} WHERE schema_ = {literal(schema)} "
                f"AND table_ = {literal(table)}"
            )
            engine.execute(
                f"INSERT INTO {_PUSHED} VALUES "
                f"({literal(schema)}, {literal(table)}, {literal(form)})"
            )


def _at(session: DuckDBSession) -> str:
    return moment(session.synced_at)


def _value(engine: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = engine.execute(sql).fetchone()
    return row[0] if row else None


def _count(engine: duckdb.DuckDBPyConnection, place: str) -> int:
    return int(_value(engine, f"SELECT count(*) FROM {place}"))


def _exists(engine: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
    where = f"AND schema_name = {literal(schema)} AND table_name = {literal(table)}"
    return bool(_value(engine, found + where))


def _copy(engine: duckdb.DuckDBPyConnection, select: str, file: Path) -> int:
    return int(_value(engine, f"COPY ({select}) TO {literal(str(file))} (FORMAT parquet)"))
