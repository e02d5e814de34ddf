"""Where change capture goes on: what of the log a table has seen, and when that is not enough.

Pure judgement on what was remembered; the reading is done in ``postgres_cdc``.
"""

from __future__ import annotations

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


def reads_anew(cursor: dict[str, Any], table: Table, truncated: bool) -> bool:
    """Tell whether a table must be read again although its log was followed.

    Columns may be dropped, and added without a value; all else that changes rows without telling
    them one by one (a rewrite, labels, types, partitions, another table of the name) asks for it.

    Args:
        cursor: what was remembered at the last sync.
        table: the table now.
        truncated: whether the log told that it was emptied, which renews its storage as well.
    """
    old, new = cursor.get("shape"), table.details["shape"]
    if (
        old is None
        or not cursor.get("settled")
        or cursor.get("key", list(table.key)) != list(table.key)
    ):
        return True
    if old["table"] != new["table"] or (old["nodes"] != new["nodes"] and not truncated):
        return True
    if cursor.get("signature") == table.signature:
        return False
    before, now = old["columns"], new["columns"]
    held = set(cursor.get("columns", ()))
    for attribute, description in now.items():
        wanted = any(column.source == description[0] for column in table.columns)
        if attribute in before:
            if before[attribute] != description or (wanted and description[0] not in held):
                return True
        elif int(attribute) in new["filled"]:
            return True
    # Without a key a row's identity is made of all its columns.
    return not table.has_key
