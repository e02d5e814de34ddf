"""The stream's messages in order, each row handed to its table.

How many rows wait before they are written is decided here, so that memory stays bounded whatever
the number of tables; what a table does with its rows is in ``postgres_changes``.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataplatform.local.fivetran.services.postgres_changes import Staged
from dataplatform.local.fivetran.services.postgres_pgoutput import (
    Begin,
    Commit,
    Message,
    Put,
    Relation,
    Row,
    Truncate,
)

_ROWS_WAITING = 20_000
_BYTES_WAITING = 32_000_000


class Collector:
    """Takes the stream's messages in order and hands rows to their tables."""

    def __init__(self, targets: dict[int, Staged]) -> None:
        self.targets = targets
        self.reached = 0
        self._seq = 0
        self._waiting = 0
        self._size = 0

    def collect(self, messages: Iterable[Message]) -> None:
        """Take messages to their end, files written."""
        targets = self.targets
        xid = commit = 0
        skipped: dict[int, bool] = {}
        for message in messages:
            if isinstance(message, (Put, Row)):
                target = targets.get(message.oid)
                if target is None:
                    continue
                if message.oid not in skipped:
                    skipped[message.oid] = target.skips(commit, xid)
                if skipped[message.oid]:
                    continue
                # A changed key takes two numbers.
                self._seq += 2
                if isinstance(message, Put):
                    target.put(message.data, self._seq, xid)
                    self._size += len(message.data)
                else:
                    target.row(message, self._seq, xid)
                    self._size += message.size
                self._waiting += 1
                if self._waiting >= _ROWS_WAITING or self._size >= _BYTES_WAITING:
                    self.flush()
            elif isinstance(message, Begin):
                xid, commit = message.xid, message.commit
                skipped = {}
            elif isinstance(message, Commit):
                self.reached = message.end
            elif isinstance(message, Relation):
                if message.oid in targets:
                    targets[message.oid].relation(message)
            elif isinstance(message, Truncate):
                self._seq += 2
                for oid in message.oids:
                    if oid in targets and not targets[oid].skips(commit, xid):
                        targets[oid].truncate(self._seq, xid)
        self.flush()

    def flush(self) -> None:
        """Have every table write what waits."""
        for target in self.targets.values():
            target.flush()
        self._waiting = self._size = 0
