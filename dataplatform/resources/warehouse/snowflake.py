"""The warehouse as a Snowflake database, through dagster-snowflake's connector.

The connector is imported and the credentials are resolved at the first session. Unquoted
identifiers are folded to upper case by Snowflake, and so are the names of relations here: the
platform's lower-case names then match what dbt and Fivetran make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import (
    DELETED_COLUMN,
    SYNCED_COLUMN,
    Session,
    TableFacts,
    digest,
)
from dataplatform.resources.warehouse.sql import SqlWarehouse
from dataplatform.resources.warehouse.swap import CloneSwap
from dataplatform.snowflake_load import folded, load_statements

LOGIN_TIMEOUT_SECONDS = 30
NETWORK_TIMEOUT_SECONDS = 300


class _SnowflakeSession:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


class SnowflakeAdapter(SqlWarehouse):
    """A warehouse in a Snowflake database.

    Args:
        settings: gives the resolved ``warehouse`` block when it is first needed.
    """

    dialect = "snowflake"

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._settings = settings

    @property
    def swap(self) -> CloneSwap:
        """Versions are clones, and so is what consumers read."""
        return CloneSwap()

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Connect for one conversation; the purpose becomes the query tag."""
        from dagster_snowflake import SnowflakeResource

        settings = self._settings()
        names = (
            "account",
            "user",
            "password",
            "private_key_path",
            "role",
            "warehouse",
            "database",
        )
        chosen = {name: settings[name] for name in names if settings.get(name)}
        more = {
            "session_parameters": {
                "QUERY_TAG": f"dataplatform: {purpose}",
                "TIMEZONE": "UTC",
            },
            # A double or a proxy is reached by an address of its own.
            **{name: settings[name] for name in ("host", "port", "protocol") if settings.get(name)},
        }
        resource = SnowflakeResource(
            **chosen,
            login_timeout=LOGIN_TIMEOUT_SECONDS,
            network_timeout=NETWORK_TIMEOUT_SECONDS,
            additional_snowflake_connection_args=more,
        )
        from snowflake.connector import errors

        try:
            with resource.get_connection() as connection:
                yield _SnowflakeSession(connection)
        except (
            errors.OperationalError,
            errors.ForbiddenError,
            errors.DatabaseError,
        ) as error:
            if isinstance(error, errors.ProgrammingError):
                raise
            raise UserError(
                f"The Snowflake account {chosen.get('account')!r} cannot be reached as "
                f"{chosen.get('user')!r}: {str(error).splitlines()[0]}"
            ) from error

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads: every setting under its own name."""
        return {
            f"SNOWFLAKE_{name.upper()}": str(value)
            for name, value in self._settings().items()
            if name != "type" and value is not None
        }

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows: PUT to a stage, then one COPY INTO."""
        with self.session(f"load {relation}") as session:
            for statement in load_statements(relation.schema, relation.table, path):
                session.execute(statement)
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


def named(relation: Relation) -> str:
    """Return the quoted ``SCHEMA.TABLE`` of a relation."""
    return f"{folded(relation.schema)}.{folded(relation.table)}"
