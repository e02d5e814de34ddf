"""Sums, trends, money, budgets and advice, from recorded histories of each warehouse."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from dataplatform.cost import bigquery_jobs, snowflake_history
from dataplatform.cost.advice import Model, advice, dearest
from dataplatform.cost.judged import judge
from dataplatform.cost.page import page
from dataplatform.cost.usage import ELSEWHERE, Ledger, Usage, amount_told, money_told
from dataplatform.declarations.cost import Budget, Budgets, Prices, load_budgets
from dataplatform.declarations.errors import DeclarationError

TODAY = date(2026, 3, 20)
PRICES = Prices(
    snowflake_credit=3.0, bigquery_terabyte=6.0, processor_hour=0.5, storage_terabyte_month=20.0
)
TABLE = Model("table", 1, False, False)


def _tag(asset: str, pipeline: str = "sales", run: str = "r1") -> str:
    return json.dumps({"app": "dataplatform", "asset": asset, "pipeline": pipeline, "run": run})


def _query(hour: datetime, tag: str, seconds: float, **more: Any) -> tuple[Any, ...]:
    said = {"warehouse": "TRANSFORMING", "size": "Large", "count": 1, "scanned": 0, "parts": 0,
            "total": 0, "spilled": 0, "builds": 1, "services": 0.0} | more  # fmt: skip
    return (
        hour, said["warehouse"], tag, said["size"], seconds, said["count"], said["scanned"],
        said["parts"], said["total"], said["spilled"], said["builds"], said["services"],
    )  # fmt: skip


def _hour(day: int, hour: int = 3) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


HISTORY = [
    _query(_hour(20), _tag("candidate.fact_orders"), 30),
    _query(_hour(20), _tag("STAGING.STG_ORDERS", run="r2"), 10),
    _query(_hour(20), "fivetran", 20),
    _query(_hour(20, 5), _tag("candidate.fact_orders", "customers", "r3"), 5),
    _query(_hour(12), _tag("candidate.fact_orders"), 7),
]
METERED = [
    (_hour(20), "TRANSFORMING", 6.0),
    (_hour(20, 5), "TRANSFORMING", 1.0),
    (_hour(20, 6), "TRANSFORMING", 0.5),  # nothing ran: idle until it was suspended
    (_hour(12), "TRANSFORMING", 2.0),
]


@pytest.fixture
def ledger() -> Ledger:
    usages = snowflake_history.usages_of(HISTORY, METERED)
    owners = {"candidate.fact_orders": "team:sales", "staging.stg_orders": "team:data"}
    return Ledger("credits", TODAY, 7, usages, owners, {"raw_shop.orders": 10**12}, PRICES)


def test_credits_are_shared_by_running_time_and_add_up_to_what_was_metered(ledger: Ledger) -> None:
    assets = {one.name: one for one in ledger.by("asset")}
    assert assets["candidate.fact_orders"].amount == pytest.approx(6 * 30 / 60 + 1)
    assert assets["staging.stg_orders"].amount == pytest.approx(6 * 10 / 60)
    assert assets[ELSEWHERE].amount == pytest.approx(6 * 20 / 60 + 0.5)
    assert ledger.total().amount == pytest.approx(7.5)
    for by in ("asset", "pipeline", "owner", "run"):
        assert sum(one.amount for one in ledger.by(by)) == pytest.approx(7.5)
    assert sum(one.amount for one in ledger.usages) == pytest.approx(sum(c for _, _, c in METERED))


def test_money_trend_days_and_storage(ledger: Ledger) -> None:
    orders = ledger.by("asset")[0]
    assert (orders.name, orders.owner, orders.money) == ("candidate.fact_orders", "team:sales", 12)
    assert (orders.before, orders.trend) == (2.0, 1.0)
    assert len(orders.days) == 7 and orders.days[-1] == 4.0 and sum(orders.days[:-1]) == 0
    kept = next(one for one in ledger.by("asset") if one.name == "raw_shop.orders")
    assert kept.amount == 0 and kept.money == pytest.approx(20 * 7 / 30.4)
    assert [one.name for one in ledger.by("run")] == ["r1", ELSEWHERE, "r2", "r3"]
    assert {one.name for one in ledger.by("pipeline")} == {"sales", "customers", ELSEWHERE}
    assert {one.name: one.amount for one in ledger.by("owner")}["team:sales"] == 4.0
    unpriced = replace(ledger, prices=Prices())
    assert unpriced.by("asset")[0].money is None


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        (snowflake_history.queries_sql(60), "snowflake"),
        (snowflake_history.metering_sql(60), "snowflake"),
        (snowflake_history.storage_sql("an'alytics"), "snowflake"),
        (bigquery_jobs.jobs_sql("EU", 60), "bigquery"),
        (bigquery_jobs.storage_sql("europe-west3"), "bigquery"),
    ],
)
def test_the_questions_can_be_read_by_the_dialect(sql: str, dialect: str) -> None:
    assert sqlglot.parse_one(sql, read=dialect).find(sqlglot.exp.Table)


def test_a_location_is_no_sql() -> None:
    with pytest.raises(ValueError, match="no location"):
        bigquery_jobs.jobs_sql("EU`; DROP", 1)


def test_bigquery_counts_billed_bytes_by_written_table_and_label() -> None:
    rows = [
        (TODAY, "candidate", "fact_orders", None, "sales", "r1", 2e12, 40.0, 3, 3, 2e12),
        (TODAY, "_anon", "x", "marts__daily_sales", None, None, 5e11, 1.0, 1, 0, 5e11),
        (TODAY, None, None, None, None, None, 1e11, 1.0, 9, 0, 1e11),
    ]
    ledger = Ledger("bytes", TODAY, 7, bigquery_jobs.usages_of(rows), prices=PRICES)
    found = {one.name: one for one in ledger.by("asset")}
    assert found["candidate.fact_orders"].money == pytest.approx(12.0)
    assert found["marts.daily_sales"].amount == 5e11
    assert found[ELSEWHERE].count == 9
    assert amount_told("bytes", 2e12) == "2.0 TB"


def _advised(unit: Any, usage: Usage, model: Model = TABLE, stored: int = 0) -> list[str]:
    kept = {usage.asset: stored} if stored else {}
    ledger = Ledger(unit, TODAY, 30, [usage], stored=kept, prices=PRICES)
    (spent,) = ledger.by("asset")
    return [one.partition(":")[0] for one in advice(ledger, spent, model, [usage])]


def test_advice_follows_from_what_was_seen() -> None:
    often = Usage(TODAY, 600, "m.a", count=30, builds=30, seconds=600)
    assert _advised("seconds", often) == ["Incremental"]
    assert _advised("seconds", often, replace(TABLE, materialized="incremental")) == []
    assert _advised("seconds", replace(often, seconds=60)) == []
    assert _advised("seconds", replace(often, builds=2)) == []
    assert _advised("seconds", replace(often, builds=0), replace(TABLE, readers=0)) == ["Unused"]
    assert _advised("seconds", often, replace(TABLE, readers=0)) == ["Unused"]
    published = replace(TABLE, readers=0, published=True)
    assert _advised("seconds", replace(often, builds=0), published) == []
    whole = {"partitions": 950.0, "partitions_total": 1000.0}
    assert _advised("credits", replace(often, builds=1, facts=whole)) == ["Cluster"]
    few = {"partitions": 95.0, "partitions_total": 1000.0}
    assert _advised("credits", replace(often, builds=1, facts=few)) == []
    large = {"size": "Large", "warehouse": "W", "spilled": 0.0}
    assert _advised("credits", replace(often, builds=1, seconds=60, facts=large)) == [
        "Smaller warehouse"
    ]
    spilled = {**large, "spilled": 1.0}
    assert _advised("credits", replace(often, builds=1, seconds=60, facts=spilled)) == []
    read = Usage(TODAY, 10 * 20e9, "m.a", count=10)
    assert _advised("bytes", read, stored=21 * 10**9) == ["Partition"]
    assert _advised("bytes", read, stored=10**12) == []


def test_only_the_ten_dearest_models_are_advised() -> None:
    usages = [Usage(TODAY, float(n), f"m.t{n}", builds=1) for n in range(1, 15)]
    usages.append(Usage(TODAY, 99.0, "raw.not_a_model"))
    models = {f"m.t{n}": TABLE for n in range(1, 15)}
    found = [spent.name for spent, _ in dearest(Ledger("seconds", TODAY, 7, usages), models)]
    assert found == [f"m.t{n}" for n in range(14, 4, -1)]


@pytest.mark.parametrize(
    ("monthly", "state"), [(13.0, "over"), (14.5, "warned"), (20.0, "warned"), (40.0, "kept")]
)
def test_a_budget_is_of_the_month_and_looks_ahead(monthly: float, state: str) -> None:
    usages = [
        Usage(date(2026, 3, 2), 1.5, "m.a"),
        Usage(TODAY, 3.0, "m.a"),
        Usage(date(2026, 2, 27), 50.0, "m.a"),
    ]
    ledger = Ledger("credits", TODAY, 31, usages, prices=PRICES)
    budgets = Budgets(currency="EUR", budgets=(Budget("asset", "m.a", monthly, 80.0, 1),))
    (verdict,) = judge(ledger, budgets)
    assert verdict.spent == pytest.approx(13.5)
    assert verdict.expected == pytest.approx(13.5 / 20 * 31)
    assert verdict.state == state
    (unknown,) = judge(replace(ledger, prices=Prices()), budgets)
    assert (unknown.state, unknown.spent) == ("unknown", None)
    nothing = replace(budgets, budgets=(Budget("pipeline", "idle", 5.0, 80.0, 1),))
    assert judge(ledger, nothing)[0].state == "kept"


def test_the_page_tells_all_of_it_and_escapes_names(ledger: Ledger) -> None:
    strange = replace(ledger, usages=[*ledger.usages, Usage(TODAY, 9.0, "<b>.x")])
    budgets = Budgets(currency="EUR", budgets=(Budget("all", "", 1.0, 80.0, 1),))
    advised = dearest(strange, {"candidate.fact_orders": replace(TABLE, readers=0)})
    text = page(strange, "asset", advised, judge(strange, budgets), "EUR")
    assert "&lt;b&gt;.x" in text and "<b>" not in text
    assert "12.00 EUR" in text and "+100%" in text and "Unused: no model" in text
    assert "everything is over its budget" in text
    assert '<div class="budget over"><progress' in text and "<svg" in text


def _load(folder: Path, text: str) -> Budgets:
    path = folder / "config" / "budgets.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_budgets(path, folder, ["marts.orders"], ["sales"], ["team:data"])


def test_budgets_are_read_and_an_absent_file_prices_nothing(tmp_path: Path) -> None:
    nothing = load_budgets(tmp_path / "none.yml", tmp_path, [], [], [])
    assert nothing.prices.money("credits", 5) is None and nothing.budgets == ()
    found = _load(
        tmp_path,
        "currency: EUR\nprices: {processor_hour: 0.5}\nbudgets:\n  - monthly: 10\n"
        "  - owner: team:data\n    monthly: 5\n    warn_at: 50\n",
    )
    assert found.prices.money("seconds", 7200) == 1.0
    assert [one.told for one in found.budgets] == ["everything", "owner team:data"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("currency: euro", 1, "currency"),
        ("currency: EUR\nprices:\n  snowflake_credits: 3", 3, "Did you mean 'snowflake_credit'"),
        ("currency: EUR\nprices:\n  processor_hour: 0", 3, "greater than 0"),
        ("currency: EUR\nbudgets:\n  - monthly: 5", 2, "needs a price"),
        ("currency: EUR\nbudgets:\n  - asset: marts.order\n    monthly: 5", 3,
         "'marts.order' is not an asset. Did you mean 'marts.orders'?"),
        ("currency: EUR\nbudgets:\n  - pipeline: sale\n    monthly: 5", 3, "is not a pipeline"),
        ("currency: EUR\nbudgets:\n  - owner: me\n    monthly: 5", 3, "is not an owner"),
        ("currency: EUR\nbudgets:\n  - owner: team:data\n    pipeline: sales\n    monthly: 5", 3,
         "for one thing"),
        ("currency: EUR\nprices: {processor_hour: 1}\nbudgets:\n  - monthly: 5\n  - monthly: 6", 5,
         "has a budget already"),
        ("currency: EUR\nbudgets:\n  - monthly: 5\n    warn_at: 120", 4, "warn_at"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(f"config/budgets.yml:{line}: "), caught.value
    assert said in str(caught.value)


def test_a_run_tells_its_pipeline_and_day_and_small_money_is_not_nothing() -> None:
    usages = [
        Usage(TODAY, 2.0, "m.a", "sales", "r1"),
        Usage(TODAY - timedelta(days=1), 1.0, "m.b", "sales", "r1"),
        Usage(TODAY, 0.5, "m.c"),
    ]
    found = {one.name: one for one in Ledger("seconds", TODAY, 7, usages).by("run")}
    assert found["r1"].ran == f"sales {TODAY - timedelta(days=1)}"
    assert found[ELSEWHERE].ran == ""
    assert [money_told(one, "EUR") for one in (None, 0.0, 0.001, 12.0)] == [
        "", "0.00 EUR", "< 0.01 EUR", "12.00 EUR",
    ]  # fmt: skip
    assert amount_told("seconds", 7200) == "2.0 h CPU"
