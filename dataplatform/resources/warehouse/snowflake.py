"""The warehouse as a Snowflake database, through Snowflake's own connector.

How sessions are held is ``snowflake_session``'s business. Unquoted identifiers are folded to upper
case by Snowflake, and so are the names of relations here: the platform's lower-case names then
match what dbt and Fivetran make.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.snowflake_alchemy import of_account
from dataplatform.resources.warehouse.snowflake_session import (
    SnowflakeSession,
    connection,
    warehouse_of,
)
from dataplatform.resources.warehouse.sql import SqlWarehouse
from dataplatform.resources.warehouse.swap import SnowflakeSwap
from dataplatform.resources.warehouse.transaction import transaction
from dataplatform.resources.warehouse.work import TAG_VARIABLE, current, query_tag
from dataplatform.snowflake_load import (
    columns_of,
    copy_statement,
    exchange_statements,
    folded,
    stage_statements,
)

#: What the information schema calls a type that is declared by another name.
_TOLD = {"VARCHAR": "TEXT"}


class SnowflakeAdapter(SqlWarehouse):
    """A warehouse in a Snowflake database.

    Args:
        settings: gives the resolved ``warehouse`` block when it is first needed.
    """

    dialect = "snowflake"
    rows_state = "hash_agg(*)"
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
        session = SnowflakeSession(
            lambda: contextlib.closing(connection(settings, purpose)), settings
        )
        try:
            yield session
        finally:
            session.close()

    def alchemy(self, purpose: str) -> AbstractContextManager[Alchemy]:
        """Open the account through SQLAlchemy; whatever is not one query is refused."""
        return of_account(lambda: connection(self._settings(), purpose))

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads: every setting under its own name, and the query tag."""
        settings = self._settings()
        found = {
            f"SNOWFLAKE_{name.upper()}": str(value)
            for name, value in settings.items()
            if name not in ("type", "warehouses") and value is not None
        }
        found["SNOWFLAKE_WAREHOUSE"] = warehouse_of(settings)
        if settings.get("token"):
            found["SNOWFLAKE_AUTHENTICATOR"] = "oauth"
        # By hand dbt parses the project again whenever a variable of the profile changes.
        return found | ({TAG_VARIABLE: query_tag()} if current() else {})

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows: PUT to a stage, then one COPY INTO.

        Readers see the old rows or the whole new ones, and a load that was cut off is simply done
        again. A table that has the file's columns gets its rows in one transaction, and so keeps
        its grants, tags and policies; any other is loaded beside itself and exchanged.
        """
        columns = columns_of(path)
        with self.session(f"load {relation}") as session:
            assert isinstance(session, SnowflakeSession)

            def load() -> int:
                if list((self._columns(session, relation) or {}).items()) == _as_told(columns):
                    self._refill(session, relation, path, columns)
                else:
                    for statement in exchange_statements(relation.schema, relation.table, path):
                        session.execute(statement)
                return int(session.execute(f"SELECT count(*) FROM {named(relation)}")[0][0])

            return session.whole(load)

    @staticmethod
    def _refill(
        session: Session, relation: Relation, path: Path, columns: Mapping[str, str]
    ) -> None:
        for statement in stage_statements(relation.schema, path):
            session.execute(statement)
        with transaction(session):
            session.execute(f"DELETE FROM {named(relation)}")
            session.execute(copy_statement(relation.schema, relation.table, path, columns))

    def export_parquet(self, relation: Relation, path: Path) -> int:
        """Write a relation as one Parquet file, sorted by all its columns."""
        from pyarrow import parquet

        with self.session(f"export {relation}") as session:
            assert isinstance(session, SnowflakeSession)
            columns = self._columns_of(session, relation)
            order = ", ".join(str(position + 1) for position in range(len(columns)))
            with session.connection.cursor() as cursor:
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


def _as_told(columns: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return a file's columns as the information schema would tell them."""
    return [(name.lower(), _TOLD.get(kind, kind)) for name, kind in columns.items()]


def named(relation: Relation) -> str:
    """Return the quoted ``SCHEMA.TABLE`` of a relation."""
    return f"{folded(relation.schema)}.{folded(relation.table)}"
