"""The warehouse as a Snowflake database, through Snowflake's own connector.

The connector is imported and the credentials are resolved at the first session. Unquoted
identifiers are folded to upper case by Snowflake, and so are the names of relations here: the
platform's lower-case names then match what dbt and Fivetran make.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.interface import (
    DELETED_COLUMN,
    SYNCED_COLUMN,
    Session,
    TableFacts,
    digest,
)
from dataplatform.resources.warehouse.snowflake_alchemy import of_account
from dataplatform.resources.warehouse.snowflake_errors import explained, is_dropped
from dataplatform.resources.warehouse.sql import SqlWarehouse
from dataplatform.resources.warehouse.swap import SnowflakeSwap
from dataplatform.resources.warehouse.work import APP, TAG_VARIABLE, current, query_tag
from dataplatform.snowflake_load import folded, load_statements

#: How often a connection is tried, and how long to wait before the second time.
TRIES = 3
WAIT_SECONDS = 1.0
#: What the name of a table begins with into which rows are loaded before they are shown.
LOADED_BESIDE = "_dataplatform_loading_"
LOGIN_TIMEOUT_SECONDS = 30
NETWORK_TIMEOUT_SECONDS = 300
_READS = frozenset({"SELECT", "WITH", "SHOW", "DESC", "DESCRIBE", "LIST"})
_BEGINS = frozenset({"BEGIN", "START"})
_ENDS = frozenset({"COMMIT", "ROLLBACK"})


class SnowflakeSession:
    """A conversation over one connection, which is made anew when it is lost.

    A statement that only reads, outside a transaction, is then sent again. One that writes is not:
    nobody knows whether it was done.

    Args:
        connect: gives a connection that is closed when its context ends.
        settings: the resolved ``warehouse`` block, for what is told of errors.
    """

    def __init__(
        self, connect: Callable[[], AbstractContextManager[Any]], settings: Mapping[str, Any]
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._within = False
        self._held = contextlib.ExitStack()
        self.connection = self._opened()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        word = sql.lstrip().split(None, 1)[0].rstrip(";").upper() if sql.strip() else ""
        try:
            found = self._send(sql, parameters)
        except Exception as error:
            if self._within or word not in _READS or not is_dropped(error):
                raise self._told(error) from error
            self.close()
            self.connection = self._opened()
            try:
                found = self._send(sql, parameters)
            except Exception as again:
                raise self._told(again) from again
        self._within = word in _BEGINS or (self._within and word not in _ENDS)
        return found

    def close(self) -> None:
        """End the conversation; a connection that is gone is no mistake any more."""
        with contextlib.suppress(Exception):
            self._held.close()

    def _send(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def _opened(self) -> Any:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
            try:
                return self._held.enter_context(self._connect())
            except Exception as error:
                if attempt == TRIES - 1 or not is_dropped(error):
                    raise self._told(error) from error
        raise AssertionError("unreachable")

    def _told(self, error: Exception) -> Exception:
        return explained(error, self._settings) or error


class SnowflakeAdapter(SqlWarehouse):
    """A warehouse in a Snowflake database.

    Args:
        settings: gives the resolved ``warehouse`` block when it is first needed.
    """

    dialect = "snowflake"
    rows_hash = "CAST(hash_agg(*) AS VARCHAR)"

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._settings = settings

    @property
    def swap(self) -> SnowflakeSwap:
        """Versions are clones, and so is what consumers read."""
        return SnowflakeSwap()

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Connect for one conversation, tagged with its purpose and with the run it is for."""
        settings = self._settings()
        session = SnowflakeSession(lambda: _connect(settings, purpose), settings)
        try:
            yield session
        finally:
            session.close()

    def alchemy(self, purpose: str) -> AbstractContextManager[Alchemy]:
        """Open the account through SQLAlchemy; whatever is not one query is refused."""
        return of_account(lambda: _connection(self._settings(), purpose))

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads: every setting under its own name, and the query tag."""
        settings = self._settings()
        found = {
            f"SNOWFLAKE_{name.upper()}": str(value)
            for name, value in settings.items()
            if name not in ("type", "warehouses") and value is not None
        }
        found["SNOWFLAKE_WAREHOUSE"] = _warehouse_of(settings)
        if settings.get("token"):
            found["SNOWFLAKE_AUTHENTICATOR"] = "oauth"
        # By hand dbt parses the project again whenever a variable of the profile changes.
        return found | ({TAG_VARIABLE: query_tag()} if current() else {})

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows: PUT to a stage, one COPY INTO, one exchange.

        The rows are loaded beside the table, so that readers see the old one or the whole new one,
        and a load that was cut off can simply be done again.
        """
        beside = Relation(relation.schema, f"{LOADED_BESIDE}{relation.table}")
        with self.session(f"load {relation}") as session:
            for statement in load_statements(beside.schema, beside.table, path):
                session.execute(statement)
            session.execute(
                f"CREATE OR REPLACE TABLE {named(relation)} CLONE {named(beside)} COPY GRANTS"
            )
            session.execute(f"DROP TABLE IF EXISTS {named(beside)}")
            return int(session.execute(f"SELECT count(*) FROM {named(relation)}")[0][0])

    def export_parquet(self, relation: Relation, path: Path) -> int:
        """Write a relation as one Parquet file, sorted by all its columns."""
        from pyarrow import parquet

        with self.session(f"export {relation}") as session:
            columns = self._columns_of(session, relation)
            order = ", ".join(str(position + 1) for position in range(len(columns)))
            with session.connection.cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f"SELECT * FROM {named(relation)} ORDER BY {order}")
                table = cursor.fetch_arrow_all(force_return_table=True)
        table = table.rename_columns([name.lower() for name in table.column_names])
        parquet.write_table(table, path, compression="zstd")
        return int(table.num_rows)

    def _columns(self, session: Session, relation: Relation) -> dict[str, str] | None:
        rows = session.execute(
            "SELECT column_name, data_type, numeric_precision, numeric_scale "
            "FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            [relation.schema.upper(), relation.table.upper()],
        )
        return {
            name.lower(): f"NUMBER({precision},{scale})" if kind == "NUMBER" else kind
            for name, kind, precision, scale in rows
        } or None

    def _facts(
        self, session: Session, relation: Relation, *, fingerprint: bool = True
    ) -> TableFacts | None:
        columns = self._columns(session, relation)
        if columns is None:
            return None
        if not fingerprint:
            rows = session.execute(f"SELECT count(*) FROM {named(relation)}")[0][0]
            return TableFacts(columns, int(rows), "")
        if SYNCED_COLUMN in columns:
            deleted = f"count_if({folded(DELETED_COLUMN)})" if DELETED_COLUMN in columns else "0"
            newest = f"max({folded(SYNCED_COLUMN)})"
            state = session.execute(f"SELECT count(*), {newest}, {deleted} FROM {named(relation)}")[
                0
            ]
        else:
            state = session.execute(f"SELECT count(*), hash_agg(*) FROM {named(relation)}")[0]
        return TableFacts(columns, int(state[0]), digest([*state, *columns.items()]))


