"""Where rows are missing from a PostgreSQL table, found without reading its keys.

Once every row of the source is live in the warehouse, a range of keys that counts as many rows on
both sides holds the same rows. Ranges are counted by the primary key's index, and only those that
differ are compared key by key. The rows of a table that is small, or whose key is not one integer,
are counted as a whole. A large table is counted on the side, while its changes are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import Column, Parts, Table
from dataplatform.local.fivetran.services.postgres_aside import Rows
from dataplatform.local.fivetran.sql import ident, qualified

_ROWS_A_PART = 1000
_MOST_PARTS = 4096
# From here on a connection of its own costs less than the wait for the count.
_MANY = 200_000
# No part may begin or end where numbers do.
_LARGEST = 2**62
_INTEGERS = ("smallint", "integer", "bigint")
_HELD_INTEGERS = ("INTEGER", "BIGINT")
_NOWHERE = Parts("", 0, 0, 1, ())


@dataclass(frozen=True)
class Counts:
    """The rows of a table in the source, of each part where it is cut; asked for, or yet to be."""

    parts: Parts | None
    rows: Callable[[], Rows]


def count(
    session: Session,
    table: Table,
    ask: Callable[[str], Rows],
    aside: Callable[[str], Callable[[], Rows]],
) -> Counts:
    """Begin to count a table's rows in the source.

    Args:
        session: the warehouse, which holds the table.
        table: the table.
        ask: runs a query in the source, in the snapshot that the rows come from.
        aside: begins to run one in that snapshot while others run; returns what waits for it.
    """
    held = session.held_count(table)
    parts = _cut(session, table, held, ask)
    place = qualified(table.schema, table.name)
    sql = f"SELECT 0 AS n, count(*) AS c FROM {place}"
    if parts is not None:
        # The count is a statement of its own for each part, so that the index answers it.
        counted = f"SELECT count(*) FROM {_range(table, parts)}"
        sql = f"SELECT p.n, ({counted}) AS c FROM {_numbers(parts)}"
    return Counts(parts, aside(sql) if held >= _MANY else lambda: ask(sql))


def differing(session: Session, table: Table, counts: Counts) -> Parts | None:
    """Return where a table has fewer rows in the source than in the warehouse.

    Args:
        session: the warehouse; every row of the source is live in it.
        table: the table.
        counts: the source's.

    Returns:
        The parts; without a number where no row is gone. None where rows are gone from a table
        that was not cut.
    """
    there: dict[int, int] = dict(counts.rows())
    if counts.parts is None:
        return None if there[0] != session.live_count(table) else _NOWHERE
    held = session.live_parts(table, counts.parts)
    numbers = tuple(n for n in counts.parts.numbers if there[n] != held.get(n, 0))
    return replace(counts.parts, numbers=numbers)


def keys_within(table: Table, parts: Parts) -> str:
    """Return PostgreSQL's query for the keys of some parts, under their destination names."""
    column = _indexed(table)
    assert column is not None
    return (
        f"SELECT t.{ident(column.source)} AS {ident(column.name)} FROM {_numbers(parts)} "
        f"CROSS JOIN LATERAL (SELECT * FROM {_range(table, parts)} OFFSET 0) t"
    )


def _cut(session: Session, table: Table, held: int, ask: Callable[[str], Rows]) -> Parts | None:
    """Cut a table into ranges of its key; None where it is small or its key does not allow it."""
    column = _indexed(table)
    wanted = min(held // _ROWS_A_PART, _MOST_PARTS)
    if column is None or wanted < 2 or session.columns(table)[column.name] not in _HELD_INTEGERS:
        return None
    key = ident(column.source)
    ((low, high),) = ask(
        f"SELECT min({key}) AS a, max({key}) AS b FROM {qualified(table.schema, table.name)}"
    )
    if low is None or low < -_LARGEST or high > _LARGEST or high - low > _LARGEST // 2:
        return None
    width = (high - low) // wanted + 1
    return Parts(column.name, low, high, width, tuple(range((high - low) // width + 1)))


def _indexed(table: Table) -> Column | None:
    """Return the column whose ranges an index can count: a primary key of one integer."""
    keys = [column for column in table.columns if column.key]
    alone = len(keys) == 1 and table.details["primary_key"] == [keys[0].source]
    fits = alone and table.details["single"] and keys[0].source_type in _INTEGERS
    return keys[0] if fits else None


def _numbers(parts: Parts) -> str:
    return f"unnest('{{{', '.join(map(str, parts.numbers))}}}'::bigint[]) AS p(n)"


def _range(table: Table, parts: Parts) -> str:
    column = _indexed(table)
    assert column is not None
    value = ident(column.source)
    first = f"({parts.low})::bigint + p.n * {parts.width}"
    return (
        f"{qualified(table.schema, table.name)} "
        f"WHERE {value} >= {first} AND {value} < {first} + {parts.width}"
    )
