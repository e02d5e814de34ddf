"""The shared table that every expectation is judged on, the same rows on every engine.

Forty rows with what makes engines differ: missing values, empty text, an outlier, ties, text that
looks like a date or like JSON. The rows are written out by a rule, so that no engine makes them.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

SCHEMA, TABLE, OTHER = "raw_shop", "things", "other_things"
TYPES = {
    "id": "integer",
    "n": "integer",
    "x": "double precision",
    "same": "integer",
    "up": "integer",
    "down": "integer",
    "a": "integer",
    "b": "integer",
    "c": "integer",
    "code": "varchar",
    "email": "varchar",
    "color": "varchar",
    "doc": "varchar",
    "bad_doc": "varchar",
    "day_text": "varchar",
    "any_date": "varchar",
    "blank": "varchar",
    "day": "date",
    "at": "timestamp",
    "nothing": "integer",
}


def rows() -> list[dict[str, Any]]:
    """Return the table's rows; None is a missing value."""
    found = []
    start = datetime.date(2025, 1, 1)
    for i in range(1, 41):
        day = start + datetime.timedelta(days=i)
        found.append(
            {
                "id": i,
                "n": None if i % 8 == 0 else i % 10,
                "x": 1000.0 if i == 40 else 10.0 + (i % 7) * 0.5,
                "same": 7,
                "up": i * 2,
                "down": -(i // 2),
                "a": i,
                "b": 100 - i if i != 13 else 50,
                "c": i if i % 10 else None,
                "code": f"AB{i:03d}" if i % 20 else "zz",
                "email": None if i % 10 == 0 else ("nobody" if i == 3 else f"user{i}@example.com"),
                "color": ("red", "green", "blue", None)[i % 4],
                "doc": None if i % 9 == 0 else json.dumps({"k": i, "s": "x"}),
                "bad_doc": "{no json" if i == 5 else json.dumps({"k": str(i) if i == 6 else i}),
                "day_text": "01/02/2025" if i == 7 else day.isoformat(),
                "any_date": "not a date" if i == 11 else day.strftime("%d %b %Y"),
                "blank": "" if i % 5 == 0 else "word" * (1 + i % 2),
                "day": day,
                "at": datetime.datetime.combine(day, datetime.time(i % 24)),
                "nothing": None,
            }
        )
    return found


def literal(value: Any) -> str:
    """Write a value as SQL that PostgreSQL and DuckDB both read."""
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(value)
    text = value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"


def statements() -> list[str]:
    """Return the SQL that makes the table and the other one, which has as many rows."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())
    values = ",\n".join(
        "(" + ", ".join(literal(row[name]) for name in TYPES) + ")" for row in rows()
    )
    return [
        f"create schema if not exists {SCHEMA}",
        f"create table {SCHEMA}.{TABLE} ({columns})",
        f"insert into {SCHEMA}.{TABLE} values {values}",
        f"create table {SCHEMA}.{OTHER} as select id from {SCHEMA}.{TABLE}",
        f"create table {SCHEMA}.fewer_things as select id from {SCHEMA}.{TABLE} where id < 9",
    ]
