"""One table as one role is shown it: its rows and columns, as a SELECT.

The same text serves a warehouse that keeps it as a view and a query that is rewritten on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataplatform.access.masks import masked_value
from dataplatform.checks.dialects import DIALECTS
from dataplatform.declarations.access_rows import row_condition

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.keys import Relation

#: How many masked columns a sentence names.
_NAMED = 5


def shown_select(
    rights: Rights,
    role: str,
    relation: Relation,
    columns: Mapping[str, str],
    dialect: str = "duckdb",
) -> str:
    """Return the SELECT of a table as a role is shown it.

    Args:
        rights: who may read what.
        role: who looks; it must read the table.
        relation: the table.
        columns: its columns, to the warehouse's names of their types.
        dialect: the warehouse's dialect by sqlglot's name.
    """
    quoted = DIALECTS[dialect].identifier
    said = []
    for name, native in columns.items():
        method = rights.hidden(role, relation, name)
        value = quoted(name)
        shown = masked_value(value, native, method, dialect) if method else value
        said.append(f"{shown} AS {value}" if method else value)
    table = DIALECTS[dialect].relation(relation)
    where = rights.rows(role, relation)
    if where is None:
        return f"SELECT {', '.join(said)} FROM {table}"
    either = " OR ".join(f"({row_condition(one, dialect)})" for one in where)
    return f"SELECT {', '.join(said)} FROM {table} WHERE {either}"


def masked_told(rights: Rights, role: str, relation: Relation, columns: Mapping[str, str]) -> str:
    """Return which columns a role sees masked, to end a sentence; empty for none."""
    hidden = [name for name in columns if rights.hidden(role, relation, name)]
    if not hidden:
        return ""
    if len(hidden) == len(columns):
        return ", every column masked"
    named = ", ".join(hidden[:_NAMED])
    more = len(hidden) - _NAMED
    return f", {named} and {more} more masked" if more > 0 else f", {named} masked"
