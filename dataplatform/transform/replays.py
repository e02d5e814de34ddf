"""The record of rows that were brought back, which the next build of their table must know of.

A table and its record; who brings rows back, and how, is the business of ``quarantine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.keys import PLATFORM, Relation

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
    session.execute(swap.schema(PLATFORM))
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {swap.name(REPLAYS)} "
        f"({swap.column('target')} {text}, {swap.column('replayed_at')} {text}, "
        f"{swap.column('who')} {text}, {swap.column('row_count')} {number})"
    )


def write_replay(
    session: Session, swap: Swap, relation: Relation, at: str, who: str, rows: int
) -> None:
    """Write down that rows of a table were brought back.

    Args:
        session: an open one.
        swap: how the warehouse writes names.
        relation: the table.
        at: when, in UTC.
        who: the person.
        rows: how many of them went back.
    """
    session.execute(
        f"INSERT INTO {swap.name(REPLAYS)} VALUES ({swap.literal(str(relation))}, "
        f"{swap.literal(at)}, {swap.literal(who)}, {rows})"
    )


def last_replays(warehouse: Warehouse, present: set[Relation]) -> dict[Relation, str]:
    """Return when rows of each table were last replayed; none where nothing ever was.

    Args:
        warehouse: where it is written down.
        present: the relations that exist.
    """
    if REPLAYS not in present:
        return {}
    swap = warehouse.swap
    rows = warehouse.query(
        f"SELECT {swap.column('target')}, max({swap.column('replayed_at')}) "
        f"FROM {swap.name(REPLAYS)} GROUP BY 1",
        "last replays",
    )
    return {Relation(*str(target).split(".", 1)): str(at) for target, at in rows}
