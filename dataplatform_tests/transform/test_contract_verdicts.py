"""Rules of a model: what a broken one does to the others, one alone, and a day's rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckKey, AssetKey

from dataplatform.declarations.project import open_project
from dataplatform.quality.compile_dbt import FOLDER, compiled
from dataplatform.quality.compile_dbt import test_name as name_of_test
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform_tests.checks.declared import column, gx, library, sql, write_contract
from dataplatform_tests.transform.conftest import Shop, failure

pytestmark = pytest.mark.slow

MACROS = Path(__file__).resolve().parents[2] / "dbt_project" / "macros"


@pytest.fixture
def promised(make_shop: Callable[[], Shop]) -> Callable[..., Shop]:
    """Return the small project with a contract on one of its marts."""

    def promise(table: str, columns: list[dict[str, Any]], *quality: dict[str, Any]) -> Shop:
        shop = make_shop()
        root = shop.project.root
        write_contract(root, f"marts.{table}", columns, *quality)
        for name in ("contract_scan.sql", "portable/incremental.sql"):
            shutil.copy(MACROS / name, root / "dbt_project/macros")
        shop.project = open_project(root)
        (contract,) = shop.project.contracts
        # The compiled test alone: the model's columns are not what these tests are about.
        path = root / "dbt_project" / FOLDER / f"{name_of_test(contract)}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(compiled(contract), encoding="utf-8")
        return shop

    return promise


def verdicts(result: Any, table: str) -> dict[str, Any]:
    """Return the evaluations of a candidate's checks in a run."""
    key = AssetKey(["candidate", table])
    return {
        one.check_name: one for one in result.get_asset_check_evaluations() if one.asset_key == key
    }


@pytest.mark.parametrize("beside", [True, False], ids=["beside dbt", "in a session"])
def test_a_rule_that_errors_is_an_error_and_the_others_are_judged(
    promised, beside, monkeypatch
) -> None:
    if not beside:
        monkeypatch.setattr(DuckDBAdapter, "beside_dbt", lambda self, purpose: nullcontext())
    shop = promised(
        "things",
        [column("id", "integer", primaryKey=True), column("amount", "integer")],
        sql(
            "cast",
            "select count(*) from ${table} where cast('x' || amount as integer) > 1",
            mustBe=0,
        ),
        gx("small", "expect_column_values_to_be_between", column="amount", max_value=15),
        gx("two_columns", "expect_table_column_count_to_equal", "warning", value=7),
        gx("in_order", "expect_table_columns_to_match_ordered_list", column_list=["id", "amount"]),
        gx("typed", "expect_column_type_to_be", column="amount", type_="VARCHAR"),
    )
    result = shop.run()
    assert not result.success
    found = verdicts(result, "things")
    assert not found["cast"].passed
    assert "Conversion Error" in found["cast"].metadata["error"].value
    assert "the rule cast is broken: Could not be evaluated" in failure(result)
    passed = {name: one.passed for name, one in found.items() if name != "cast"}
    assert passed["id_not_null"] and passed["id_unique"] and passed["schema"]
    assert not passed["small"]
    assert found["small"].metadata["failing_count"].value == 1
    assert [name for name, one in found.items() if "error" in one.metadata] == ["cast"]
    assert (passed["two_columns"], passed["typed"]) == (False, False)


def test_a_columns_rule_is_judged_by_dbt_as_by_the_scan(promised) -> None:
    shop = promised(
        "things",
        [column("id", "integer", primaryKey=True), column("amount", "integer")],
        gx("count", "expect_table_column_count_to_be_between", "warning", min_value=1, max_value=1),
        gx(
            "set",
            "expect_table_columns_to_match_set",
            "warning",
            column_set=["amount", "id"],
            exact_match=False,
        ),
        gx(
            "order",
            "expect_table_columns_to_match_ordered_list",
            "warning",
            column_list=["amount", "id"],
        ),
        gx("there", "expect_column_to_exist", "warning", column="amount"),
        gx("typed", "expect_column_type_to_be", "warning", column="amount", type_="VARCHAR"),
        gx(
            "known",
            "expect_column_values_to_be_in_type_list",
            "warning",
            column="id",
            type_list=["INTEGER", "BIGINT"],
        ),
    )
    found = verdicts(shop.run(), "things")
    passed = {name: found[name].passed for name in ("count", "set", "order", "there", "known")}
    assert passed == {"count": False, "set": True, "order": False, "there": True, "known": True}
    assert not found["typed"].passed
    assert found["typed"].metadata["observed"].value.startswith("amount is ")
    assert found["order"].metadata["observed"].value.startswith("the order is id, ")


def test_one_check_of_a_model_is_run_alone(promised) -> None:
    shop = promised(
        "things",
        [column("id", "integer", primaryKey=True), column("amount", "integer")],
        library("rows", "rowCount", mustBeGreaterThan=0),
    )
    assert shop.run().success
    key = AssetCheckKey(AssetKey(["candidate", "things"]), "rows")
    job = shop.definitions().resolve_implicit_global_asset_job_def()
    alone = job.get_subset(asset_selection=set(), asset_check_selection={key})
    result = alone.execute_in_process(instance=shop.instance, raise_on_error=False)
    assert result.success
    assert "rows" in verdicts(result, "things")
    assert not result.get_asset_materialization_events()


def test_a_run_of_some_days_judges_their_rows_and_says_so(promised) -> None:
    shop = promised(
        "daily",
        [
            column("day", "date", partitioned=True, partitionKeyPosition=1),
            column(
                "things",
                "integer",
                gx("small", "expect_column_values_to_be_between", max_value=50),
            ),
        ],
        library("rows", "rowCount", mustBeGreaterOrEqualTo=2),
    )
    assert shop.run().success
    # An old day is damaged; a run of another day looks at that day's rows alone.
    shop.sql("update candidate.daily set things = 999 where day = date '2025-01-01'")

    def of(first: str, last: str) -> dict[str, Any]:
        tags = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        }
        return verdicts(shop.run("candidate/daily", tags=tags), "daily")

    found = of("2025-01-02", "2025-01-02")
    assert found["small"].passed
    assert found["small"].metadata["rows"].value == "of day 2025-01-02"
    assert "On the 1 rows of day 2025-01-02." in found["small"].description
    assert found["rows"].passed, "a rule of the whole table looks at the whole"
    assert "rows" not in found["rows"].metadata
