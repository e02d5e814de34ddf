"""Rows that were set aside: what waits, and bringing back what keeps its rules now.

Plain Python over the warehouse. Rows come here inside dbt (``macros/quarantine.sql``), before
anything reads their table; a person repairs them here, or their rule, or their source. Every
change of a table and its quarantine is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataplatform.checks.dialects import dialect
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import QUARANTINE, Relation
from dataplatform.resources.warehouse.swap import Swap
from dataplatform.transform.quarantine_rules import QuarantineRules
from dataplatform.transform.replays import make_replays, rows_replayed, write_replay

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Session, Warehouse

#: What the quarantine adds to a row.
MARKS = ("_rule", "_quarantined_at", "_run_id", "_key", "_original", "_replayed_at")
_MASK = "***"


@dataclass(frozen=True)
class Waiting:
    """What waits in one quarantine.

    Attributes:
        rules: how many rows break each rule, or several rules together.
        replayed: rows that came back; they are remembered should their bad selves come again.
    """

    relation: Relation
    rules: dict[str, int]
    oldest: str
    replayed: int

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(self.rules.values())


@dataclass(frozen=True)
class Replayed:
    """What a replay did.

    Attributes:
        returned: rows that went back into their table.
        settled: rows whose table has them by now, as good ones: repaired at their source.
        waiting: rows that still break a rule.
    """

    relation: Relation
    returned: int
    settled: int
    waiting: int


class Quarantine:
    """The quarantines of one warehouse.

    Args:
        project: its contracts say which rules set rows aside.
        warehouse: where the tables are.
        patience: seconds to wait for a warehouse in use.
    """

    def __init__(self, project: Project, warehouse: Warehouse, patience: float = 20.0) -> None:
        self._warehouse = warehouse
        self._swap: Swap = warehouse.swap
        self._contracts = {contract.relation: contract for contract in project.contracts}
        self._patience = patience

    def waiting(self) -> list[Waiting]:
        """Return what waits, by table."""
        with self._session("what waits in quarantine") as session:
            return [self._waiting(session, one) for one in self._relations(session)]

    def show(self, name: str, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and the waiting rows of a quarantine; masked columns are masked.

        Raises:
            UserError: nothing was ever set aside from such a table.
        """
        with self._session("rows in quarantine") as session:
            relation = self._find(session, name)
            columns = [*MARKS[:4], *self._columns(session, relation)]
            listed = ", ".join(self._swap.column(column) for column in columns)
            rows = session.execute(
                f"SELECT {listed} FROM {self._swap.name(relation.quarantined)} WHERE "
                f"{self._swap.column('_replayed_at')} IS NULL ORDER BY 2, 4 LIMIT {int(limit)}"
            )
        known = relation in self._contracts
        hidden = self._rules(relation).hidden() if known else set()
        return columns, [
            tuple(
                _MASK if column.lower() in hidden and value is not None else value
                for column, value in zip(columns, row, strict=True)
            )
            for row in rows
        ]

    def replay(self, name: str, who: str) -> Replayed:
        """Bring back the rows that keep their rules now; the others stay.

        Raises:
            UserError: nothing waits, the table is gone, or no contract says what a good row is.
        """
        with self._session(f"replay {name}") as session:
            relation = self._find(session, name)
            waiting = self._waiting(session, relation)
            if not waiting.rows:
                raise UserError(f"Nothing of {relation} waits in quarantine.")
            columns = self._columns(session, relation)
            there = {name.lower() for name in self._warehouse.columns(relation, session) or ()}
            if not there:
                raise UserError(f"{relation} is not there to take its rows back: build it first.")
            kept = [column for column in columns if column.lower() in there]
            return self._replay(session, relation, kept, waiting, who)

    def drop(self, name: str) -> int:
        """Delete the rows that wait, for good; return how many.

        Raises:
            UserError: nothing waits there.
        """
        with self._session(f"drop the quarantine of {name}") as session:
            relation = self._find(session, name)
            waiting = self._waiting(session, relation)
            if not waiting.rows:
                raise UserError(f"Nothing of {relation} waits in quarantine.")
            session.execute(
                f"DELETE FROM {self._swap.name(relation.quarantined)} "
                f"WHERE {self._swap.column('_replayed_at')} IS NULL"
            )
            return waiting.rows

    def _replay(
        self,
        session: Session,
        relation: Relation,
        columns: Sequence[str],
        waiting: Waiting,
        who: str,
    ) -> Replayed:
        swap, q = self._swap, self._swap.name(relation.quarantined)
        rules = self._rules(relation)
        table, key, bad = swap.name(relation), rules.key(columns), rules.bad()
        listed = ", ".join(swap.column(column) for column in columns)
        replayed, keyed = swap.column("_replayed_at"), swap.column("_key")
        good = f"{replayed} IS NULL AND NOT ({bad})"
        # What its table has by now, under the same key, was repaired at its source.
        there = f"{replayed} IS NULL AND {keyed} IN (SELECT {key} FROM {table})"
        settled, returned = f"{q} WHERE {there}", f"{q} WHERE {good} AND NOT ({there})"
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        make_replays(session, swap)
        self._warehouse.together(
            session,
            [
                # A key may have been repaired too: it is told anew from the row as it is.
                f"UPDATE {q} SET {keyed} = {key} WHERE {good}",
                write_replay(swap, relation, now, who, returned, settled),
                f"DELETE FROM {settled}",
                f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {q} WHERE {good}",
                f"UPDATE {q} SET {replayed} = '{now}' WHERE {good}",
            ],
        )
        back, left = (
            rows_replayed(session, swap, relation, now),
            self._waiting(session, relation).rows,
        )
        return Replayed(relation, back, waiting.rows - left - back, left)

    def _rules(self, relation: Relation) -> QuarantineRules:
        if relation not in self._contracts:
            raise UserError(
                f"No contract is about {relation} any more, so nothing says which rows are good: "
                f"drop its quarantine, or write the contract."
            )
        contract = self._contracts[relation]
        return QuarantineRules(contract, self._swap, dialect(self._warehouse.dialect))

    def _session(self, purpose: str) -> Any:
        return self._warehouse.session(purpose, self._patience)

    def _relations(self, session: Session) -> list[Relation]:
        names = sorted(self._swap.tables(session, QUARANTINE))
        known = {str(one.quarantined.table).lower(): one for one in self._contracts}
        return [known.get(name) or Relation(*name.split("__", 1)) for name in names if "__" in name]

    def _find(self, session: Session, name: str) -> Relation:
        relations = self._relations(session)
        matching = [one for one in relations if name in (str(one), one.table)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise UserError(f"{name!r} may be {' or '.join(map(str, matching))}: say which.")
        if not relations:
            raise UserError(f"Nothing is in quarantine, of {name} or of any other table.")
        raise UserError(
            f"Nothing of {name} was ever set aside.{nearest(name, [str(one) for one in relations])}"
        )

    def _waiting(self, session: Session, relation: Relation) -> Waiting:
        rule, replayed = self._swap.column("_rule"), self._swap.column("_replayed_at")
        rows = session.execute(
            f"SELECT {rule}, count(*), count({replayed}), "
            f"cast(min({self._swap.column('_quarantined_at')}) AS {self._swap.text_type}) "
            f"FROM {self._swap.name(relation.quarantined)} GROUP BY 1"
        )
        waiting = {name: int(total) - int(back) for name, total, back, _ in rows}
        return Waiting(
            relation,
            {name: count for name, count in sorted(waiting.items()) if count},
            min((str(at)[:16] for _, total, back, at in rows if total > back), default=""),
            sum(int(back) for _, _, back, _ in rows),
        )

    def _columns(self, session: Session, relation: Relation) -> list[str]:
        found = self._warehouse.columns(relation.quarantined, session) or {}
        return [name for name in found if name.lower() not in MARKS]
