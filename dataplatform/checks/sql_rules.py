"""Rules that their author wrote as SQL.

Placeholders are filled in, a rule that could write is refused, and the common form
``SELECT count(*) FROM table WHERE …`` is recognised so that it joins the table's one scan.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataplatform.checks.sql_harm import refuse_harm
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.keys import Relation

if TYPE_CHECKING:
    from sqlglot import exp

TABLE = "__dataplatform_table__"
TABLE_WORD = "table"
# One pair of braces or two, with or without the dollar.
_PLACEHOLDER = re.compile(r"\$?\{\{?\s*(\w+)\s*\}?\}")
# The table's name carries its schema already.
_SCHEMA_OF_TABLE = re.compile(
    r"\$?\{\{?\s*schema\s*\}?\}\s*\.\s*\$?\{\{?\s*(?:table|object|model)\s*\}?\}", re.IGNORECASE
)
_TABLE_WORDS = {"table", "object", "model", "relation", "batch", "dataset"}
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


def read_query(query: str, column: str | None, own: Iterable[Relation] = ()) -> SqlRule:
    """Fill a query's placeholders and look through it.

    Args:
        query: SQL as written in the contract.
        column: the column under which the rule stands, or None.
        own: what the query may call the rule's own table by; the first tells ``{schema}``.

    Raises:
        ValueError: not one readable SELECT, or an unknown placeholder; the text says which.
    """
    known = tuple(own)

    def fill(match: re.Match[str]) -> str:
        word = match.group(1).lower()
        if word in _TABLE_WORDS:
            return TABLE
        if word in _COLUMN_WORDS:
            if column is None:
                raise ValueError(
                    f"the placeholder {match.group(0)} needs a rule that stands under a column"
                )
            return column if is_identifier(column.lower()) else f'"{column}"'
        if word == "schema":
            return known[0].schema if known else ""
        hint = nearest(word, sorted(_TABLE_WORDS | _COLUMN_WORDS | {"schema"}))
        raise ValueError(
            f"unknown placeholder {match.group(0)}; known are "
            f"${{table}}, ${{object}}, ${{column}}, ${{property}} and ${{schema}}.{hint}"
        )

    text = _PLACEHOLDER.sub(fill, _SCHEMA_OF_TABLE.sub(f"{{{TABLE_WORD}}}", query))
    return _look_through(text.strip().rstrip("; \n").strip(), known)


def _look_through(text: str, own: Collection[Relation]) -> SqlRule:
    import sqlglot
    from sqlglot import exp

    try:
        statements = [item for item in sqlglot.parse(text, read="duckdb") if item is not None]
    except sqlglot.errors.SqlglotError as error:
        first = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", str(error).splitlines()[0]))
        raise ValueError(f"the SQL cannot be read: {first.strip().rstrip('.')}") from error
    if len(statements) != 1:
        raise ValueError("the rule must be exactly one SELECT statement")
    tree = statements[0]
    if not isinstance(tree, exp.Query):
        raise ValueError("a rule may only read: it must be a SELECT statement")
    refuse_harm(tree)
    if _own_table(tree, own):
        text = tree.sql(dialect="duckdb")
    return _as_count(text, tree) or SqlRule(text)


def _own_table(tree: exp.Expr, own: Collection[Relation]) -> bool:
    """Read the rule's table where the query names it outright; say whether it did.

    A mart is judged before it is published: what its consumers read would be the last version.
    """
    from sqlglot import exp

    named = {(one.schema.lower(), one.table.lower()) for one in own}
    local = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = False
    for table in list(tree.find_all(exp.Table)):
        name, schema = table.name.lower(), table.db.lower()
        if not table.name or table.catalog or (not schema and name in local):
            continue
        if (schema, name) in named or (not schema and name in {one for _, one in named}):
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(TABLE))
            table.set("db", None)
            found = True
    return found


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
