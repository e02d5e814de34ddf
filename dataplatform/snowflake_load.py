"""How a Parquet file's rows come into Snowflake: a stage, PUT, and one COPY INTO.

Statements alone: who holds the connection runs them. Names are folded to upper case, as Snowflake
folds what is not quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What the name of a table begins with into which rows are loaded before they are shown.
_BESIDE = "_dataplatform_loading_"
_STAGE = "_DATAPLATFORM_LOAD"


def folded(name: str) -> str:
    """Return an identifier quoted after Snowflake's own folding to upper case."""
    return '"' + name.upper().replace('"', '""') + '"'


def columns_of(path: Path) -> dict[str, str]:
    """Return the columns of a Parquet file with the types that hold their values in Snowflake."""
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    logical = {
        file.schema.column(position).name: file.schema.column(position).logical_type.type
        for position in range(len(file.schema))
    }
    return {
        field.name: "VARIANT" if logical.get(field.name) == "JSON" else _type_of(field.type)
        for field in file.schema_arrow
    }


def _type_of(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "NUMBER(38,0)"
    if pa.types.is_decimal(kind):
        return f"NUMBER({kind.precision},{kind.scale})"
    if pa.types.is_floating(kind):
        return "FLOAT"
    if pa.types.is_date(kind):
        return "DATE"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP_TZ" if kind.tz else "TIMESTAMP_NTZ"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "BINARY"
    return "VARCHAR"


def load_statements(schema: str, table: str, path: Path, *, temporary: bool = False) -> list[str]:
    """Return the statements that make a table of a file's rows.

    Args:
        schema: the table's schema; made where it is missing.
        table: the table; replaced if it exists.
        path: a local Parquet file.
        temporary: the table lives as long as the session.

    Raises:
        ValueError: the file's name cannot be part of a stage's path.
    """
    made = "TEMPORARY TABLE" if temporary else "TABLE"
    columns = columns_of(path)
    declared = ", ".join(f"{folded(name)} {kind}" for name, kind in columns.items())
    return [
        f"CREATE SCHEMA IF NOT EXISTS {folded(schema)}",
        f"CREATE OR REPLACE {made} {folded(schema)}.{folded(table)} ({declared})",
        *stage_statements(schema, path),
        copy_statement(schema, table, path, columns),
    ]


def exchange_statements(schema: str, table: str, path: Path) -> list[str]:
    """Return the statements that make a table of a file's rows where readers may be looking.

    The rows are loaded beside the table, so that readers see the old one or the whole new one.

    Args:
        schema, table, path: as for ``load_statements``.

    Raises:
        ValueError: likewise.
    """
    beside = f"{_BESIDE}{table}"
    place, loaded = (f"{folded(schema)}.{folded(name)}" for name in (table, beside))
    return [
        *load_statements(schema, beside, path),
        f"CREATE OR REPLACE TABLE {place} CLONE {loaded} COPY GRANTS",
        f"DROP TABLE IF EXISTS {loaded}",
    ]


def stage_statements(schema: str, path: Path) -> list[str]:
    """Return the statements that bring a file to a stage of the session's own.

    Args:
        schema: where the stage is made; it exists.
        path: a local Parquet file.

    Raises:
        ValueError: the file's name cannot be part of a stage's path.
    """
    # The name becomes part of the stage's path, which knows no quoting.
    if not re.fullmatch(r"[\w.-]+", path.name):
        raise ValueError(f"The file's name {path.name!r} must be letters, digits, dots and dashes.")
    stage = _stage(schema)
    source = str(path).replace("'", "''")
    return [
        # Of the session's own: two that load at once must not read each other's files.
        f"CREATE OR REPLACE TEMPORARY STAGE {stage}",
        f"PUT 'file://{source}' @{stage} AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
    ]


def copy_statement(schema: str, table: str, path: Path, columns: Mapping[str, str]) -> str:
    """Return the statement that adds a staged file's rows to a table.

    Args:
        schema: of the table and of the stage.
        table: a table with the file's columns.
        path: the file as it was staged.
        columns: as ``columns_of`` tells them.
    """
    read = ", ".join(
        f"PARSE_JSON({_member(name)})" if kind == "VARIANT" else f"{_member(name)}::{kind}"
        for name, kind in columns.items()
    )
    return (
        f"COPY INTO {folded(schema)}.{folded(table)} ({', '.join(map(folded, columns))}) "
        f"FROM (SELECT {read} FROM @{_stage(schema)}/{path.name}) "
        # A table remembers which files came into it, and would leave out one of the same name.
        "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) FORCE = TRUE"
    )


def _stage(schema: str) -> str:
    return f"{folded(schema)}.{folded(_STAGE)}"


def _member(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'$1:"{quoted}"'
