"""Where rows are missing from a PostgreSQL table, found without reading its keys.

Once every row of the source is live in the warehouse, a range of keys that counts as many rows on
both sides holds the same rows. Ranges are counted by the primary key's index, and only those that
differ are compared key by key. Tables that are small, or whose key is not one integer, are left to
the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import Column, Parts, Table
from dataplatform.local.fivetran.sql import ident, qualified

_ROWS_A_PART = 1000
_INTEGERS = ("smallint", "integer", "bigint")


def differing(
    session: Session, table: Table, ask: Callable[[str], list[tuple[Any, ...]]]
) -> Parts | None:
    """Return the parts of a table that have fewer rows in the source than in the warehouse.

    Args:
        session: the warehouse; every row of the source is live in it.
        table: the table.
        ask: runs a query in the source, in the snapshot that the rows came from.

    Returns:
        The parts; None where the table cannot be compared in parts.
    """
    column = _indexed(table)
    if column is None:
        return None
    cut = session.live_parts(table, column.name, _ROWS_A_PART)
    if cut is None:
        return None
    parts, held = cut
    # The count is a statement of its own for each part, so that the index answers it.
    counted = ask(
        f"SELECT p.n, (SELECT count(*) FROM {_range(table, column, parts)}) AS c "
        f"FROM {_numbers(parts)}"
    )
    there = dict(counted)
    return replace(parts, numbers=tuple(n for n in parts.numbers if there[n] != held[n]))


def keys_within(table: Table, parts: Parts) -> str:
    """Return PostgreSQL's query for the keys of some parts, under their destination names."""
    column = _indexed(table)
    assert column is not None
    return (
        f"SELECT t.{ident(column.source)} AS {ident(column.name)} FROM {_numbers(parts)} "
        f"CROSS JOIN LATERAL (SELECT * FROM {_range(table, column, parts)} OFFSET 0) t"
    )


def _indexed(table: Table) -> Column | None:
    """Return the column whose ranges an index can count: a primary key of one integer."""
    keys = [column for column in table.columns if column.key]
    alone = len(keys) == 1 and table.details["primary_key"] == [keys[0].source]
    fits = alone and table.details["single"] and keys[0].source_type in _INTEGERS
    return keys[0] if fits else None


def _numbers(parts: Parts) -> str:
    return f"unnest('{{{', '.join(map(str, parts.numbers))}}}'::bigint[]) AS p(n)"


def _range(table: Table, column: Column, parts: Parts) -> str:
    value = ident(column.source)
    first = f"({parts.low})::bigint + p.n * {parts.width}"
    return (
        f"{qualified(table.schema, table.name)} "
        f"WHERE {value} >= {first} AND {value} < {first} + {parts.width}"
    )
