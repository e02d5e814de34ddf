"""The dbt step and the publish step on a small project: what is built, recorded and refused."""

from __future__ import annotations

import os
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetKey

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.build_history import builds_since
from dataplatform.resources.instance import latest_materialisations, latest_verdicts
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform_tests.transform.conftest import RAW, Shop, built, failure

pytestmark = pytest.mark.slow

GOOD = ((1, "2025-01-01", 10), (2, "2025-01-02", 20))
BAD = ((1, "2025-01-01", 10), (2, "2025-01-02", None))
ALL = {
    "staging/stg_things",
    *(f"{schema}/{name}" for schema in ("candidate", "marts") for name in
      ("things", "totals", "alone", "daily")),
}  # fmt: skip


def test_a_first_run_builds_and_publishes_everything_and_a_second_nothing(shop: Shop) -> None:
    first = shop.run()
    assert first.success, failure(first)
    assert built(first) == ALL
    assert shop.sql("select total from marts.totals") == [(30,)]
    second = shop.run()
    assert second.success
    assert built(second) == set()
    # What each model took and computed: not nothing, nor more than all cores can.
    models = [Relation(*name.split("/")) for name in ALL if not name.startswith("marts")]
    builds = builds_since(shop.instance, models, datetime(2000, 1, 1, tzinfo=UTC))
    assert len(builds) == len(models)
    cores = os.cpu_count() or 1
    assert 0 < sum(one.computed for one in builds) <= cores * sum(one.seconds for one in builds)
    # Rows, columns and versions are on record.
    key = AssetKey(["candidate", "things"])
    last = latest_materialisations(shop.instance, [key])[key]
    assert last.row_count == 2
    assert last.data_version and last.code_version
    shop.load(*GOOD, (3, "2025-01-03", 1))
    third = shop.run()
    assert "candidate/alone" not in built(third)
    assert shop.sql("select total from marts.totals") == [(31,)]


def test_a_warehouse_that_is_not_seen_beside_dbt_is_asked_what_was_built(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DuckDBAdapter, "beside_dbt", lambda self, purpose: nullcontext())
    key = AssetKey(["staging", "stg_things"])
    first = shop.run("staging/stg_things")
    assert first.success, failure(first)
    event = shop.instance.get_latest_materialization_event(key)
    assert event is not None and event.asset_materialization is not None
    columns = event.asset_materialization.metadata["dagster/column_schema"].value.columns
    assert [(one.name, one.type) for one in columns] == [
        ("id", "INTEGER"), ("day", "DATE"), ("amount", "INTEGER"),
    ]  # fmt: skip
    assert columns[0].description == "The thing."
    assert latest_materialisations(shop.instance, [key])[key].row_count == 2

    # What was built is recorded even where it cannot be asked.
    def fails(*arguments: object, **named: object) -> None:
        raise UserError("The warehouse is away.")

    monkeypatch.setattr(DuckDBAdapter, "facts", fails)
    shop.load(*GOOD, (3, "2025-01-03", 1))
    second = shop.run("staging/stg_things")
    assert second.success, failure(second)
    assert built(second) == {"staging/stg_things"}
    assert latest_materialisations(shop.instance, [key])[key].row_count is None


def test_days_that_changed_are_found_in_a_session_of_their_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DuckDBAdapter, "beside_dbt", lambda self, purpose: nullcontext())
    days = AssetKey(["candidate", "daily"])
    shop.run()
    assert shop.instance.get_materialized_partitions(days) == {"2025-01-01", "2025-01-02"}
    shop.load((1, "2025-01-01", 10), (2, "2025-01-02", 21))
    recorded = [
        event.partition
        for event in shop.run().all_events
        if event.is_step_materialization and event.asset_key == days
    ]
    assert recorded == ["2025-01-02"]


