"""The journal of publications: ``dataplatform.publications``, one row for each table published.

A row says how far its publication came: ``preparing`` (rows are being copied, nobody sees them),
``prepared`` (from here on it is finished, never undone), ``done``; a version whose rows are gone is
``dropped``, one that never came to be is ``undone``. What is done with a row is said in
``publishing``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields

from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse import layout
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.swap import Swap

TABLE = Relation(PLATFORM, "publications")
#: Rows kept of each table: what happened, long after its versions are gone.
HISTORY = 50

PREPARING, PREPARED, DONE = "preparing", "prepared", "done"
DROPPED, UNDONE = "dropped", "undone"
PUBLISH, ROLLBACK, RELEASE = "publish", "rollback", "release"


@dataclass(frozen=True)
class Entry:
    """One row of the journal; ``publication`` sorts by time and is shared by its group."""

    publication: str
    target: str
    action: str
    state: str
    version: str
    data_version: str
    held_version: str
    row_count: int
    who: str
    why: str
    run_id: str
    keep: int

    @property
    def relation(self) -> Relation:
        """The published table."""
        return Relation(*self.target.split(".", 1))


_NAMES = [one.name for one in fields(Entry)]
_NUMBERS = {"row_count", "keep"}


class Journal:
    """Reads and writes the journal in one session.

    Args:
        session: an open session.
        swap: how the warehouse writes SQL.
    """

    def __init__(self, session: Session, swap: Swap) -> None:
        self._session = session
        self._swap = swap
        self._table = swap.name(TABLE)

    def make(self) -> None:
        """Make the journal where it is missing.

        Raises:
            UserError: a newer version of the platform has written it.
        """
        if TABLE.table in layout.ready(self._session, self._swap):
            return
        columns = ", ".join(
            f"{self._swap.column(name)} "
            + (self._swap.number_type if name in _NUMBERS else self._swap.text_type)
            for name in _NAMES
        )
        self._session.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")

    def exists(self) -> bool:
        """Return whether anything was ever published by journal.

        Raises:
            UserError: a newer version of the platform has written it.
        """
        tables = self._swap.tables(self._session, TABLE.schema)
        layout.check(tables)
        return TABLE.table in tables

    def entries(
        self, targets: Collection[Relation] | None = None, *, unfinished: bool = False
    ) -> list[Entry]:
        """Return the rows of some tables or of all, the oldest first.

        Args:
            targets: the published tables; None for all.
            unfinished: leave out what is done.
        """
        names = ", ".join(map(self._swap.column, _NAMES))
        conditions = []
        if targets is not None:
            listed = ", ".join(self._swap.literal(str(one)) for one in sorted(targets))
            conditions.append(f"{self._swap.column('target')} IN ({listed or 'NULL'})")
        if unfinished:
            conditions.append(f"{self._swap.column('state')} <> {self._swap.literal(DONE)}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._session.execute(f"SELECT {names} FROM {self._table}{where}")
        found = [
            Entry(
                **{
                    name: int(value) if name in _NUMBERS else str(value)
                    for name, value in zip(_NAMES, row, strict=True)
                }  # type: ignore[arg-type]
            )
            for row in rows
        ]
        return sorted(found, key=lambda one: (one.publication, one.target))

    def write(self, entries: Iterable[Entry]) -> None:
        """Add rows in one statement."""
        values = ", ".join(
            "("
            + ", ".join(
                str(value) if isinstance(value, int) else self._swap.literal(value)
                for value in astuple(entry)
            )
            + ")"
            for entry in entries
        )
        names = ", ".join(map(self._swap.column, _NAMES))
        self._session.execute(f"INSERT INTO {self._table} ({names}) VALUES {values}")

    def say(self, publication: str, state: str) -> None:
        """Set the state of a whole group in one statement."""
        self._session.execute(
            f"UPDATE {self._table} SET {self._swap.column('state')} = {self._swap.literal(state)} "
            f"WHERE {self._swap.column('publication')} = {self._swap.literal(publication)}"
        )

    def dropped(self, entries: Collection[Entry]) -> None:
        """Say of some versions that their rows are gone."""
        if not entries:
            return
        either = " OR ".join(
            f"({self._swap.column('publication')} = {self._swap.literal(one.publication)} "
            f"AND {self._swap.column('target')} = {self._swap.literal(one.target)})"
            for one in entries
        )
        self._session.execute(
            f"UPDATE {self._table} SET {self._swap.column('state')} = "
            f"{self._swap.literal(DROPPED)} WHERE {either}"
        )

    def forget(self, entries: Collection[Entry]) -> None:
        """Delete rows that are older than anybody asks for."""
        for one in entries:
            self._session.execute(
                f"DELETE FROM {self._table} WHERE {self._swap.column('publication')} = "
                f"{self._swap.literal(one.publication)} "
                f"AND {self._swap.column('target')} = {self._swap.literal(one.target)}"
            )
