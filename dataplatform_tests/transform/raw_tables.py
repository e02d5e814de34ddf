"""The small company written down: in DuckDB as a sync leaves it, in PostgreSQL as the source.

What the company's rows are is in ``company``, their columns in ``raw_shapes``.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from dataplatform_tests.transform.company import Company, Row
from dataplatform_tests.transform.raw_shapes import COMMUNITY, POSTGRES, SALESFORCE, raw_shapes


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every raw table, empty."""
    for schema in ("raw_postgres_public", "raw_salesforce", "raw_community"):
        connection.execute(f"create schema if not exists {schema}")
    for schema, table, columns, _ in raw_shapes():
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table if not exists {schema}.{table} ({declared})")


def sync(
    connection: duckdb.DuckDBPyConnection,
    company: Company,
    synced_at: datetime,
    written_at: datetime | None = None,
) -> None:
    """Bring the raw tables to the company's present rows, as a sync at that moment does.

    Unchanged rows keep their ``_fivetran_synced``; rows that are gone are marked deleted.
    Community tables get one more file with every row, as the daily extract writes them, at
    ``written_at`` (the moment of the sync when None).
    """
    written_at = written_at or synced_at
    create_raw_tables(connection)
    for schema, table, columns, key in raw_shapes():
        if schema == "raw_community":
            rows = [
                _stored(row, COMMUNITY[table])
                | {
                    "_file": f"community/{table}/date={written_at:%Y-%m-%d}/0.jsonl",
                    "_line": line,
                    "_modified": written_at,
                    "_fivetran_synced": synced_at,
                }
                for line, row in enumerate(company.community[table])
            ]
            _insert(connection, schema, table, columns, rows)
            continue
        if schema == "raw_salesforce":
            name = next(n for n in SALESFORCE if n.lower() == table)
            rows = [_stored(row, SALESFORCE[name]) for row in company.crm[name]]
        else:
            rows = [dict(row) for row in company.postgres[table]]
            if not key:
                for row in rows:
                    text = json.dumps(row, default=str, sort_keys=True)
                    row["_fivetran_id"] = hashlib.sha256(text.encode()).hexdigest()[:24]
        _merge(connection, schema, table, columns, key or ("_fivetran_id",), rows, synced_at)


def load_postgres(connection: Any, company: Company) -> None:
    """Write the production rows into a PostgreSQL database, replacing what is there."""
    for table, (columns, _) in POSTGRES.items():
        types = {"DOUBLE": "double precision", "JSON": "jsonb", "VARCHAR": "text"}
        declared = ", ".join(f"{n} {types.get(kind, kind)}" for n, kind in columns.items())
        connection.execute(f"drop table if exists public.{table}")
        connection.execute(f"create table public.{table} ({declared})")
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into public.{table} values ({marks})",
                [[row[name] for name in columns] for row in company.postgres[table]],
            )
    connection.commit()


def _stored(row: Row, fields: dict[str, tuple[str, str]]) -> Row:
    """Return a source row under its destination names, nested values as JSON text."""
    return {
        column: json.dumps(row[name]) if kind == "JSON" else row[name]
        for name, (column, kind) in fields.items()
    }


def _merge(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: dict[str, str],
    key: tuple[str, ...],
    rows: list[Row],
    synced_at: datetime,
) -> None:
    """Upsert by key: only rows that differ are touched, absent ones are marked deleted."""
    stamped = [row | {"_fivetran_synced": synced_at, "_fivetran_deleted": False} for row in rows]
    connection.execute(f"create or replace temp table incoming as from {schema}.{table} limit 0")
    _insert(connection, "temp", "incoming", columns, stamped)
    same_key = " and ".join(f"t.{name} = i.{name}" for name in key)
    values = ", ".join(f'"{n}"' for n in columns if n != "_fivetran_synced")
    connection.execute(
        f"delete from incoming as i where exists (select 1 from "
        f"(select {values} from {schema}.{table} intersect select {values} from incoming) as t "
        f"where {same_key})"
    )
    connection.execute(
        f"delete from {schema}.{table} as t where exists "
        f"(select 1 from incoming as i where {same_key})"
    )
    connection.execute(f"insert into {schema}.{table} from incoming")
    _insert_keys(connection, columns, key, stamped)
    connection.execute(
        f"update {schema}.{table} as t set _fivetran_deleted = true, _fivetran_synced = $1 "
        f"where not t._fivetran_deleted and not exists "
        f"(select 1 from present as i where {same_key})",
        [synced_at],
    )


def _insert_keys(
    connection: duckdb.DuckDBPyConnection,
    columns: dict[str, str],
    key: tuple[str, ...],
    rows: list[Row],
) -> None:
    declared = ", ".join(f'"{name}" {columns[name]}' for name in key)
    connection.execute(f"create or replace temp table present ({declared})")
    _insert(connection, "temp", "present", {name: columns[name] for name in key}, rows)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: dict[str, str],
    rows: list[Row],
) -> None:
    if not rows:
        return
    arrow = pa.table({name: pa.array([row[name] for row in rows]) for name in columns})
    connection.register("arriving", arrow)
    chosen = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
    connection.execute(f"insert into {schema}.{table} select {chosen} from arriving")
    connection.unregister("arriving")
