"""A query as a role may ask it: what it may not read is refused, what it may not see is masked.

The query is rewritten: each table becomes what the role is shown of it. So a laptop answers as
production does, whatever was applied to its warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataplatform.access.showing import shown_select
from dataplatform.checks.sql_harm import refuse_harm
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import PUBLISHED, Relation

if TYPE_CHECKING:
    from sqlglot import exp

    from dataplatform.access.rights import Rights


def tables_of(query: str, dialect: str = "duckdb") -> tuple[Relation, ...]:
    """Return the tables that a query reads; one without a schema is a published one.

    Args:
        query: one SELECT.
        dialect: the warehouse's dialect by sqlglot's name.

    Raises:
        UserError: it is not one SELECT, or does more than read tables.
    """
    return tuple(dict.fromkeys(_relation(one) for one in _sources(_parsed(query, dialect))))


def rewritten(
    query: str,
    rights: Rights,
    role: str,
    columns: Mapping[Relation, Mapping[str, str]],
    dialect: str = "duckdb",
) -> str:
    """Return a query with each table replaced by what a role is shown of it.

    Args:
        query: one SELECT.
        rights: who may read what.
        role: who asks.
        columns: the columns of the tables that the query reads, to their types.
        dialect: the warehouse's dialect by sqlglot's name.

    Raises:
        UserError: it is not one SELECT, or reads a table that is not there or that the role may
            not read.
    """
    import sqlglot
    from sqlglot import exp

    tree = _parsed(query, dialect)
    rights.closure(role)
    for table in _sources(tree):
        relation = _relation(table)
        if not rights.reads(role, relation):
            may = sorted(str(one) for one in rights.tables if rights.reads(role, one))
            read = ", ".join(may[:8]) + (f" and {len(may) - 8} more" if len(may) > 8 else "")
            raise UserError(
                f"The role {role!r} may not read {relation}; it reads {read or 'no table'}."
            )
        if relation not in columns:
            raise UserError(
                f"The warehouse has no table {relation}."
                f"{nearest(str(relation), map(str, rights.tables))}"
            )
        shown = shown_select(rights, role, relation, columns[relation], dialect)
        inner = sqlglot.parse_one(shown, read=dialect)
        alias = table.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(relation.table, quoted=True)
        )
        replacement = exp.Subquery(this=inner, alias=alias)
        joins = table.args.get("joins")
        if joins:
            replacement.set("joins", joins)
        for name in ("pivots", "sample"):
            if table.args.get(name):
                raise UserError(f"A query as a role cannot {name.rstrip('s')} {relation}.")
        table.replace(replacement)
    _refuse_qualified(tree)
    return tree.sql(dialect=dialect)


def _parsed(query: str, dialect: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed: list[Any] = [one for one in sqlglot.parse(query, read=dialect) if one is not None]
    except SqlglotError as error:
        raise UserError(f"The query cannot be read: {str(error).splitlines()[0]}") from None
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise UserError("A query as a role is one SELECT.")
    try:
        refuse_harm(parsed[0])
    except ValueError as error:
        raise UserError(f"The query is refused: {error}.".replace("a rule", "it")) from None
    tree: exp.Expr = parsed[0]
    return tree


def _sources(tree: exp.Expr) -> list[exp.Table]:
    """Return the tables of a query that are no names of its own WITH."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    found: dict[int, exp.Table] = {}
    own: set[int] = set()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                found[id(source)] = source
        for table in scope.tables:
            if not table.db and table.name in scope.cte_sources:
                own.add(id(table))
    for table in tree.find_all(exp.Table):
        # What the scopes do not know is no table of ours to show, so it is never left as it is.
        if id(table) not in own:
            found.setdefault(id(table), table)
    return [one for key, one in found.items() if key not in own]


def _relation(table: exp.Table) -> Relation:
    if table.catalog:
        raise UserError(f"Name {table.name} as schema.table, without a database.")
    return Relation((table.db or PUBLISHED).lower(), table.name.lower())


def _refuse_qualified(tree: exp.Expr) -> None:
    """Take the schema from columns written as schema.table.column: the table has only its name."""
    from sqlglot import exp

    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)
