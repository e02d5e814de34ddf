"""The rules of a raw table on a real DuckDB file, each judged in the same session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dataplatform.checks.scope import INCREMENT
from dataplatform.checks.spec import Check, Threshold
from dataplatform.keys import Relation
from dataplatform.quality.raw_scan import judge
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.interface import Session

ORDERS = Relation("raw_shop", "orders")
SOME = Check("some_rows", ORDERS, "row_count", Threshold("ge", 1))
NEW = Check("new_rows", ORDERS, "row_count", Threshold("ge", 1), scope=INCREMENT)


class Counted(DuckDBAdapter):
    """A warehouse that counts how often it is opened."""

    opened = 0

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        self.opened += 1
        with super().session(purpose, patience) as session:
            yield session


@pytest.fixture
def warehouse(tmp_path: Path) -> Counted:
    return Counted(lambda: tmp_path / "warehouse.duckdb")


@pytest.mark.parametrize("column", ["_fivetran_synced", "day"])
def test_a_table_is_judged_in_one_session(warehouse: Counted, column: str) -> None:
    with warehouse.session("test") as session:
        session.execute("create schema raw_shop")
        session.execute(f"create table raw_shop.orders as select 1 as id, now() as {column}")
    warehouse.opened = 0
    judged = judge(warehouse, [SOME, NEW], {}, day="day")
    assert [(one.name, one.passed) for one in judged.verdicts] == [
        ("some_rows", True),
        ("new_rows", True),
    ]
    assert set(judged.until) == {"new_rows"}
    assert warehouse.opened == 1


def test_a_table_without_a_time_has_no_new_rows(warehouse: Counted) -> None:
    with warehouse.session("test") as session:
        session.execute("create schema raw_shop")
        session.execute("create table raw_shop.orders as select 1 as id")
    judged = judge(warehouse, [NEW, SOME], {})
    new, some = judged.verdicts
    assert new.error and "so no rows are new" in new.error and not new.passed
    assert some.passed and judged.until == {}
    (alone,) = judge(warehouse, [NEW], {}).verdicts
    assert alone.error == new.error


def test_a_table_that_is_not_there_breaks_its_rules(warehouse: Counted) -> None:
    judged = judge(warehouse, [SOME], {})
    assert [one.passed for one in judged.verdicts] == [False]
    assert judged.until == {}
