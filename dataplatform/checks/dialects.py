"""What differs between warehouses when a check becomes SQL.

Identifiers, literals, types, regular expressions and counting, for DuckDB, Snowflake and BigQuery.
Which SQL is written with them is ``predicates``' business.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataplatform.checks.portable_sql import portable_pattern
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import Relation

#: How BigQuery writes what would end a text.
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}
_TYPE_WORD = re.compile(r"\b(?:varchar|double|timestamptz)\b")
#: Into how many steps BigQuery divides a column's values.
_STEPS = 1000


@dataclass(frozen=True)
class Dialect:
    """How one warehouse writes the few things that differ."""

    name: str

    def identifier(self, name: str) -> str:
        """Quote a name; Snowflake keeps unquoted names in capitals, so we ask for those."""
        if self.name == "bigquery":
            return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
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
            kind = "datetime" if self.name == "bigquery" and value.tzinfo is None else "timestamp"
            return f"cast('{value.isoformat(sep=' ')}' as {kind})"
        if isinstance(value, datetime.date):
            return f"cast('{value.isoformat()}' as date)"
        if self.name == "bigquery":
            return "'" + "".join(_ESCAPES.get(one, one) for one in str(value)) + "'"
        text = str(value).replace("'", "''")
        if self.name == "snowflake":
            text = text.replace("\\", "\\\\")
        return f"'{text}'"

    def matches(self, column: str, pattern: str) -> str:
        """Return the condition that a pattern is found in a column (anywhere, unless anchored).

        Raises:
            NotPortable: the warehouse would not read the pattern as the others do.
        """
        pattern = portable_pattern(pattern, self.name)
        if self.name == "snowflake":
            # Snowflake's REGEXP_LIKE matches the whole text only.
            return f"regexp_instr({column}, {self.literal(pattern)}) > 0"
        if self.name == "bigquery":
            return f"regexp_contains({column}, {self.literal(pattern)})"
        return f"regexp_matches({column}, {self.literal(pattern)})"

    def like(self, column: str, pattern: str, escape: str | None = None) -> str:
        """Return the condition that a text is like a pattern of SQL, as PostgreSQL reads it."""
        if self.name == "bigquery":
            # A backslash escapes there, and nothing else can.
            return f"{column} like {self.literal(_with_backslashes(pattern, escape))}"
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
        if self.name == "bigquery":
            # Its exact percentiles are no aggregates: this is the nearest of a thousand steps.
            steps = f"approx_quantiles({column}, {_STEPS})"
            return f"{steps}[safe_offset({round(share * _STEPS)})]"
        name = "percentile_cont" if between else "percentile_disc"
        return f"{name}({share!r}) within group (order by {column})"

    def median(self, column: str) -> str:
        """Return the middle value of a column."""
        if self.name == "bigquery":
            return self.quantile(column, 0.5)
        return f"median({column})"

    def among(self, columns: list[str], query: str) -> str:
        """Return the condition that columns together are a row of a query.

        Args:
            columns: quoted names.
            query: what follows the columns in ``select``; begins with ``from``.
        """
        listed = ", ".join(columns)
        if len(columns) == 1:
            return f"{listed} in (select {listed} {query})"
        if self.name == "bigquery":
            return f"struct({listed}) in (select struct({listed}) {query})"
        return f"({listed}) in (select {listed} {query})"

    def count_if(self, predicate: str) -> str:
        """Count the rows that satisfy a condition."""
        if self.name == "bigquery":
            return f"countif({predicate})"
        if self.name == "snowflake":
            return f"count_if({predicate})"
        return f"count(*) filter (where {predicate})"

    def only_if(self, expression: str, condition: str | None) -> str:
        """Limit what an aggregate looks at."""
        return expression if condition is None else f"case when {condition} then {expression} end"

    def text(self, expression: str) -> str:
        """Cast to text."""
        return f"cast({expression} as {self.text_type})"

    def digest(self, text: str) -> str:
        """Return the 32 small hexadecimal digits that stand for a text."""
        return f"to_hex(md5({text}))" if self.name == "bigquery" else f"md5({text})"

    def double(self, expression: str) -> str:
        """Cast to a number of double precision."""
        return f"cast({expression} as {self.double_type})"

    @property
    def text_type(self) -> str:
        """The type of text."""
        return "string" if self.name == "bigquery" else "varchar"

    @property
    def double_type(self) -> str:
        """The type of numbers of double precision."""
        return "float64" if self.name == "bigquery" else "double"

    @property
    def instant_type(self) -> str:
        """The type of points in time, whatever the zone they are told in."""
        return "timestamp" if self.name == "bigquery" else "timestamptz"

    def declared(self, columns: str) -> str:
        """Return the columns of a table in this warehouse's types; given in those of DuckDB."""
        names = {
            "varchar": self.text_type,
            "double": self.double_type,
            "timestamptz": self.instant_type,
        }
        return _TYPE_WORD.sub(lambda found: names[found[0]], columns)

    def listing(self, view: str, schemas: Collection[str]) -> str:
        """Return what lists the tables or columns of schemas, to be selected from.

        Args:
            view: of the information schema: ``tables`` or ``columns``.
            schemas: their names, in small letters.
        """
        if self.name == "bigquery":
            each = (
                f"select * from {self.identifier(one)}.INFORMATION_SCHEMA.{view.upper()}"
                for one in sorted(schemas)
            )
            return f"({' union all '.join(each)}) as listed"
        names = ", ".join(self.literal(one) for one in sorted(schemas))
        return (
            f"(select * from information_schema.{view} "
            f"where lower(table_schema) in ({names})) as listed"
        )

    def bare_type(self, expression: str) -> str:
        """Return the name of a type without its digits, in small letters; ``list`` for lists."""
        if self.name == "bigquery":
            bare = f"trim(lower(split({expression}, '(')[safe_offset(0)]))"
            return f"case when starts_with({expression}, 'ARRAY<') then 'list' else {bare} end"
        bare = f"trim(split_part(lower({expression}), '(', 1))"
        return f"case when {expression} like '%]' then 'list' else {bare} end"

    def hours_since(self, expression: str) -> str:
        """Return the hours between a point in time and now."""
        if self.name == "snowflake":
            return f"datediff('second', {expression}, current_timestamp()) / 3600.0"
        if self.name == "bigquery":
            since = f"timestamp_diff(current_timestamp(), timestamp({expression}), second)"
            return f"{since} / 3600.0"
        return f"epoch(now() - cast({expression} as timestamptz)) / 3600.0"


def _with_backslashes(pattern: str, escape: str | None) -> str:
    """Return a pattern of LIKE whose escape character is the backslash."""
    if escape in (None, "\\"):
        return pattern
    found, after = [], iter(pattern)
    for one in after:
        found.append("\\" + next(after, "") if one == escape else one.replace("\\", "\\\\"))
    return "".join(found)


DIALECTS = {name: Dialect(name) for name in ("duckdb", "snowflake", "bigquery")}


def dialect(name: str) -> Dialect:
    """Return a dialect by its name.

    Raises:
        UserError: checks cannot be compiled for this warehouse.
    """
    if name not in DIALECTS:
        raise UserError(f"Checks cannot run on the warehouse {name!r}.{nearest(name, DIALECTS)}")
    return DIALECTS[name]
