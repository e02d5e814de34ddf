"""The audit of promotions: ``dataplatform.promotions`` in the warehouse that is promoted to.

One row for each promotion: who, when, why, the approved difference, and which version of each
table was served before, so that a promotion that was killed can be undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse import layout
from dataplatform.resources.warehouse.publication import new_id

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session, Warehouse
    from dataplatform.resources.warehouse.swap import Swap

TABLE = Relation(PLATFORM, "promotions")
STARTED, DONE, UNDONE = "started", "done", "undone"
_NAMES = ("id", "source", "target", "digest", "who", "why", "state", "versions", "said", "ended")


@dataclass(frozen=True)
class Promotion:
    """One promotion.

    Attributes:
        id: sorts by time.
        source, target: the environments.
        digest: of the difference that was approved.
        state: ``started``, ``done`` or ``undone``.
        before: the version of each table that was served before; empty for a new table.
        said: how it ended, in a sentence.
        ended: when, in ISO's words; empty while it is not over.
    """

    source: str
    target: str
    digest: str
    who: str
    why: str
    before: Mapping[Relation, str]
    id: str = field(default_factory=new_id)
    state: str = STARTED
    said: str = ""
    ended: str = ""

    def over(self, state: str, said: str) -> Promotion:
        """Return the same, ended now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, state=state, said=said, ended=now)


def write(warehouse: Warehouse, one: Promotion) -> None:
    """Write a promotion down, or how it goes on."""
    swap = warehouse.swap
    with warehouse.session(f"record the promotion from {one.source}") as session:
        layout.ready(session, swap)
        columns = ", ".join(f"{swap.column(name)} {swap.text_type}" for name in _NAMES)
        session.execute(f"CREATE TABLE IF NOT EXISTS {swap.name(TABLE)} ({columns})")
        versions = json.dumps({str(table): version for table, version in one.before.items()})
        values = (one.id, one.source, one.target, one.digest, one.who, one.why, one.state)
        listed = ", ".join(map(swap.literal, (*values, versions, one.said, one.ended)))
        known = session.execute(f"SELECT count(*) FROM {swap.name(TABLE)} WHERE {_is(swap, one)}")[
            0
        ][0]
        if known:
            changes = (("state", one.state), ("said", one.said), ("ended", one.ended))
            told = ", ".join(f"{swap.column(n)} = {swap.literal(value)}" for n, value in changes)
            session.execute(f"UPDATE {swap.name(TABLE)} SET {told} WHERE {_is(swap, one)}")
        else:
            names = ", ".join(map(swap.column, _NAMES))
            session.execute(f"INSERT INTO {swap.name(TABLE)} ({names}) VALUES ({listed})")


def read(warehouse: Warehouse) -> list[Promotion]:
    """Return every promotion, the newest first."""
    with warehouse.session("promotions") as session:
        return _read(session, warehouse.swap)


def _read(session: Session, swap: Swap) -> list[Promotion]:
    tables = swap.tables(session, TABLE.schema)
    layout.check(tables)
    if TABLE.table not in tables:
        return []
    names = ", ".join(map(swap.column, _NAMES))
    found = []
    for row in session.execute(f"SELECT {names} FROM {swap.name(TABLE)}"):
        told = dict(zip(_NAMES, map(str, row), strict=True))
        versions = json.loads(told.pop("versions"))
        before = {Relation(*name.split(".", 1)): version for name, version in versions.items()}
        found.append(Promotion(before=before, **told))
    return sorted(found, key=lambda one: one.id, reverse=True)


def _is(swap: Swap, one: Promotion) -> str:
    return f"{swap.column('id')} = {swap.literal(one.id)}"
