"""From a warehouse's own names of types to the type families of declarations, and back to words.

A family is what a connection file declares: string, integer, bigint, decimal(p,s), double,
boolean, date, timestamp, timestamptz, json, binary.
"""

from __future__ import annotations

import re

#: The family of a decimal whose places the warehouse does not tell.
ANY_DECIMAL = "decimal"

_FAMILIES = {
    "duckdb": {
        "VARCHAR": "string",
        "UUID": "string",
        "TINYINT": "integer",
        "SMALLINT": "integer",
        "INTEGER": "integer",
        "BIGINT": "bigint",
        "HUGEINT": "decimal(38,0)",
        "FLOAT": "double",
        "DOUBLE": "double",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP": "timestamp",
        "TIMESTAMP WITH TIME ZONE": "timestamptz",
        "JSON": "json",
        "BLOB": "binary",
    },
    "snowflake": {
        "TEXT": "string",
        "VARCHAR": "string",
        "FLOAT": "double",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP_NTZ": "timestamp",
        "TIMESTAMP_TZ": "timestamptz",
        "TIMESTAMP_LTZ": "timestamptz",
        "VARIANT": "json",
        "OBJECT": "json",
        "ARRAY": "json",
        "BINARY": "binary",
    },
    "bigquery": {
        "STRING": "string",
        "INT64": "bigint",
        "FLOAT64": "double",
        # Without precision and scale it holds nine places, and says nothing of how many are meant.
        "NUMERIC": ANY_DECIMAL,
        "BIGNUMERIC": ANY_DECIMAL,
        "BOOL": "boolean",
        "DATE": "date",
        "DATETIME": "timestamp",
        "TIMESTAMP": "timestamptz",
        "JSON": "json",
        "BYTES": "binary",
    },
}

# A declared type may arrive as any of these without a reader noticing.
_WIDER = {"integer": {"bigint"}}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|BIGNUMERIC|NUMBER)\((\d+),\s*(\d+)\)", re.IGNORECASE)


def family(dialect: str, native: str) -> str:
    """Return the type family of a warehouse's type, or the type itself where none fits."""
    decimal = _DECIMAL.fullmatch(native)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        if dialect == "snowflake" and scale == 0:
            return "bigint"
        return f"decimal({precision},{scale})"
    return _FAMILIES.get(dialect, {}).get(native.upper(), native.lower())


def accepts(declared: str, arrived: str, dialect: str = "duckdb") -> bool:
    """Return whether a column declared as one family may arrive as another.

    A decimal may be wider than declared, never narrower; on Snowflake every whole number is one
    type.
    """
    declared, arrived = (
        declared.replace(" ", "").lower(),
        arrived.replace(" ", "").lower(),
    )
    if declared == arrived or arrived in _WIDER.get(declared, set()):
        return True
    wanted, got = _DECIMAL.fullmatch(declared), _DECIMAL.fullmatch(arrived)
    if wanted and arrived == ANY_DECIMAL:
        return True
    if wanted and got:
        whole_wanted, whole_got = (int(m[1]) - int(m[2]) for m in (wanted, got))
        return int(got[2]) >= int(wanted[2]) and whole_got >= whole_wanted
    whole = {"integer", "bigint"}
    return dialect == "snowflake" and declared in whole and arrived in whole
