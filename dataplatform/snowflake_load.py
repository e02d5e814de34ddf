"""How a Parquet file's rows come into Snowflake: a stage, PUT, and one COPY INTO.

Statements alone: who holds the connection runs them. Names are folded to upper case, as Snowflake
folds what is not quoted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
    columns = columns_of(path)
    place = f"{folded(schema)}.{folded(table)}"
    stage = f"{folded(schema)}.{folded(_STAGE)}"
    declared = ", ".join(f"{folded(name)} {kind}" for name, kind in columns.items())
    read = ", ".join(
        f"PARSE_JSON({_member(name)})" if kind == "VARIANT" else f"{_member(name)}::{kind}"
        for name, kind in columns.items()
    )
    listed = ", ".join(map(folded, columns))
    kind = "TEMPORARY TABLE" if temporary else "TABLE"
    # The name becomes part of the stage's path, which knows no quoting.
    if not re.fullmatch(r"[\w.-]+", path.name):
        raise ValueError(f"The file's name {path.name!r} must be letters, digits, dots and dashes.")
    source = str(path).replace("'", "''")
    copy = (
        f"COPY INTO {place} ({listed}) FROM (SELECT {read} FROM @{stage}/{path.name}) "
        "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)"
    )
    return [
        f"CREATE SCHEMA IF NOT EXISTS {folded(schema)}",
        # A stage of the session's own: two that load at once must not read each other's files.
        f"CREATE OR REPLACE TEMPORARY STAGE {stage}",
        f"CREATE OR REPLACE {kind} {place} ({declared})",
        f"PUT 'file://{source}' @{stage} AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
        copy,
    ]


def _member(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'$1:"{quoted}"'
