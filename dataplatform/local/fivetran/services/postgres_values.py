"""Values as PostgreSQL writes them, turned into what the query-based way would have read.

One rule per kind of text. Types themselves are chosen in ``postgres_catalog``; values whose JSON or
text form only PostgreSQL knows are sent back to it to be written (``needs_server``).
"""

from __future__ import annotations

import re
from typing import Any

# Types whose cast to text gives the very text that the stream carries.
_SAME_TEXT = frozenset(
    {
        "numeric", "interval", "macaddr", "macaddr8", "money", "oid", "xml",
        "timetz", "time with time zone", "bit", "bit varying", "tsvector", "tsquery", "point",
        "line", "lseg", "box", "path", "polygon", "circle", "int4range", "int8range", "numrange",
        "tsrange", "tstzrange", "daterange", "pg_lsn", "jsonpath", "name",
    }
)  # fmt: skip
_SIZE = re.compile(r"\(\d+(,-?\d+)?\)")
# The years before our era: PostgreSQL writes BC at the end, DuckDB (BC) after the date.
_ERA = r"'^(\S+)( .*)? BC$', '\1 (BC)\2'"


def needs_server(source_type: str, kind: str, template: str) -> bool:
    """Tell whether a column's text must be written by PostgreSQL itself.

    Args:
        source_type: the type as PostgreSQL formats it.
        kind: PostgreSQL's class of type: ``e`` for enumerations.
        template: how the query-based way has the column rendered.
    """
    return template != "{}::text" or not (kind == "e" or _SIZE.sub("", source_type) in _SAME_TEXT)


def typed(name: str, wanted: str, source_type: str) -> str:
    """Return the expression that makes a text column into a value of its destination type.

    Args:
        name: the column of texts.
        wanted: the destination type.
        source_type: the type as PostgreSQL formats it.
    """
    if wanted == "VARCHAR":
        # The blanks that pad a character(n) are no part of the value.
        return f"rtrim({name}, ' ')" if source_type.startswith("character(") else name
    if wanted == "BLOB":
        return f"unhex(substr({name}, 3))"
    if wanted in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        early = f"CAST(regexp_replace({name}, {_ERA}) AS {wanted})"
        return f"CASE WHEN ends_with({name}, 'BC') THEN {early} ELSE CAST({name} AS {wanted}) END"
    if source_type == "real":
        # Single precision first, as in the source: 0.1 is not the double 0.1.
        return f"CAST(CAST({name} AS FLOAT) AS {wanted})"
    if wanted.startswith("DECIMAL"):
        # No decimal says "not a number" here.
        return f"CAST(nullif({name}, 'NaN') AS {wanted})"
    return f"CAST({name} AS {wanted})"


def rendered(
    connection: Any, template: str, source_type: str, texts: list[str | None]
) -> list[str | None] | None:
    """Have PostgreSQL write values whose form only it knows.

    Args:
        connection: an open connection with autocommit.
        template: how a value is written, ``{}`` in its place.
        source_type: the values' type.
        texts: the values as the stream carries them.

    Returns:
        The values as they are to land; None where they are no longer ones of the type.
    """
    import psycopg

    value = template.replace("{}", f"v::{source_type}")
    try:
        rows = connection.execute(
            f"SELECT {value} FROM unnest(%s::text[]) WITH ORDINALITY u(v, n) ORDER BY n", (texts,)
        ).fetchall()
    except (psycopg.DataError, psycopg.ProgrammingError):
        return None
    return [text for (text,) in rows]
