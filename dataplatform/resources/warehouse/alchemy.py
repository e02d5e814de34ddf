"""A warehouse as SQLAlchemy reaches it, for tools that speak nothing else: Great Expectations.

Each adapter says how its engine is made; what holds for all of them is here. Such a tool only
reads, and where a warehouse has no connection that can do nothing else, its statements are looked
through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataplatform.declarations.errors import UserError

_READS = frozenset({"SELECT", "WITH", "SHOW", "DESC", "DESCRIBE"})


@dataclass(frozen=True)
class Alchemy:
    """An engine of SQLAlchemy, and what a tool must know to use it.

    Attributes:
        engine: opens connections that read.
        frame: gives a query's rows as a pandas frame, by an open connection of the engine; its
            columns bear the names that the query gives them, whatever the warehouse folds them to.
        dialect: SQL by sqlglot's name.
        settle: what a connection is told first, and again after a rollback; empty for nothing.
        patterns: SQLAlchemy's name of the dialect whose regular expressions are written as here,
            where tools do not know this one's; empty where they do.
    """

    engine: Any
    frame: Callable[[Any, str], Any]
    dialect: str
    settle: str = ""
    patterns: str = ""


def reading(engine: Any, dialect: str) -> Any:
    """Return an engine that refuses whatever is not one query, before it is sent.

    Args:
        engine: of SQLAlchemy.
        dialect: of its SQL, by sqlglot's name.
    """
    from sqlalchemy import event

    def look_through(_connection: Any, _cursor: Any, statement: str, *_: Any, **__: Any) -> None:
        if not is_query(statement, dialect):
            raise UserError("Great Expectations may only read: it was about to send another thing.")

    event.listen(engine, "before_cursor_execute", look_through)
    return engine


def is_query(statement: str, dialect: str) -> bool:
    """Say whether a text is exactly one statement that reads."""
    import sqlglot
    from sqlglot.tokens import TokenType

    try:
        tokens = sqlglot.tokenize(statement, read=dialect)
    except sqlglot.errors.SqlglotError:
        return False
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    first = next((one for one in tokens if one.token_type != TokenType.L_PAREN), None)
    several = any(one.token_type == TokenType.SEMICOLON for one in tokens)
    return first is not None and first.text.upper() in _READS and not several


def frame_of_arrow(table: Any) -> Any:
    """Return an Arrow table as a pandas frame, with the types that DuckDB's rows have there."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.from_arrow(table).df()
