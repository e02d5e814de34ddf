"""Authors' SQL in another warehouse's words, or a sentence about why it cannot be written there.

Authors write DuckDB's SQL. Most of it has a counterpart everywhere; what has none is refused here,
and so is what the other warehouse would read as something else: a rule that means two things is
worse than one that cannot be asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

#: Functions of DuckDB that rules are written with and that no other warehouse has.
_ONLY_DUCKDB = frozenset(
    {
        *("columns", "epoch_ms", "epoch_us", "isfinite", "isinf", "list_aggregate", "list_sum"),
        *("mad", "prefix", "strlen", "struct_extract", "suffix"),
    }
)
#: What regular expressions of Snowflake have not: (?…), lazy repeats, classes by property.
_NOT_SNOWFLAKES = re.compile(r"\(\?|[*+?}]\?|\\[pPQK]")


class NotPortable(UserError):
    """SQL that another warehouse cannot be asked, or would understand in another way."""


def translated(sql: str, dialect: str) -> str:
    """Return a condition or a query of an author's in a warehouse's SQL.

    Args:
        sql: in DuckDB's words.
        dialect: duckdb, snowflake or bigquery.

    Raises:
        NotPortable: the warehouse has nothing of the kind; the text says of what.
    """
    if dialect == "duckdb":
        return sql
    import sqlglot

    tree = sqlglot.parse_one(sql, read="duckdb").transform(_rewriter(dialect))
    try:
        return tree.sql(dialect=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.UnsupportedError as error:
        raise NotPortable(f"{_named(dialect)} cannot be asked this: {error}.") from error


def portable_pattern(pattern: str, dialect: str) -> str:
    """Return a regular expression that a warehouse reads as the others do.

    Raises:
        NotPortable: it does not.
    """
    found = _NOT_SNOWFLAKES.search(pattern) if dialect == "snowflake" else None
    if found is not None:
        raise NotPortable(
            f"Snowflake reads no {found[0]} in a regular expression, as in {pattern!r}: "
            "write the letters and repeats out."
        )
    return pattern


def _rewriter(dialect: str) -> Callable[[exp.Expr], exp.Expr]:
    from sqlglot import exp

    def rewritten(node: exp.Expr) -> exp.Expr:
        refused = _refused(node)
        if refused:
            raise NotPortable(f"{_named(dialect)} has no {refused}, which a rule here asks for.")
        if isinstance(node, exp.Anonymous) and node.name.lower() == "now":
            return exp.CurrentTimestamp()
        if isinstance(node, exp.TryCast):
            # Without this it would become a cast that fails.
            node.set("requires_string", True)
        if isinstance(node, exp.RegexpLike) and dialect == "snowflake":
            return _found_anywhere(node)
        return node

    return rewritten


def _refused(node: Any) -> str:
    """Return the word for what DuckDB alone has, or nothing."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous) and node.name.lower() in _ONLY_DUCKDB:
        return f"{node.name.lower()}()"
    if isinstance(node, exp.Columns | exp.StructExtract):
        return "columns()" if isinstance(node, exp.Columns) else "struct_extract()"
    if isinstance(node, exp.SimilarTo | exp.Glob):
        return "SIMILAR TO" if isinstance(node, exp.SimilarTo) else "GLOB"
    return "regexp_full_match()" if isinstance(node, exp.RegexpFullMatch) else ""


def _found_anywhere(node: Any) -> Any:
    """Search as DuckDB does: Snowflake's own REGEXP_LIKE matches the whole text alone."""
    from sqlglot import exp

    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        portable_pattern(pattern.name, "snowflake")
    place = exp.Anonymous(this="REGEXP_INSTR", expressions=[node.this, pattern])
    return exp.Paren(this=exp.GT(this=place, expression=exp.Literal.number(0)))


def _named(dialect: str) -> str:
    return {"snowflake": "Snowflake", "bigquery": "BigQuery"}.get(dialect, dialect)
