"""Rows that break a rule are set aside before anybody reads them, and come back repaired."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dataplatform.declarations.project import open_project
from dataplatform.quality.compile_dbt import write
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.transform.quarantine import Quarantine
from dataplatform_tests.transform.conftest import Shop

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
CONTRACT = """\
kind: DataContract
apiVersion: v3.1.0
id: staging.stg_things
name: Staged things
version: 1.0.0
status: active
domain: shop
description: {purpose: What there is.}
team:
  name: data
  members: [{username: data@example.com, role: owner}]
schema:
  - name: stg_things
    physicalName: staging.stg_things
    logicalType: object
    quality:
      - name: sum_is_sane
        type: sql
        query: select sum(amount) from ${table}
        mustBeLessThan: 1000
        severity: error
    properties:
      - name: id
        logicalType: integer
        description: The thing.
        primaryKey: true
        primaryKeyPosition: 1
      - name: day
        logicalType: date
        description: When.
      - name: amount
        logicalType: integer
        description: How many.
        quality:
          - name: amount_is_filled
            metric: nullValues
            mustBe: 0
            severity: error
            customProperties: [{property: onFailure, value: quarantine}]
          - name: amount_is_small
            metric: invalidValues
            arguments: {validValues: [1, 2, 10, 20, 25]}
            mustBe: 0
            severity: error
            customProperties: [{property: onFailure, value: quarantine}]
