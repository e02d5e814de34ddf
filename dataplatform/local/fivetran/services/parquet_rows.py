"""Rows of Parquet files, with the types the files declare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataplatform.local.fivetran.services.rows import Bad, Row, bad
from dataplatform.local.fivetran.sql import ident, literal

_TYPES = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
}
_KEPT = {
    "BOOLEAN",
    "BIGINT",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "VARCHAR",
    "JSON",
}


def parquet_rows(path: Path) -> Iterator[Row | Bad]:
    """Yield a file's rows; a row's line is its number."""
    import duckdb

    line = 0
    with duckdb.connect() as engine:
        engine.execute("SET memory_limit = '200MB'")
        engine.execute("SET TimeZone = 'UTC'")
        try:
            columns, casts = _columns(engine, path)
            rows = engine.execute(
                f"SELECT file_row_number + 1, {', '.join(casts)} "
                f"FROM read_parquet({literal(str(path))}, file_row_number = true)"
            )
            while batch := rows.fetchmany(5000):
                for number, *values in batch:
                    line = int(number)
                    found = zip(columns, values, strict=True)
                    yield Row(line, {name: (value, kind) for (name, kind), value in found})
        except duckdb.Error as error:
            yield bad(line + 1, str(error).splitlines()[0], "")


def _columns(engine: object, path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Return name and destination type of each column, and the expressions that read them."""
    file = literal(str(path))
    described = engine.execute(  # type: ignore[attr-defined]
        f"DESCRIBE SELECT * FROM read_parquet({file})"
    ).fetchall()
    columns, casts = [], []
    for name, found, *_ in described:
        kind = _TYPES.get(str(found), str(found))
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
        known = kind in _KEPT or kind.startswith("DECIMAL")
        columns.append((str(name), "JSON" if nested else kind if known else "VARCHAR"))
        casts.append(f"CAST({f'to_json({ident(name)})' if nested else ident(name)} AS VARCHAR)")
    return columns, casts
