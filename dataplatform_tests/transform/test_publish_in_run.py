"""In one run: contracts judged inside dbt, good marts published, bad ones kept as they were."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    Definitions,
)

from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.quality.compile_dbt import write
from dataplatform.quality.measuring import measure
from dataplatform.quality.monitoring import columns_of, settings_of, watched
from dataplatform.resources.acceptance import accept
from dataplatform.resources.executor import EXECUTOR
from dataplatform.resources.instance import (
    GATE,
    MONITOR,
    latest_materialisations,
)
from dataplatform.resources.monitor_waiting import waiting
from dataplatform.resources.steps import check_step
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.transform.conftest import Shop

pytestmark = pytest.mark.slow

THINGS = Relation("candidate", "things")
REPOSITORY = Path(__file__).resolve().parents[2]
CONTRACT = """\
kind: DataContract
apiVersion: v3.1.0
id: marts.things
name: Things
version: 1.0.0
status: active
domain: shop
description: {purpose: What there is.}
team:
  name: data
  members: [{username: data@example.com, role: owner}]
schema:
  - name: things
    physicalName: marts.things
    logicalType: object
    quality:
      - name: has_rows
        metric: rowCount
        mustBeGreaterOrEqualTo: 1
        severity: error
    properties:
      - name: id
        logicalType: integer
        description: The thing.
        primaryKey: true
        primaryKeyPosition: 1
        required: true
      - name: day
        logicalType: date
        description: When.
      - name: amount
        logicalType: integer
        description: How many.
        quality:
          - name: amount_is_small
            metric: invalidValues
            arguments: {validValues: [1, 2, 10, 20, 25]}
            mustBe: 0
            severity: error
"""


@pytest.fixture
def promised(make_shop: Callable[[], Shop]) -> Shop:
    """The small project with a contract on one of its marts."""
    shop = make_shop()
    root = shop.project.root
    file = root / "config/contracts/marts/things.yml"
    file.parent.mkdir(parents=True)
    file.write_text(CONTRACT, encoding="utf-8")
    shutil.copy(REPOSITORY / "dbt_project/macros/contract_scan.sql", root / "dbt_project/macros")
    # dbt holds the model to the exact types of its contract.
    model = root / "dbt_project/models/marts/things.sql"
    columns = "select id::bigint as id, day, amount::bigint as amount"
    model.write_text(model.read_text().replace("select id, day, amount", columns))
    shop.project = open_project(root)
    write(shop.project)
    return shop


def _measured_in_the_scan_of_its_rules(shop: Shop) -> None:
    """What waits for the monitors is what a scan of their own finds, and saves it."""
    asked: list[str] = []
    with open_warehouse(shop.project.environment, shop.project).session("a test") as session:

        class Listening:
            def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
                asked.append(sql)
                return session.execute(sql, parameters)

        taken = waiting(session, "duckdb", [THINGS])[THINGS]
        columns = columns_of(session, "duckdb", [THINGS])[THINGS]
        settings = settings_of(shop.project, THINGS, watched(shop.project)[THINGS])
        now = datetime.datetime.now(datetime.UTC)
        alone = measure(session, "duckdb", THINGS, columns, now, settings)
        saved = measure(Listening(), "duckdb", THINGS, columns, now, settings, taken=taken.values)
    assert not asked
    assert saved.values[None, "rows"] == 2 and saved.values["amount", "mean"] == 15
    assert saved.values == alone.values
    key = AssetKey(["candidate", "things"])
    assert taken.build == latest_materialisations(shop.instance, [key])[key].storage_id


def test_a_contract_is_judged_rule_by_rule_and_gates_its_mart_alone(promised: Shop) -> None:
    first = promised.execute()
    assert first.success, first.failures
    assert promised.verdict("candidate/things", "has_rows").passed
    assert promised.verdict("candidate/things", "amount_is_small").passed
    assert promised.sql("select count(*) from marts.things") == [(2,)]
    _measured_in_the_scan_of_its_rules(promised)

    promised.load((1, "2025-01-01", 10), (2, "2025-01-02", 777), (3, "2025-01-05", 1))
    bad = promised.execute()
    assert not bad.success
    text = "\n".join(bad.failures)
    assert "candidate.things: the rule amount_is_small is broken" in text
    assert "candidate.totals was left out, because candidate.things failed." in text
    assert "marts.things was not published and keeps its last good rows" in text
    assert not promised.verdict("candidate/things", "amount_is_small").passed
    assert promised.verdict("candidate/things", "has_rows").passed
    assert promised.sql("select max(amount) from marts.things") == [(20,)]
    # What does not depend on the bad table was published in the very same run.
    assert promised.sql("select count(*) from marts.daily") == [(3,)]


def test_plain_dbt_keeps_the_same_promise(promised: Shop) -> None:
    from dataplatform.transform.dbt_command import run_dbt_command

    promised.load((1, "2025-01-01", 777))
    assert run_dbt_command(promised.project, ["build"], "test") == 1
    tables = {name for (name,) in promised.sql("select table_name from information_schema.tables")}
    assert "things" in tables
    assert "totals" not in tables


def test_a_rule_that_is_taken_away_gates_no_longer(promised: Shop) -> None:
    promised.load((1, "2025-01-01", 777))
    assert not promised.execute().success
    file = promised.project.config / "contracts/marts/things.yml"
    file.write_text(CONTRACT.replace("25]", "25, 777]"), encoding="utf-8")
    promised.project = open_project(promised.project.root)
    write(promised.project)
    good = promised.execute()
    assert good.success, good.failures
    assert promised.sql("select max(amount) from marts.things") == [(777,)]


def test_a_monitor_that_speaks_after_dbt_keeps_the_marts_below_from_being_published(
    make_shop: Callable[[], Shop],
) -> None:
    shop = make_shop()
    watched = AssetCheckKey(AssetKey(["staging", "stg_things"]), "usual_volume")
    unusual: list[bool] = []

    def monitor(context):  # type: ignore[no-untyped-def]
        yield AssetCheckResult(
            passed=not unusual,
            asset_key=watched.asset_key,
            check_name=watched.name,
            severity=AssetCheckSeverity.ERROR,
        )

    spec = AssetCheckSpec(
        watched.name, asset=watched.asset_key, metadata={GATE: True, MONITOR: True}
    )
    step = check_step(monitor, name="monitor_staging", checks=[spec], description="Usual?")
    monitors = Definitions(asset_checks=[step], executor=EXECUTOR)
    first = shop.execute(None, monitors)
    assert first.success, first.failures
    shop.load((1, "2025-01-01", 10))
    unusual.append(True)
    bad = shop.execute(None, monitors)
    assert not bad.success
    # The models were built before the monitor spoke; what consumers read was not touched.
    assert shop.sql("select count(*) from candidate.things") == [(1,)]
    assert shop.sql("select count(*) from marts.things") == [(2,)]
    text = "\n".join(bad.failures)
    for mart in ("things", "totals", "daily"):
        assert (
            f"marts.{mart} was not published and keeps its last good rows: of candidate.{mart}, "
            "staging.stg_things, above it, breaks the rule usual_volume."
        ) in text
    assert "marts.alone" not in text
    # Nor by a later run of the marts alone, until a person accepts it.
    assert not shop.execute('key:"marts/totals"', monitors).success
    accept(shop.instance, watched, "anna", "The shop was closed.")
    later = shop.execute('key:"marts/things" or key:"marts/totals"', monitors)
    assert later.success, later.failures
    assert shop.sql("select count(*) from marts.things") == [(1,)]
    assert shop.sql("select total from marts.totals") == [(10,)]
