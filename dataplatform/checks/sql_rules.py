"""Rules that their author wrote as SQL.

Placeholders are filled in, a rule that could write is refused, and the common form
``SELECT count(*) FROM table WHERE …`` is recognised so that it joins the table's one scan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TABLE = "__dataplatform_table__"
_PLACEHOLDER = re.compile(r"\$?\{\s*(\w+)\s*\}")
_TABLE_WORDS = {"table", "object", "model", "relation", "batch"}
_COLUMN_WORDS = {"column", "field", "property"}


@dataclass(frozen=True)
class SqlRule:
    """A rule's query with its placeholders filled.

    Attributes:
        query: one SELECT with ``TABLE`` where the table's name belongs.
        predicate: the WHERE condition, when the query only counts rows of the table.
        columns: columns of the table that the predicate names.
    """

    query: str
    predicate: str | None = None
    columns: tuple[str, ...] = ()


def read_query(query: str, column: str | None, schema: str = "") -> SqlRule:
    """Fill a query's placeholders and look through it.

    Args:
        query: SQL as written in the contract.
        column: the column under which the rule stands, or None.
        schema: the table's schema, for the placeholder ``{schema}``.

    Raises:
        ValueError: not one readable SELECT, or an unknown placeholder; the text says which.
    """

    def fill(match: re.Match[str]) -> str:
        word = match.group(1).lower()
        if word in _TABLE_WORDS:
            return TABLE
        if word in _COLUMN_WORDS:
            if column is None:
                raise ValueError(
                    f"the placeholder {match.group(0)} needs a rule that stands under a column"
                )
            return column
        if word == "schema":
            return schema
        raise ValueError(
            f"unknown placeholder {match.group(0)}; known are "
            "${table}, ${object}, ${column}, ${property} and ${schema}"
        )

    text = _PLACEHOLDER.sub(fill, query).strip().rstrip(";").strip()
    return _look_through(text)


def _look_through(text: str) -> SqlRule:
    import sqlglot
    from sqlglot import exp

    try:
        statements = [item for item in sqlglot.parse(text, read="duckdb") if item is not None]
    except sqlglot.errors.SqlglotError as error:
        first = str(error).splitlines()[0].strip()
        raise ValueError(f"the SQL cannot be read: {first}") from error
    if len(statements) != 1:
        raise ValueError("the rule must be exactly one SELECT statement")
    tree = statements[0]
    if not isinstance(tree, exp.Query):
        raise ValueError("a rule may only read: it must be a SELECT statement")
    if tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Command, exp.Into):
        raise ValueError("a rule may only read: it must be a SELECT statement")
    return _as_count(text, tree) or SqlRule(text)


def _as_count(text: str, tree: object) -> SqlRule | None:
    """Recognise ``select count(*) from <the table> where <condition>``."""
    from sqlglot import exp

    if not isinstance(tree, exp.Select):
        return None
    allowed = {"kind", "expressions", "from", "from_", "where"}
    if any(value for name, value in tree.args.items() if value and name not in allowed):
        return None
    source = tree.args.get("from") or tree.args.get("from_")
    where = tree.args.get("where")
    if source is None or where is None or len(tree.expressions) != 1:
        return None
    table, shown = source.this, tree.expressions[0].unalias()
    if not isinstance(table, exp.Table) or table.name != TABLE or table.args.get("joins"):
        return None
    if not isinstance(shown, exp.Count) or not isinstance(shown.this, exp.Star):
        return None
    condition = where.this.copy()
    if any(condition.find(kind) for kind in (exp.Query, exp.Window, exp.AggFunc)):
        return None
    names = {column.name.lower() for column in condition.find_all(exp.Column)}
    for column in condition.find_all(exp.Column):
        if column.table and column.table not in {table.alias, table.name}:
            return None
        column.set("table", None)
    return SqlRule(text, condition.sql(dialect="duckdb"), tuple(sorted(names)))


def with_table(query: str, table: str) -> str:
    """Put the table's name where the placeholder stood."""
    return query.replace(TABLE, table)


def translated(condition: str, dialect: str) -> str:
    """Return a condition of the table's one scan in another warehouse's SQL."""
    if dialect == "duckdb":
        return condition
    import sqlglot

    return sqlglot.transpile(condition, read="duckdb", write=dialect)[0]
