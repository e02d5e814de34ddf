"""Which expression made a column: found in a model's compiled SQL, through its own CTEs.

Where a value differs between engines, the expression on each side is what a reader must compare.
"""

from __future__ import annotations

from typing import Any


def expression_of(sql: str, column: str, dialect: str) -> str:
    """Return the expression that makes a column of a query, in the query's own words.

    Args:
        sql: a compiled model.
        column: the column's name.
        dialect: the SQL's dialect, by sqlglot's name.

    Returns:
        The expression nearest to the source that is more than a name, or the name itself.
    """
    import sqlglot
    from sqlglot import exp

    try:
        query: Any = sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError:
        return column
    bodies = {cte.alias.lower(): cte.this for cte in query.find_all(exp.CTE)}
    found = column
    seen: set[tuple[str, str]] = set()
    while isinstance(query, exp.Query) and (query.sql(), column) not in seen:
        seen.add((query.sql(), column))
        made = next((one for one in query.selects if one.alias_or_name.lower() == column), None)
        body = made.unalias() if made is not None else None
        if body is not None and not isinstance(body, exp.Column):
            return body.sql(dialect=dialect)
        if body is not None:
            found, column = body.sql(dialect=dialect), body.name.lower()
        query = bodies.get(_source(query, body))
    return found


def _source(query: Any, body: Any) -> str:
    """Return the name of what a plain column of a query is taken from, without its alias."""
    from sqlglot import exp

    sources = [query.args.get("from_"), *(query.args.get("joins") or [])]
    tables = [one.this for one in sources if one is not None and isinstance(one.this, exp.Table)]
    if body is not None and body.table:
        tables = [one for one in tables if one.alias_or_name.lower() == body.table.lower()]
    return tables[0].name.lower() if tables else ""
