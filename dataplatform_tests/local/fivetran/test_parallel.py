"""Tables are extracted a few at once, and a failure is told, not lost."""

from __future__ import annotations

import threading

import pytest

from dataplatform.local.fivetran.model import SyncFailure, Table
from dataplatform.local.fivetran.services.parallel import AT_ONCE, extract_each


def tables(count: int) -> list[Table]:
    return [Table("s", f"t{n}", "s", f"t{n}", ()) for n in range(count)]


def test_a_few_at_once_and_no_more() -> None:
    together = threading.Barrier(AT_ONCE)
    guard = threading.Lock()
    running = most = 0
    done: list[str] = []

    def extract(number: int, table: Table) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        # Passes only if as many are under way as may be.
        together.wait(20)
        with guard:
            running -= 1
            done.append(f"{number} {table.name}")

    extract_each(tables(2 * AT_ONCE), extract)
    assert most == AT_ONCE
    assert sorted(done) == [f"{n} t{n}" for n in range(2 * AT_ONCE)]


def test_a_failure_ends_it() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def extract(number: int, table: Table) -> None:
        begun.append(number)
        if number == 1:
            failed.set()
            raise SyncFailure(f"{table.name} is out of reach.")
        assert failed.wait(20)

    with pytest.raises(SyncFailure, match="t1 is out of reach"):
        extract_each(tables(100), extract)
    assert len(begun) < 100


def test_nothing_to_extract() -> None:
    extract_each([], lambda *_: pytest.fail("there is nothing"))