def _warehouse_of(settings: Mapping[str, Any]) -> str:
    """Return the warehouse of the pipeline that runs, or the environment's own."""
    work = current()
    sizes = settings.get("warehouses") or {}
    return str(sizes.get(work.pipeline if work else None) or settings["warehouse"])


def _connect(settings: Mapping[str, Any], purpose: str) -> AbstractContextManager[Any]:
    return contextlib.closing(_connection(settings, purpose))


def _connection(settings: Mapping[str, Any], purpose: str) -> Any:
    # The connector looks at versions of libraries that its own copy of requests does not use.
    warnings.filterwarnings("ignore", message=r".*doesn't match a supported version")
    import snowflake.connector

    given: dict[str, Any] = {
        name: settings[name]
        for name in ("account", "user", "password", "role", "database", "host", "port", "protocol")
        if settings.get(name)
    }
    if settings.get("private_key_path"):
        given["private_key_file"] = settings["private_key_path"]
    if settings.get("token"):
        given |= {"authenticator": "oauth", "token": settings["token"]}
    return snowflake.connector.connect(
        **given,
        warehouse=_warehouse_of(settings),
        application=APP,
        login_timeout=LOGIN_TIMEOUT_SECONDS,
        network_timeout=NETWORK_TIMEOUT_SECONDS,
        session_parameters={"QUERY_TAG": query_tag(purpose), "TIMEZONE": "UTC"},
    )


def named(relation: Relation) -> str:
    """Return the quoted ``SCHEMA.TABLE`` of a relation."""
    return f"{folded(relation.schema)}.{folded(relation.table)}"