def test_only_days_that_changed_are_recorded_and_a_range_can_be_built_again(shop: Shop) -> None:
    shop.run()
    days = AssetKey(["candidate", "daily"])
    assert shop.instance.get_materialized_partitions(days) == {"2025-01-01", "2025-01-02"}
    shop.load(*GOOD, (3, "2025-01-03", 1))
    partitions = [
        event.partition
        for event in shop.run().all_events
        if event.is_step_materialization and event.asset_key == days
    ]
    assert partitions == ["2025-01-03"]
    ranged = shop.run(
        "candidate/daily",
        tags={
            "dagster/asset_partition_range_start": "2025-01-01",
            "dagster/asset_partition_range_end": "2025-01-02",
        },
    )
    assert ranged.success, failure(ranged)
    assert [event.partition for event in ranged.all_events if event.is_step_materialization] == [
        "2025-01-01",
        "2025-01-02",
    ]


def test_a_broken_rule_gates_in_its_run_and_in_the_next_and_marts_keep_their_rows(
    shop: Shop,
) -> None:
    shop.run()
    shop.load(*BAD)
    bad = shop.run()
    assert not bad.success
    assert "candidate/things" in built(bad)
    assert "candidate/totals" not in built(bad)
    assert "candidate.totals was left out, because candidate.things failed." in failure(bad)
    assert shop.sql("select count(amount) from marts.things") == [(2,)]
    alone = shop.run("candidate/totals")
    assert not alone.success
    assert built(alone) == set()
    assert "candidate.things breaks the rule not_null_things_amount" in failure(alone)
    publish = shop.run("marts/things", "marts/totals")
    assert not publish.success
    assert "marts.things was not published and keeps its last good rows" in failure(publish)
    assert shop.sql("select count(amount) from marts.things") == [(2,)]
    shop.load(*GOOD, (3, "2025-01-03", 5))
    good = shop.run()
    assert good.success, failure(good)
    assert shop.sql("select total from marts.totals") == [(35,)]


def test_a_broken_rule_on_raw_leaves_out_what_is_below_and_builds_the_rest(shop: Shop) -> None:
    shop.judge_raw(passed=False)
    result = shop.run()
    assert not result.success
    assert "candidate/alone" in built(result)
    assert "staging/stg_things" not in built(result)
    assert "raw_shop.things breaks the rule amount_positive" in failure(result)
    shop.judge_raw(passed=True)
    assert shop.run().success


def test_a_warning_stops_nothing(shop: Shop) -> None:
    shop.judge_raw(passed=False, severity="WARN")
    shop.load((1, "2025-01-01", 10), (1, "2025-01-02", 20))  # the id is not unique: a warning
    result = shop.run()
    assert result.success, failure(result)
    verdicts = latest_verdicts(
        shop.instance,
        [
            event.asset_check_evaluation_data.asset_check_key
            for event in result.all_events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
        ],
    )
    by_name = {key.name: verdict for key, verdict in verdicts.items()}
    assert not by_name["unique_stg_things_id"].passed
    assert by_name["unique_stg_things_id"].severity == "WARN"
    assert by_name["not_null_things_amount"].passed
    assert all(verdict.target for verdict in verdicts.values())


def test_a_model_that_fails_is_told_in_one_sentence_and_the_rest_is_built(shop: Shop) -> None:
    model = shop.project.dbt / "models/marts/things.sql"
    model.write_text("select nonsense from {{ ref('stg_things') }}", encoding="utf-8")
    result = shop.run()
    text = failure(result)
    assert "candidate.things failed:" in text and "nonsense" in text
    assert "candidate.totals was left out, because candidate.things failed." in text
    assert {"candidate/alone", "candidate/daily"} <= built(result)


def test_changed_code_rebuilds_an_incremental_model_in_full(shop: Shop) -> None:
    shop.run()
    model: Path = shop.project.dbt / "models/marts/daily.sql"
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("count(*) as things", "10 * count(*) as things"), "utf-8")
    assert shop.run().success
    assert shop.sql("select things from marts.daily order by day") == [(10,), (10,)]


def test_a_raw_table_that_was_never_judged_gates_nothing(shop: Shop) -> None:
    assert RAW not in {key.asset_key for key in latest_verdicts(shop.instance, [])}
    assert shop.run("staging/stg_things").success
