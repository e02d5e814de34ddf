"""The warehouse in DuckDB's SQL, and as one DuckDB file.

Each session opens the file under its lock and closes it again, so that other processes get
their turn. Nothing here waits for a network while the lock is held. A lake that speaks the same
SQL is in ``ducklake``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.duckdb_errors import explained
from dataplatform.duckdb_file import (
    DEFAULT_TIMEOUT_SECONDS,
    open_duckdb,
    warehouse_lock,
    with_base,
)
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.duckdb_alchemy import of_file
from dataplatform.resources.warehouse.interface import (
    Session,
    TableFacts,
    qualified,
    quoted,
)
from dataplatform.resources.warehouse.sql import ROWS, SqlWarehouse

if TYPE_CHECKING:
    import duckdb


class DuckDBSession:
    """A conversation over one DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            result = self.connection.execute(sql, list(parameters) or None)
            return result.fetchall() if result.description else []
        except Exception as error:
            told = explained(error)
            if told is None:
                raise
            raise told from error


class DuckDBEngine(SqlWarehouse):
    """Whatever DuckDB runs the SQL of; how a session is opened is said by those who inherit."""

    dialect = "duckdb"
    newest = "epoch_us(max({}))"
    rows_hash = f"CAST(sum(hash({ROWS})) AS VARCHAR)"
    rows_state = f"CAST(bit_xor(hash({ROWS})) AS VARCHAR), {rows_hash}"

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows; the engine reads the file itself."""
        import duckdb

        escaped = str(path).replace("'", "''")
        with self.session(f"load {relation}") as session:
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(relation.schema)}")
            try:
                rows = session.execute(
                    f"CREATE OR REPLACE TABLE {qualified(relation)} AS "
                    f"SELECT * FROM read_parquet('{escaped}')"
                )
            except duckdb.Error as error:
                reason = str(error).splitlines()[0].rstrip(".")
                raise UserError(f"{path} cannot be loaded into {relation}: {reason}.") from error
        return int(rows[0][0])

    def export_parquet(self, relation: Relation, path: Path) -> int:
        """Write a relation as one Parquet file, sorted by all its columns."""
        escaped = str(path).replace("'", "''")
        with self.session(f"export {relation}") as session:
            columns = self._columns_of(session, relation)
            # Parquet has no such wide integer, and would hold a float in its place.
            wide = [name for name, kind in columns.items() if kind == "HUGEINT"]
            casts = ", ".join(f"CAST({quoted(n)} AS DECIMAL(38, 0)) AS {quoted(n)}" for n in wide)
            selected = f"* REPLACE ({casts})" if wide else "*"
            rows = session.execute(
                f"COPY (SELECT {selected} FROM {qualified(relation)} "
                f"ORDER BY {_sort_keys(columns)}) "
                f"TO '{escaped}' (FORMAT parquet, COMPRESSION zstd)"
            )
        return int(rows[0][0])

    def _columns(self, session: Session, relation: Relation) -> dict[str, str] | None:
        import duckdb

        # The catalogue is read through from end to end, which takes longer than most scans where
        # there are a thousand tables: it is asked only for what cannot be described, such as a
        # view over a table that is gone.
        with suppress(duckdb.Error):
            told = session.execute(f"DESCRIBE {qualified(relation)}")
            return {name: kind for name, kind, *_ in told}
        rows = session.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [relation.schema, relation.table],
        )
        return {name: kind for name, kind in rows} or None

    def _comments(self, session: Session, relation: Relation) -> dict[str, str]:
        rows = session.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL "
            "AND database_name = current_database() AND schema_name = ? AND table_name = ?",
            [relation.schema, relation.table],
        )
        return {name: comment for name, comment in rows}

    def _missing(self, session: Session, relation: Relation) -> UserError:
        names = session.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database()"
        )
        hint = nearest(str(relation), [name for (name,) in names])
        return UserError(f"The warehouse has no table {relation}.{hint}")


class DuckDBAdapter(DuckDBEngine):
    """A warehouse in a DuckDB file.

    Args:
        path: gives the file's path when it is first needed.
        base: gives another file's, whose tables views in this one show; it is only read.
    """

    def __init__(self, path: Callable[[], Path], base: Callable[[], Path] | None = None) -> None:
        self._path = path
        self._base = base

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return self._path()

    @property
    def base(self) -> Path | None:
        """The file whose tables views in this one show; None for a file that stands alone."""
        return self._base() if self._base else None

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Open the file for one short conversation, waiting some seconds for its lock."""
        limit = DEFAULT_TIMEOUT_SECONDS if patience is None else patience
        with self._opened(purpose, limit) as connection:
            yield DuckDBSession(connection)

    @contextmanager
    def _opened(
        self, purpose: str, limit: float = DEFAULT_TIMEOUT_SECONDS
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        base = self.base
        with open_duckdb(self.path, purpose=purpose, timeout=limit) as connection:
            if base is None:
                yield connection
                return
            with with_base(connection, base, purpose=purpose, timeout=limit):
                yield connection

    def relations(self) -> set[Relation]:
        """Return every relation of the file; none before there is one."""
        return super().relations() if self.path.exists() else set()

    def columns(self, relation: Relation, session: Session | None = None) -> dict[str, str] | None:
        """Return column names to types, or None where the relation does not exist."""
        return super().columns(relation, session) if session or self.path.exists() else None

    def facts(
        self,
        relations: Iterable[Relation],
        patience: float | None = None,
        *,
        fingerprint: bool = True,
    ) -> dict[Relation, TableFacts]:
        """Return the facts of several relations from one session; missing ones are left out."""
        if not self.path.exists():
            return {}
        return super().facts(relations, patience, fingerprint=fingerprint)

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads: the file."""
        base = self.base
        return {
            "DATAPLATFORM_DUCKDB_PATH": str(self.path),
            "DATAPLATFORM_DUCKDB_BASE": "" if base is None else str(base),
        }

    @contextmanager
    def alchemy(self, purpose: str) -> Iterator[Alchemy]:
        """Open the file through SQLAlchemy, alone with it."""
        if not self.path.exists():
            raise UserError(
                f"The warehouse file {self.path} does not exist yet: run `make run` first."
            )
        with self.around_dbt(purpose), of_file(self.path, self.base) as opened:
            yield opened

    def beside_dbt(self, purpose: str) -> AbstractContextManager[Any]:
        """Hold the file while dbt runs in this process, and look at it beside dbt."""
        return self._opened(purpose)

    @contextmanager
    def around_dbt(self, purpose: str) -> Iterator[None]:
        """Hold the file's lock while another process uses the file, and that of its base."""
        base = self.base
        also = nullcontext() if base is None else warehouse_lock(base, purpose)
        with warehouse_lock(self.path, purpose), also:
            yield


def _sort_keys(columns: dict[str, str]) -> str:
    # JSON is compared as text: DuckDB has no order of its own for it in every version.
    return ", ".join(
        f"CAST({quoted(name)} AS VARCHAR)" if kind == "JSON" else quoted(name)
        for name, kind in columns.items()
    )
