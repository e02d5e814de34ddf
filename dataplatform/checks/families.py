"""Column types by family, so that a promise reads the same on every warehouse.

A contract says ``string`` or ``number``; a warehouse answers ``VARCHAR`` or ``DECIMAL(14,2)``.
Here is which answers keep which promise.
"""

from __future__ import annotations

import re

_TEXT = {
    "varchar",
    "text",
    "string",
    "char",
    "bpchar",
    "character varying",
    "character",
    "uuid",
    "enum",
    "nvarchar",
}
_INTEGER = {
    "tinyint",
    "smallint",
    "integer",
    "int",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "uhugeint",
    "int2",
    "int4",
    "int8",
    "byteint",
    "int64",
}
_NUMBER = {
    "decimal",
    "numeric",
    "number",
    "double",
    "double precision",
    "float",
    "real",
    "float4",
    "float8",
    "fixed",
    "float64",
    "bignumeric",
}
_TIMESTAMP = {
    "timestamp",
    "timestamptz",
    "timestamp with time zone",
    "timestamp_s",
    "timestamp_ms",
    "timestamp_ns",
    "timestamp_us",
    "datetime",
    "timestamp_ntz",
    "timestamp_ltz",
    "timestamp_tz",
    "timestamp without time zone",
}
_OBJECT = {"json", "jsonb", "struct", "map", "object", "variant", "row"}
_ARRAY = {"list", "array", "json", "variant"}

ACCEPTED: dict[str, frozenset[str]] = {
    "string": frozenset(_TEXT),
    # Snowflake keeps every integer as NUMBER.
    "integer": frozenset(_INTEGER | {"number", "fixed"}),
    "number": frozenset(_INTEGER | _NUMBER),
    "boolean": frozenset({"boolean", "bool"}),
    "date": frozenset({"date"}),
    "time": frozenset({"time", "time with time zone", "timetz", "time_ns"}),
    "timestamp": frozenset(_TIMESTAMP),
    # A nested value may arrive as JSON text where the warehouse has no type for it.
    "object": frozenset(_OBJECT | {"varchar"}),
    "array": frozenset(_ARRAY | {"varchar"}),
}

_FAMILIES = {
    "bigint": "integer",
    "decimal": "number",
    "numeric": "number",
    "double": "number",
    "float": "number",
    "timestamptz": "timestamp",
    "json": "object",
    "text": "string",
    "varchar": "string",
    "int": "integer",
    "bool": "boolean",
    "datetime": "timestamp",
}


def base_type(physical: str) -> str:
    """Return a warehouse's type without length, precision or members, in lower case."""
    text = physical.strip().lower()
    if text.endswith("]"):
        return "list"
    return re.sub(r"\s+", " ", re.sub(r"\(.*\)", "", text, flags=re.DOTALL)).strip()


def family_of(declared: str) -> str | None:
    """Return the family of a declared type, or None when it is none of ours."""
    base = base_type(declared)
    if base in ACCEPTED:
        return base
    if base in _FAMILIES:
        return _FAMILIES[base]
    return next(
        (
            name
            for name in ("string", "timestamp", "integer", "number", "array", "object")
            if base in ACCEPTED[name]
        ),
        None,
    )


def keeps(declared: str, physical: str) -> bool:
    """Say whether a warehouse's type keeps a declared one; an unknown declaration is kept."""
    family = family_of(declared)
    return family is None or base_type(physical) in ACCEPTED[family]


_SAME = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "int64": "bigint",
    "float64": "double",
    "text": "varchar",
    "string": "varchar",
    "character varying": "varchar",
    "float8": "double",
    "double precision": "double",
    "double_precision": "double",
    "float4": "real",
    "numeric": "decimal",
    "number": "decimal",
    "bool": "boolean",
    "datetime": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamptz": "timestamp with time zone",
}
#: Every name of a type that a warehouse answers with.
KNOWN = frozenset().union(*ACCEPTED.values()) | _SAME.keys()


def same_name(physical: str) -> str:
    """Return one name for all that a type is called: ``INT4`` and ``integer`` are one type."""
    base = base_type(physical)
    return _SAME.get(base, base)
