"""Snowflake as the warehouse that the local service writes to: COPY INTO, then MERGE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.local.fivetran.target import Target
from dataplatform.snowflake_load import columns_of, exchange_statements, folded, load_statements

_CONNECTION = ("user", "password", "role", "warehouse", "database", "host", "port", "protocol")
_TIMEOUT_SECONDS = 60
_INCOMING = "_fivetran_incoming"


class SnowflakeTarget(Target):
    """A database of a Snowflake account."""

    name = "Snowflake"
    needed = ("user", "password", "database")

    @contextmanager
    def connected(self) -> Iterator[Any]:
        import snowflake.connector

        chosen = {name: self._config[name] for name in _CONNECTION if self._config.get(name)}
        connection = snowflake.connector.connect(
            account=self._config.get("account", "local"),
            login_timeout=_TIMEOUT_SECONDS,
            network_timeout=_TIMEOUT_SECONDS,
            session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": "fivetran"},
            **chosen,
        )
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def ask(self, client: Any, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in client.execute(sql).fetchall()]

    def replace(self, schema: str, table: str, file: Path) -> None:
        with self.connected() as cursor:
            for statement in exchange_statements(schema, table, file):
                cursor.execute(statement)

    def merge(self, schema: str, table: str, file: Path, key: Sequence[str]) -> None:
        place, incoming = (f"{folded(schema)}.{folded(name)}" for name in (table, _INCOMING))
        columns = list(columns_of(file))
        on = " AND ".join(f"t.{folded(name)} = s.{folded(name)}" for name in key)
        assigned = ", ".join(f"{folded(n)} = s.{folded(n)}" for n in columns if n not in key)
        listed = ", ".join(map(folded, columns))
        values = ", ".join(f"s.{folded(name)}" for name in columns)
        with self.connected() as cursor:
            for statement in load_statements(schema, _INCOMING, file, temporary=True):
                cursor.execute(statement)
            cursor.execute(
                f"MERGE INTO {place} AS t USING {incoming} AS s ON {on} "
                f"WHEN MATCHED THEN UPDATE SET {assigned} "
                f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({values})"
            )
            cursor.execute(f"DROP TABLE IF EXISTS {incoming}")

    def count(self, schema: str, table: str) -> int | None:
        with self.connected() as cursor:
            cursor.execute(
                "SELECT count(*) FROM information_schema.tables "
                "WHERE table_schema = %s AND table_name = %s",
                (schema.upper(), table.upper()),
            )
            if not cursor.fetchone()[0]:
                return None
            cursor.execute(f"SELECT count(*) FROM {folded(schema)}.{folded(table)}")
            return int(cursor.fetchone()[0])
