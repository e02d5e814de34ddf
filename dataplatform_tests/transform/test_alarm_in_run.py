"""From damage to an answer: an unusual table leaves the marts as they were until it is accepted."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from dagster import Definitions
from typer.testing import CliRunner

from dataplatform.cli.alarm import app
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.monitors.model import Snapshot
from dataplatform.quality.defs import build_definitions
from dataplatform.resources.executor import EXECUTOR
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.runtime.execute import RunResult
from dataplatform.runtime.home import open_instance
from dataplatform_tests.transform.conftest import Shop

pytestmark = pytest.mark.slow

STAGING, RAW = Relation("staging", "stg_things"), Relation("raw_shop", "things")
DAY = datetime.timedelta(days=1)
CONNECTION = """\
service: salesforce
schema: raw_shop
description: Things.
owner: team:data
sync_frequency: 60
schedule_type: auto
config: {domain: "http://localhost"}
tables: {things: {primary_key: [id], columns: {id: integer, day: date, amount: integer}}}
"""


def _rows(count: int) -> list[tuple[int | None, str, int | None]]:
    return [(number, f"2025-01-{1 + number % 9:02}", number % 7) for number in range(count)]


def _repeat_for_twenty_days(shop: Shop, table: Relation) -> None:
    with open_warehouse(shop.project.environment, shop.project).session("a test") as session:
        store = MonitorStore(session, "duckdb")
        now = datetime.datetime.now(datetime.UTC)
        (last,) = store.history([table], now - DAY)[table].snapshots
        assert last.values[None, "rows"] == 200
        for back in range(20, 0, -1):
            store.write(table, Snapshot(last.at - back * DAY, last.values, {}, last.columns))


@pytest.mark.parametrize(
    ("table", "told", "reached"),
    [
        (STAGING, "of candidate.things, staging.stg_things, above it, breaks the rule", 12),
        (RAW, "staging.stg_things was left out: raw_shop.things breaks the rule", 200),
    ],
    ids=("model", "raw"),
)
def test_a_damaged_table_waits_for_an_answer(
    make_shop: Callable[[], Shop],
    monkeypatch: pytest.MonkeyPatch,
    table: Relation,
    told: str,
    reached: int,
) -> None:
    """The models below a damaged table of sources keep what they had; a damaged model's do not."""
    shop = make_shop()
    root = shop.project.root
    (root / "config/monitors.yml").write_text(f"tables: {{{table}: {{monitors: [volume]}}}}")
    (root / "config/connections").mkdir(parents=True, exist_ok=True)
    (root / "config/connections/shop.yml").write_text(CONNECTION)
    shop.project = open_project(root)
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(root))
    monkeypatch.setenv("COLUMNS", "200")
    monitors = (build_definitions(shop.project), Definitions(executor=EXECUTOR))

    def run() -> RunResult:
        return shop.execute(None, *monitors)

    def alarm(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.output

    with open_instance(shop.project) as shop.instance:
        shop.load(*_rows(200))
        first = run()
        assert first.success, first.failures
        _repeat_for_twenty_days(shop, table)

        shop.load(*_rows(12))
        bad = run()
        assert not bad.success
        verdict = shop.verdict("/".join(table), "usual_volume")
        assert (verdict.passed, verdict.severity) == (False, "ERROR")
        assert f"{told} usual_volume" in "\n".join(bad.failures)
        # What consumers read does not hold the damage, however often it is run.
        assert shop.sql("select count(*) from candidate.things") == [(reached,)]
        assert not run().success
        assert shop.sql("select count(*) from marts.things") == [(200,)]

        listed = alarm("list")
        assert str(table) in listed and "very unusual" in listed
        said = alarm("accept", str(table), "usual_volume", "--why", "A sale of all.")
        assert "usual_volume" in said
        good = run()
        assert good.success, good.failures
        assert shop.sql("select count(*) from marts.things") == [(12,)]
        assert "No alarm waits" in alarm("list")
