"""Conditions on rows, as ``config/access.yml`` writes them, and in each warehouse's SQL.

Only comparisons of a table's own columns with written values are let through: a condition stands
in a policy that runs whenever somebody reads, so it must not call or read anything else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

_EXAMPLE = "write a comparison such as country = 'DE' or region in ('north', 'south')"


def columns_of(condition: str) -> tuple[str, ...]:
    """Return the columns that a condition reads, each once.

    Args:
        condition: as the file says it.

    Raises:
        ValueError: it is no condition, or does more than compare columns with values.
    """
    from sqlglot import exp

    return tuple(dict.fromkeys(one.name for one in _tree(condition).find_all(exp.Column)))


def row_condition(condition: str, dialect: str, prefix: str = "") -> str:
    """Return a condition in a warehouse's SQL, every name quoted as the warehouse writes it.

    Args:
        condition: as the file says it.
        dialect: the warehouse's dialect by sqlglot's name.
        prefix: put before each column's name, for a policy's own arguments.

    Raises:
        ValueError: as for ``columns_of``.
    """
    from sqlglot import exp

    tree = _tree(condition).copy()
    for column in tree.find_all(exp.Column):
        name = prefix + column.name
        folded = name.upper() if dialect == "snowflake" else name
        column.set("this", exp.to_identifier(folded, quoted=True))
    return tree.sql(dialect=dialect)


@lru_cache(maxsize=256)
def _tree(condition: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        # Within SELECT, a second statement or a trailing clause cannot pass for a condition.
        parsed: Any = sqlglot.parse(f"SELECT 1 WHERE {condition}", read="duckdb")
    except SqlglotError:
        raise ValueError(f"{condition!r} cannot be read as a condition: {_EXAMPLE}") from None
    where = parsed[0].args.get("where") if len(parsed) == 1 and parsed[0] else None
    said = {name for name, value in parsed[0].args.items() if value} if where else set()
    if where is None or said - {"expressions", "where", "kind", "hint", "distinct"}:
        raise ValueError(f"{condition!r} is not one condition: {_EXAMPLE}")
    allowed = (
        exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg,
        exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
        exp.In, exp.Between, exp.Is, exp.Like, exp.Cast, exp.DataType,
    )  # fmt: skip
    tree: exp.Expr = where.this
    for node in tree.walk():
        if not isinstance(node, allowed):
            raise ValueError(
                f"{condition!r} may only compare columns with values, and not use "
                f"{node.sql(dialect='duckdb')}: {_EXAMPLE}"
            )
        if isinstance(node, exp.Column) and len(node.parts) > 1:
            raise ValueError(f"{condition!r} may only name columns of its own table: {_EXAMPLE}")
    if not isinstance(tree, exp.Predicate | exp.Connector | exp.Not | exp.Paren | exp.Boolean):
        raise ValueError(f"{condition!r} is a value and not a condition: {_EXAMPLE}")
    if not isinstance(tree, exp.Boolean) and tree.find(exp.Column) is None:
        raise ValueError(f"{condition!r} names no column: {_EXAMPLE}")
    return tree
