"""What differs between warehouses when a check becomes SQL.

Identifiers, literals, regular expressions and counting, for DuckDB and Snowflake. Which SQL is
written with them is ``predicates``' business.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import Relation


@dataclass(frozen=True)
class Dialect:
    """How one warehouse writes the few things that differ."""

    name: str

    def identifier(self, name: str) -> str:
        """Quote a name; Snowflake keeps unquoted names in capitals, so we ask for those."""
        text = name.upper() if self.name == "snowflake" else name
        return '"' + text.replace('"', '""') + '"'

    def relation(self, relation: Relation) -> str:
        """Return the quoted name of a table."""
        return f"{self.identifier(relation.schema)}.{self.identifier(relation.table)}"

    def literal(self, value: Any) -> str:
        """Write a value as SQL; text is always quoted, so that no value can become code."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float | Decimal):
            return str(value)
        if isinstance(value, datetime.datetime):
            return f"cast('{value.isoformat(sep=' ')}' as timestamp)"
        if isinstance(value, datetime.date):
            return f"cast('{value.isoformat()}' as date)"
        text = str(value).replace("'", "''")
        if self.name == "snowflake":
            text = text.replace("\\", "\\\\")
        return f"'{text}'"

    def matches(self, column: str, pattern: str) -> str:
        """Return the condition that a pattern is found in a column (anywhere, unless anchored)."""
        if self.name == "snowflake":
            # Snowflake's REGEXP_LIKE matches the whole text only.
            return f"regexp_instr({column}, {self.literal(pattern)}) > 0"
        return f"regexp_matches({column}, {self.literal(pattern)})"

    def like(self, column: str, pattern: str, escape: str | None = None) -> str:
        """Return the condition that a text is like a pattern of SQL, as PostgreSQL reads it."""
        if escape is None and "\\" in pattern:
            escape = "\\"
        escaped = f" escape {self.literal(escape)}" if escape else ""
        return f"{column} like {self.literal(pattern)}{escaped}"

    def quantile(self, column: str, share: float, between: bool = False) -> str:
        """Return the value below which a share of a column lies.

        Args:
            column: the column; missing values do not count.
            share: between 0 and 1.
            between: whether to interpolate, where the share falls between two values.
        """
        name = "percentile_cont" if between else "percentile_disc"
        return f"{name}({share!r}) within group (order by {column})"

    def count_if(self, predicate: str) -> str:
        """Count the rows that satisfy a condition."""
        if self.name == "snowflake":
            return f"count_if({predicate})"
        return f"count(*) filter (where {predicate})"

    def only_if(self, expression: str, condition: str | None) -> str:
        """Limit what an aggregate looks at."""
        return expression if condition is None else f"case when {condition} then {expression} end"

    def text(self, expression: str) -> str:
        """Cast to text."""
        return f"cast({expression} as varchar)"

    def hours_since(self, expression: str) -> str:
        """Return the hours between a point in time and now."""
        if self.name == "snowflake":
            return f"datediff('second', {expression}, current_timestamp()) / 3600.0"
        return f"epoch(now() - cast({expression} as timestamptz)) / 3600.0"


DIALECTS = {name: Dialect(name) for name in ("duckdb", "snowflake")}


def dialect(name: str) -> Dialect:
    """Return a dialect by its name.

    Raises:
        UserError: checks cannot be compiled for this warehouse.
    """
    if name not in DIALECTS:
        raise UserError(f"Checks cannot run on the warehouse {name!r}.{nearest(name, DIALECTS)}")
    return DIALECTS[name]
