"""Where rows are missing: what the source is asked for, and what is compared key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import Column, Parts, Table
from dataplatform.local.fivetran.services.postgres_aside import Rows
from dataplatform.local.fivetran.services.postgres_deletes import Counts, count, differing

_KEY = Column("Id", "id", "BIGINT", key=True, source_type="bigint")


def table(key: Column = _KEY, **details: Any) -> Table:
    known = {"primary_key": [key.source], "single": True, **details}
    return Table("s", "t", "raw", "t", (key, Column("V", "v", "VARCHAR")), details=known)


class Warehouse:
    """A table that holds so many rows, and counts them as it is told."""

    def __init__(self, held: int, counts: dict[int, int] | None = None, kind: str = "BIGINT"):
        self.held = held
        self.counts = counts or {}
        self.kind = kind

    def held_count(self, _: Table) -> int:
        return self.held

    def live_count(self, _: Table) -> int:
        return self.held

    def columns(self, _: Table) -> dict[str, str]:
        return {"id": self.kind, "v": "VARCHAR"}

    def live_parts(self, _: Table, __: Parts) -> dict[int, int]:
        return self.counts


class Source:
    """A table whose keys lie between two numbers; notes what it was asked."""

    def __init__(self, low: int | None, high: int | None, counted: Rows | None = None) -> None:
        self.ends: Rows = [(low, high)]
        self.counted = counted or []
        self.asked: list[str] = []
        self.asked_aside: list[str] = []

    def ask(self, sql: str) -> Rows:
        if "min(" in sql:
            return self.ends
        self.asked.append(sql)
        return self.counted

    def aside(self, sql: str) -> Callable[[], Rows]:
        self.asked_aside.append(sql)
        return lambda: self.counted

    def count(self, warehouse: Warehouse, of: Table | None = None) -> Counts:
        session = cast(Session, warehouse)
        return count(session, of or table(), self.ask, self.aside)


@pytest.mark.parametrize(
    ("held", "low", "high"),
    [(1999, 1, 10**9), (10**6, None, None), (10**6, -(2**63), 5), (10**6, 1, 2**63 - 1)],
)
def test_what_is_not_cut_by_its_numbers(held: int, low: int | None, high: int | None) -> None:
    assert Source(low, high).count(Warehouse(held)).parts is None


@pytest.mark.parametrize(
    "uncut",
    [
        table(Column("Id", "id", "VARCHAR", key=True, source_type="text")),
        table(primary_key=["Id", "Sub"]),
        table(single=False),
    ],
)
def test_what_is_not_cut_by_its_key(uncut: Table) -> None:
    assert Source(1, 10**6).count(Warehouse(10**6), uncut).parts is None


def test_a_key_held_as_text_is_not_cut() -> None:
    assert Source(1, 10**6).count(Warehouse(10**6, kind="VARCHAR")).parts is None


@pytest.mark.parametrize(
    ("held", "low", "high"), [(2000, 1, 2000), (10**7, -5, 10**7), (10**7, 0, 10**15), (5000, 7, 7)]
)
def test_parts_cover_every_key_of_the_source(held: int, low: int, high: int) -> None:
    parts = Source(low, high).count(Warehouse(held)).parts
    assert parts is not None
    assert parts.numbers == tuple(range(len(parts.numbers)))
    assert 1 <= len(parts.numbers) <= min(held // 1000, 4096)
    assert parts.low + len(parts.numbers) * parts.width > high >= parts.low == low


def test_only_a_large_table_is_counted_on_the_side() -> None:
    small, large = Source(1, 10**6, [(0, 1)]), Source(1, 10**6, [(0, 1)])
    later = small.count(Warehouse(100_000))
    assert (small.asked, small.asked_aside) == ([], [])
    assert later.rows() == [(0, 1)]
    assert len(small.asked) == 1
    assert large.count(Warehouse(10**6)).rows() == [(0, 1)]
    assert (large.asked, len(large.asked_aside)) == ([], 1)


def test_parts_that_count_otherwise_are_compared() -> None:
    source = Source(1, 4000, [(0, 900), (1, 1000), (2, 0), (3, 10)])
    warehouse = Warehouse(4000, {0: 901, 1: 1000, 3: 2000})
    parts = differing(cast(Session, warehouse), table(), source.count(warehouse))
    assert parts is not None
    assert (parts.column, parts.low, parts.width, parts.numbers) == ("id", 1, 1000, (0, 3))


@pytest.mark.parametrize("gone", [0, 3])
def test_a_table_that_is_not_cut_is_compared_as_a_whole(gone: int) -> None:
    warehouse = Warehouse(100)
    counts = Source(None, None, [(0, 100 - gone)]).count(warehouse)
    parts = differing(cast(Session, warehouse), table(), counts)
    assert parts is None if gone else parts is not None and parts.numbers == ()