"""


@pytest.fixture
def guarded(make_shop: Callable[[], Shop]) -> Shop:
    """The small project with a staging table that sets bad rows aside."""
    shop = make_shop()
    root = shop.project.root
    file = root / "config/contracts/staging/stg_things.yml"
    file.parent.mkdir(parents=True)
    file.write_text(CONTRACT, encoding="utf-8")
    for name in ("contract_scan.sql", "quarantine.sql"):
        shutil.copy(REPOSITORY / "dbt_project/macros" / name, root / "dbt_project/macros")
    # The tests of the small project itself would speak before the contract does.
    models = root / "dbt_project/models/models.yml"
    models.write_text(
        models.read_text(encoding="utf-8").replace(
            "data_tests: [not_null, {unique: {config: {severity: warn}}}]", "data_tests: []"
        ),
        encoding="utf-8",
    )
    # A contract's integer is a bigint.
    (root / "dbt_project/models/staging/stg_things.sql").write_text(
        "select cast(id as bigint) as id, day, cast(amount as bigint) as amount "
        "from {{ source('raw_shop', 'things') }}",
        encoding="utf-8",
    )
    shop.project = open_project(root)
    write(shop.project)
    return shop


def test_bad_rows_are_set_aside_and_nobody_downstream_sees_them(guarded: Shop) -> None:
    guarded.load(
        (1, "2025-01-01", 10),
        (2, "2025-01-02", None),
        (3, "2025-01-03", 9999),
        (None, "2025-01-04", 7777),
        (5, "2025-01-05", 20),
    )
    done = guarded.execute()
    assert done.success, "\n".join(done.failures)
    assert guarded.sql("select id from staging.stg_things order by id") == [(1,), (5,)]
    assert guarded.sql("select total from marts.totals") == [(30,)]
    rows = guarded.sql(
        "select id, amount, _rule, _key from quarantine.staging__stg_things order by id"
    )
    assert [row[:3] for row in rows] == [
        (2, None, "amount_is_filled"),
        (3, 9999, "amount_is_small"),
        (None, 7777, "amount_is_small"),
    ]
    assert [row[3] for row in rows][:2] == ["2", "3"] and rows[2][3].startswith("row ")
    small = guarded.verdict("staging/stg_things", "amount_is_small")
    assert (small.passed, small.severity) == (False, "WARN")
    assert small.metadata["quarantined"].value == 2
    assert "set aside in quarantine.staging__stg_things" in (small.description or "")
    # The other rules speak of the rows that stayed.
    assert guarded.verdict("staging/stg_things", "sum_is_sane").passed

    # Built anew from a source that still has them, they are set aside once, not twice.
    guarded.load(
        (1, "2025-01-01", 10),
        (2, "2025-01-02", None),
        (3, "2025-01-03", 8888),
        (None, "2025-01-04", 7777),
        (5, "2025-01-05", 25),
    )
    assert guarded.execute().success
    assert guarded.sql("select id, amount from quarantine.staging__stg_things order by id") == [
        (2, None),
        (3, 8888),
        (None, 7777),
    ]
    assert guarded.sql("select total from marts.totals") == [(35,)]


def test_repaired_rows_come_back_once_and_stay_repaired(guarded: Shop) -> None:
    source = (
        (1, "2025-01-01", 10),
        (2, "2025-01-02", None),
        (3, "2025-01-03", 9999),
        (4, "2025-01-04", 7777),
    )
    guarded.load(*source)
    assert guarded.execute().success
    quarantine = Quarantine(
        guarded.project, open_warehouse(guarded.project.environment, guarded.project)
    )
    assert [(one.rows, one.rules) for one in quarantine.waiting()] == [
        (3, {"amount_is_filled": 1, "amount_is_small": 2})
    ]
    unchanged = quarantine.replay("stg_things", "anna")
    assert (unchanged.returned, unchanged.settled, unchanged.waiting) == (0, 0, 3)

    # One row is repaired in quarantine, one at its source; one stays bad.
    guarded.sql("update quarantine.staging__stg_things set amount = 2 where id = 2")
    done = quarantine.replay("staging.stg_things", "anna")
    assert (done.returned, done.settled, done.waiting) == (1, 0, 2)
    assert guarded.sql("select id, amount from staging.stg_things order by id") == [
        (1, 10),
        (2, 2),
    ]
    run = guarded.execute()
    assert run.success, run.failures
    # The table was built anew from a source that still has the bad row: it stays repaired.
    assert guarded.sql("select id, amount from staging.stg_things order by id") == [
        (1, 10),
        (2, 2),
    ]
    assert guarded.sql("select total from marts.totals") == [(12,)]

    guarded.load(*source[:2], (3, "2025-01-03", 25), source[3])
    assert guarded.execute().success
    assert guarded.sql("select total from marts.totals") == [(37,)]
    last = quarantine.replay("stg_things", "anna")
    assert (last.returned, last.settled, last.waiting) == (0, 1, 1)
    assert guarded.execute().success
    assert guarded.sql("select count(*), sum(amount) from staging.stg_things") == [(3, 37)]
    assert quarantine.drop("stg_things") == 1
    assert [one.rows for one in quarantine.waiting()] == [0]


INCREMENTAL = """\
{{ config(materialized='incremental', on_schema_change='fail') }}
select cast(id as bigint) as id, day, cast(amount as bigint) as amount
from {{ source('raw_shop', 'things') }}
{% if is_incremental() %} where day > (select max(day) from {{ this }}) {% endif %}
"""


def test_a_table_built_in_increments_keeps_what_came_back(guarded: Shop) -> None:
    model = guarded.project.root / "dbt_project/models/staging/stg_things.sql"
    model.write_text(INCREMENTAL, encoding="utf-8")
    source = ((1, "2025-01-01", 10), (2, "2025-01-02", None))
    guarded.load(*source)
    assert guarded.execute().success
    # The day of the bad row is read once more with the next increment; it waits once.
    guarded.load(*source, (3, "2025-01-03", 9999), (4, "2025-01-04", 20))
    assert guarded.execute().success
    waiting = "select id, amount from quarantine.staging__stg_things order by id"
    assert guarded.sql(waiting) == [(2, None), (3, 9999)]
    assert guarded.sql("select total from marts.totals") == [(30,)]

    guarded.sql("update quarantine.staging__stg_things set amount = 25 where id = 3")
    quarantine = Quarantine(
        guarded.project, open_warehouse(guarded.project.environment, guarded.project)
    )
    assert quarantine.replay("stg_things", "anna").returned == 1
    done = guarded.execute()
    assert done.success, done.failures
    assert guarded.sql("select id, amount from staging.stg_things order by id") == [
        (1, 10),
        (3, 25),
        (4, 20),
    ]
    assert guarded.sql("select total from marts.totals") == [(55,)]


def test_rows_of_a_view_cannot_be_set_aside_and_that_stops_what_is_below(guarded: Shop) -> None:
    settings = guarded.project.root / "dbt_project/dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace(
            "staging: {+schema: staging, +materialized: table}",
            "staging: {+schema: staging, +materialized: view}",
        ),
        encoding="utf-8",
    )
    guarded.load((1, "2025-01-01", 9999))
    done = guarded.execute()
    assert not done.success
    said = "\n".join(done.failures)
    assert "staging.stg_things is a view, and rows can be set aside from a table only" in said
    assert "candidate.things was left out, because staging.stg_things failed." in said
