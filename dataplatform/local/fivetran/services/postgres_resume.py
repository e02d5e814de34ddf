"""Where change capture goes on: what of the log a table has seen, and when that is not enough.

Pure judgement on what was remembered; the reading is done in ``postgres_cdc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from dataplatform.local.fivetran.model import Table
from dataplatform.local.fivetran.services.postgres_slot import number, text

_EPOCH = 2**32


@dataclass(frozen=True)
class Snapshot:
    """What a table has seen: the log before ``lsn``, and before ``until`` what a snapshot saw.

    Args:
        lsn: transactions that committed before it are in the warehouse.
        snapshot: the snapshot the table was read in, as PostgreSQL writes it (xmin:xmax:xip).
        until: transactions that committed at or behind it cannot be in the snapshot.
    """

    lsn: int
    snapshot: str = ""
    until: int = 0

    @classmethod
    def of(cls, cursor: dict[str, Any] | None) -> Snapshot:
        """Return what a cursor remembers."""
        if cursor is None:
            return cls(0)
        return cls(
            number(cursor.get("lsn", "0/0")),
            cursor.get("snapshot", ""),
            number(cursor.get("until", "0/0")),
        )

    @property
    def first(self) -> int:
        """The oldest transaction that was open, or the next one if none was."""
        return int(self.snapshot.split(":")[0])

    def skips(self, commit: int, xid: int) -> bool:
        """Tell whether a transaction is in the warehouse already.

        Args:
            commit: where its commit lies in the log.
            xid: its number.
        """
        return commit < self.lsn or (commit < self.until and self.sees(xid))

    def sees(self, xid: int) -> bool:
        """Tell whether the snapshot sees a transaction, whose number lacks the epoch."""
        low, high, running = self.snapshot.split(":")
        first, following = int(low), int(high)
        # Within half a turn of the counter, as PostgreSQL itself compares.
        full = following + (xid - following + _EPOCH // 2) % _EPOCH - _EPOCH // 2
        if full >= following:
            return False
        return full < first or str(full) not in running.split(",")

    def reached(self, lsn: int) -> dict[str, str]:
        """Return what to remember once the log has been read to a place."""
        held = {"lsn": text(lsn)}
        if self.until > lsn:
            held |= {"snapshot": self.snapshot, "until": text(self.until)}
        return held


def reads_anew(
    cursor: dict[str, Any],
    table: Table,
    truncated: AbstractSet[int],
    told: Iterable[tuple[str, ...]],
) -> bool:
    """Tell whether a table must be read again although its log was followed.

    Columns may be dropped, and added without a value; all else that changes rows without telling
    them one by one (a rewrite, labels, types, partitions, another table of the name) asks for it.
    So does a new column by whose name another may have gone while rows were told.

    Args:
        cursor: what was remembered at the last sync.
        table: the table now.
        truncated: the transactions of which the log told that they emptied it, which renews its
            storage as a rewrite does.
        told: the columns it had while rows were told, in its order, of all times since.
    """
    old, new = cursor.get("shape"), table.details["shape"]
    if (
        old is None
        or not cursor.get("settled")
        or cursor.get("key", list(table.key)) != list(table.key)
    ):
        return True
    if old["table"] != new["table"] or any(
        # What it was rewritten for before it was emptied does not matter.
        before != now and by not in truncated
        for before, now, by in zip(
            old["nodes"], new["nodes"], table.details["changed_by"], strict=True
        )
    ):
        return True
    if cursor.get("signature") == table.signature:
        return False
    before, now = old["columns"], new["columns"]
    held, names = cursor.get("names", {}), {c.source: c.name for c in table.columns}
    known = {description[0] for description in before.values()}
    added = now.keys() - before.keys()
    for attribute, description in now.items():
        source = description[0]
        if attribute in added:
            filled = int(attribute) in new["filled"] or source in table.details["generated"]
            if filled or source in known:
                return True
        # A column that goes may leave its name in the warehouse to one that stays.
        elif before[attribute] != description or (
            source in names and held.get(source) != names[source]
        ):
            return True
    # A number or a name that came and went, or another order: rows may have been told under a name
    # that is another's now.
    order = [description[0] for description in now.values()]
    if added and (
        new["last"] - old.get("last", 0) != len(added)
        or any(
            not known.union(order).issuperset(then)
            or [name for name in then if name in order] != [name for name in order if name in then]
            for then in told
        )
    ):
        return True
    # Without a key a row's identity is made of all its columns.
    return not table.has_key


def added(cursor: dict[str, Any] | None, table: Table) -> frozenset[str]:
    """Return the destination names of the columns that came since a sync, without a value.

    Where the warehouse has a column of such a name, it still holds another's values.
    """
    if cursor is None or cursor.get("signature") == table.signature:
        return frozenset()
    before, now = cursor["shape"]["columns"], table.details["shape"]["columns"]
    new = {description[0] for number, description in now.items() if number not in before}
    return frozenset(column.name for column in table.columns if column.source in new)
