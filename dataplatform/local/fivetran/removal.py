"""How rows leave a table: marked deleted, closed, or removed, as the table's mode says.

Finds the held rows that are meant and ends them. Which rows are gone is known to the sources; what
arrives is in ``merge`` and ``history``.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from dataplatform.local.fivetran.history import closing
from dataplatform.local.fivetran.incoming import keys, matches
from dataplatform.local.fivetran.merge import moment
from dataplatform.local.fivetran.model import ACTIVE, DELETED, HISTORY, SYNCED, Parts, Table
from dataplatform.local.fivetran.sql import ident, listed

if TYPE_CHECKING:
    import duckdb

_GONE = "_fivetran_gone"
_FEW_PARTS = 64


def live(table: Table, alias: str = "t") -> str:
    """Return the condition that a held row is one that the source has."""
    if table.mode == HISTORY:
        return f"{alias}.{ident(ACTIVE)}"
    return f"NOT {alias}.{ident(DELETED)}" if table.marks_deleted else "true"


def by_keys(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    at: datetime,
    within: Parts | None = None,
) -> int:
    """End the live rows whose keys a query does not return.

    Args:
        engine: the connection, inside the sync's transaction.
        table: the table's description.
        place: its quoted name in the warehouse.
        select: a query that yields at least the key's columns (all columns where none is a key).
        at: written to every row that is marked or closed.
        within: the parts of the table that are meant; the whole table if not given.

    Returns:
        The rows ended.
    """
    held = _inside(place, within)
    engine.execute(
        f"CREATE TEMP TABLE {_GONE} AS SELECT {listed(table.key, 't')} FROM {held} t "
        f"ANTI JOIN ({keys(engine, table, place, select)}) s ON {matches(table, 's', 't')} "
        f"WHERE {live(table)}"
    )
    return _end(engine, table, place, at)


def live_parts(
    engine: duckdb.DuckDBPyConnection, table: Table, place: str, parts: Parts
) -> dict[int, int]:
    """Count the live rows of each part; see ``Session.live_parts``."""
    column, first = f"t.{ident(parts.column)}", parts.low
    counted = engine.execute(
        f"SELECT ({column}::BIGINT - ({first})) // {parts.width} AS part, count(*) FROM {place} t "
        f"WHERE {live(table)} AND {column} BETWEEN {first} AND {parts.high} GROUP BY part "
        f"UNION ALL SELECT 0, count(*) FROM {place} t WHERE {live(table)} AND {column} < {first} "
        f"UNION ALL SELECT {_last(parts)}, count(*) FROM {place} t WHERE {live(table)} "
        f"AND {column} > {parts.high}"
    ).fetchall()
    counts: Counter[int] = Counter()
    for number, count in counted:
        counts[number] += count
    return +counts


def _last(parts: Parts) -> int:
    return (parts.high - parts.low) // parts.width


def _inside(place: str, within: Parts | None) -> str:
    """Return the part of a table that is meant, as a relation."""
    if within is None:
        return place
    column = f"t.{ident(within.column)}"
    if len(within.numbers) <= _FEW_PARTS:
        # Ranges are looked for where they can be; anything else has every row looked at.
        ranges = [_range(column, within, number) for number in within.numbers] or ["false"]
        return f"({' UNION ALL '.join(f'SELECT * FROM {place} t WHERE {r}' for r in ranges)})"
    value = f"least(greatest({column}::BIGINT, {within.low}), {within.high})"
    part = f"({value} - ({within.low})) // {within.width}"
    return f"(SELECT * FROM {place} t WHERE {part} IN ({', '.join(map(str, within.numbers))}))"


def _range(column: str, parts: Parts, number: int) -> str:
    first = parts.low + number * parts.width
    ends = [f"{column} >= {first}"] if number else []
    if number < _last(parts):
        ends.append(f"{column} < {first + parts.width}")
    return " AND ".join(ends) or "true"


def absent_within(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    place: str,
    select: str,
    within: str,
    at: datetime,
) -> int:
    """End rows that a part which was read again no longer holds; return how many.

    Args:
        engine, table, place, at: as for ``by_keys``.
        select: a query that yields the rows that remain.
        within: only rows are meant whose value of this column the query returns as well.
    """
    engine.execute(
        f"CREATE TEMP TABLE {_GONE} AS SELECT {listed(table.key, 't')} FROM {place} t "
        f"WHERE {live(table)} AND t.{ident(within)} IN (SELECT {ident(within)} FROM ({select})) "
        f"AND NOT EXISTS (SELECT 1 FROM ({select}) s WHERE {matches(table, 's', 't')})"
    )
    return _end(engine, table, place, at)


def _end(engine: duckdb.DuckDBPyConnection, table: Table, place: str, at: datetime) -> int:
    row = engine.execute(f"SELECT count(*) FROM {_GONE}").fetchone()
    count = int(row[0]) if row else 0
    where = f"{live(table)} AND {matches(table, 's', 't')}"
    if count and (table.mode == HISTORY or table.marks_deleted):
        ended = (
            closing(at, followed=False)
            if table.mode == HISTORY
            else f"{ident(DELETED)} = true, {ident(SYNCED)} = {moment(at)}"
        )
        engine.execute(f"UPDATE {place} AS t SET {ended} FROM {_GONE} s WHERE {where}")
    elif count:
        engine.execute(f"DELETE FROM {place} AS t USING {_GONE} s WHERE {where}")
    engine.execute(f"DROP TABLE {_GONE}")
    return count
