"""The rehearsal company: the same rows every time, and every day as busy as its calendar says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dataplatform.declarations.project import open_project
from dataplatform.rehearsal import company, seasons
from dataplatform.rehearsal.stage import declared_tables
from dataplatform.resources.warehouse.types import accepts, family
from dataplatform_tests.servers import REPOSITORY

NOW = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("company") / "company.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set timezone = 'UTC'")
        company.make(connection, NOW, 40)
    return file


def test_every_declared_table_is_there_with_its_columns(made: Path) -> None:
    declared = declared_tables(open_project(REPOSITORY))
    assert set(company.relations()) == set(declared)
    with duckdb.connect() as warehouse:
        company.attach(warehouse, made, NOW)
        company.deliver(warehouse)
        for relation, table in declared.items():
            found = {
                name: family("duckdb", kind)
                for name, kind, *_ in warehouse.execute(f"describe {relation}").fetchall()
            }
            wrong = {
                name: (kind, found.get(name))
                for name, kind in table.columns.items()
                if name not in found or not accepts(kind, found[name])
            }
            assert wrong == {}, relation
            key = ", ".join(table.primary_key) or "_fivetran_id"
            twice = f"select {key} from {relation} group by all having count(*) > 1"
            assert warehouse.execute(twice).fetchall() == []


def test_a_day_is_the_same_whenever_it_is_looked_at(made: Path) -> None:
    day = NOW - timedelta(days=7)
    seen = []
    with duckdb.connect() as warehouse:
        company.attach(warehouse, made, NOW)
        for moment in (day, NOW, day):
            company.at(warehouse, moment)
            company.deliver(warehouse)
            seen.append(
                warehouse.execute(
                    "select count(*), max(updated_at), sum(cast(hash(o) as hugeint)) "
                    "from raw_postgres_public.orders as o"
                ).fetchall()
            )
    assert seen[0] == seen[2] != seen[1]
    assert seen[0][0][1] <= day


def test_orders_go_through_their_states(made: Path) -> None:
    with duckdb.connect() as warehouse:
        company.attach(warehouse, made, NOW)
        company.deliver(warehouse)
        states = {
            state
            for (state,) in warehouse.execute(
                "select distinct status from raw_postgres_public.orders"
            ).fetchall()
        }
        late = warehouse.execute(
            "select count(*) from raw_postgres_public.orders where shipped_at < ordered_at "
            "or updated_at > _fivetran_synced"
        ).fetchall()
    assert states <= {"placed", "paid", "shipped", "delivered", "cancelled", "returned"}
    assert {"paid", "shipped", "delivered", "cancelled", "returned"} <= states
    assert late == [(0,)]


@pytest.mark.parametrize(
    ("year", "sunday"), [(2024, (3, 31)), (2025, (4, 20)), (2026, (4, 5)), (2027, (3, 28))]
)
def test_easter(year: int, sunday: tuple[int, int]) -> None:
    assert seasons.easter(year) == date(year, *sunday)


def test_holidays_and_the_promotion_show_in_the_calendar() -> None:
    first, last = date(2025, 1, 1), date(2026, 1, 31)
    with duckdb.connect() as connection:
        connection.execute("create macro chance(field, number) as 0.5")
        connection.execute(seasons.calendar_sql(first, last))
        busy = dict(connection.execute("select day, busy from calendar").fetchall())
    assert busy[date(2025, 12, 25)] < 0.6 * busy[date(2025, 12, 18)]
    began = last - timedelta(days=seasons.PROMOTION_BEGAN)
    assert busy[began] / busy[began - timedelta(days=7)] > 1.3
    assert busy[date(2025, 9, 12)] > 1.5 * busy[date(2025, 9, 14)]
    assert busy[date(2025, 11, 7)] > 1.15 * busy[date(2025, 2, 7)]
    assert seasons.holidays(first, first) == [first]
