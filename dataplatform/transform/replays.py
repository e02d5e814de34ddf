"""The record of rows that were brought back, which the next build of their table must know of.

A table and its record; who brings rows back, and how, is the business of ``quarantine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse import layout

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session, Warehouse
    from dataplatform.resources.warehouse.swap import Swap

#: What was replayed, and when: the next build of a table takes it into account.
REPLAYS = Relation(PLATFORM, "replays")


def make_replays(session: Session, swap: Swap) -> None:
    """Make the record where it is missing; before a transaction, which some warehouses would end.

    Args:
        session: an open one.
        swap: how the warehouse writes names.
    """
    text, number = swap.text_type, swap.number_type
    layout.ready(session, swap)
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {swap.name(REPLAYS)} "
        f"({swap.column('target')} {text}, {swap.column('replayed_at')} {text}, "
        f"{swap.column('who')} {text}, {swap.column('row_count')} {number})"
    )


def write_replay(
    swap: Swap, relation: Relation, at: str, who: str, returned: str, settled: str
) -> str:
    """Return the statement that writes down which rows are brought back; nothing where none are.

    Args:
        swap: how the warehouse writes names.
        relation: the table.
        at: when, in UTC.
        who: the person.
        returned: the rows that go back, as a table and a condition.
        settled: the rows that their table has by now, likewise.
    """
    named = ", ".join(map(swap.literal, (str(relation), at, who)))
    return (
        f"INSERT INTO {swap.name(REPLAYS)} SELECT {named}, sum(back) FROM "
        f"(SELECT 1 AS back FROM {returned} UNION ALL SELECT 0 AS back FROM {settled}) AS found "
        "HAVING count(*) > 0"
    )


def rows_replayed(session: Session, swap: Swap, relation: Relation, at: str) -> int:
    """Return how many rows went back into a table at a time.

    Args:
        session: an open one.
        swap: how the warehouse writes names.
        relation: the table.
        at: when, as it was written down.
    """
    rows = session.execute(
        f"SELECT {swap.column('row_count')} FROM {swap.name(REPLAYS)} "
        f"WHERE {swap.column('target')} = {swap.literal(str(relation))} "
        f"AND {swap.column('replayed_at')} = {swap.literal(at)}"
    )
    return int(rows[0][0]) if rows else 0


def last_replays(warehouse: Warehouse, present: set[Relation]) -> dict[Relation, str]:
    """Return when rows of each table were last replayed; none where nothing ever was.

    Args:
        warehouse: where it is written down.
        present: the relations that exist.
    """
    layout.check({one.table for one in present if one.schema == PLATFORM})
    if REPLAYS not in present:
        return {}
    swap = warehouse.swap
    rows = warehouse.query(
        f"SELECT {swap.column('target')}, max({swap.column('replayed_at')}) "
        f"FROM {swap.name(REPLAYS)} GROUP BY 1",
        "last replays",
    )
    return {Relation(*str(target).split(".", 1)): str(at) for target, at in rows}
