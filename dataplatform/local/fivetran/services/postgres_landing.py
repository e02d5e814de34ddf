"""What the log told of a table, on its way from files into the warehouse.

The newest change of each key lands; rows of which the log leaves values out are read from the
source once more. Whether a table is followed by its log at all is decided in ``postgres_cdc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import UPSERT, Table, TableResult
from dataplatform.local.fivetran.services.postgres_changes import Staged
from dataplatform.local.fivetran.services.postgres_queries import picked
from dataplatform.local.fivetran.services.postgres_resume import Snapshot
from dataplatform.local.fivetran.sql import ident, listed, literal

_NEWEST = "_fivetran_newest"
# Keys asked for in one query where the log leaves values out.
_KEYS_AT_ONCE = 5000


@dataclass
class Read:
    """One table of a sync: what was remembered of it and what the log told since."""

    table: Table
    cursor: dict[str, Any] | None
    staged: Staged
    anew: bool


def land(
    session: Session,
    read: Read,
    seen: Snapshot | None,
    result: TableResult,
    attach: Callable[[Session], None],
) -> None:
    """Bring what the log told into the warehouse, but for what a snapshot has seen.

    Args:
        session: the transaction it lands in.
        read: the table and what was told of it.
        seen: the snapshot that its rows were just read in; None where they were not.
        result: counts the rows.
        attach: makes the source readable, where rows have to be asked for.
    """
    staged, table, engine = read.staged, read.table, session.engine
    if not staged.files:
        return
    unseen = None
    if seen is not None:
        numbers = [row[0] for row in engine.execute(staged.transactions()).fetchall()]
        unseen = [xid for xid in numbers if not seen.sees(xid)]
        if not unseen:
            return
    newest = f"({staged.newest(unseen)})"
    emptied = staged.truncated and engine.execute(staged.emptied(unseen)).fetchone() != (0,)
    # What is looked at more than once is worked out once.
    kept = emptied or staged.incomplete
    if kept:
        engine.execute(f"CREATE TEMP TABLE {_NEWEST} AS SELECT * FROM {newest}")
        newest = _NEWEST
    names = listed(column.name for column in table.columns)
    if emptied:
        rows = f"SELECT {names} FROM {newest} WHERE _kind = '{UPSERT}'"
        result.deleted += session.delete_absent(table, rows)
    told = f"SELECT {names}, _kind FROM {newest} WHERE NOT _again"
    for some in (told, *_again(session, read, attach)):
        inserted, updated, deleted = session.apply(table, some)
        result.inserted += inserted
        result.updated += updated
        result.deleted += deleted
    if kept:
        engine.execute(f"DROP TABLE {_NEWEST}")


def _again(session: Session, read: Read, attach: Callable[[Session], None]) -> Iterator[str]:
    """Yield queries that read rows from the source whose values the log leaves out.

    They are as of now, not as of the log; what happened to them between is told again later
    and then changes nothing.
    """
    if not read.staged.incomplete:
        return
    attach(session)
    keys = [column for column in read.table.columns if column.key]
    lists = ", ".join(f"list({ident(column.name)}::VARCHAR)" for column in keys)
    found = session.engine.execute(
        f"SELECT {lists} FROM (SELECT *, row_number() OVER () // {_KEYS_AT_ONCE} AS part "
        f"FROM {_NEWEST} WHERE _kind = '{UPSERT}' AND _again) GROUP BY part"
    ).fetchall()
    for part in found:
        arrays = ", ".join(
            f"ARRAY[{', '.join(literal(value) for value in values)}]::text[]::"
            f"{column.source_type}[]"
            for column, values in zip(keys, part, strict=True)
        )
        names = listed(column.source for column in keys)
        where = f"({names}) IN (SELECT * FROM unnest({arrays}))"
        rows = picked(read.table, where, read.table.columns)
        yield f"SELECT *, '{UPSERT}' AS _kind FROM ({rows})"
