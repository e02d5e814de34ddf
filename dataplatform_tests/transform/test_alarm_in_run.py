"""From damage to an answer: an unusual table leaves the marts as they were until it is accepted."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from dagster import AssetCheckKey, AssetKey, Definitions
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

TABLE = Relation("staging", "stg_things")
VOLUME = AssetCheckKey(AssetKey(list(TABLE)), "usual_volume")
DAY = datetime.timedelta(days=1)


def _rows(count: int) -> list[tuple[int | None, str, int | None]]:
    return [(number, f"2025-01-{1 + number % 9:02}", number % 7) for number in range(count)]


def _repeat_for_twenty_days(shop: Shop) -> None:
    with open_warehouse(shop.project.environment, shop.project).session("a test") as session:
        store = MonitorStore(session, "duckdb")
        now = datetime.datetime.now(datetime.UTC)
        (last,) = store.history([TABLE], now - DAY)[TABLE].snapshots
        assert last.values[None, "rows"] == 200
        for back in range(20, 0, -1):
            store.write(TABLE, Snapshot(last.at - back * DAY, last.values, {}, last.columns))


def test_a_damaged_table_waits_for_an_answer(
    make_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop()
    root = shop.project.root
    (root / "config/monitors.yml").write_text("tables: {staging.stg_things: {monitors: [volume]}}")
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
        _repeat_for_twenty_days(shop)

        shop.load(*_rows(12))
        bad = run()
        assert not bad.success
        verdict = shop.verdict("staging/stg_things", VOLUME.name)
        assert (verdict.passed, verdict.severity) == (False, "ERROR")
        assert "of candidate.things, staging.stg_things, above it, breaks the rule" in "\n".join(
            bad.failures
        )
        # The models hold the damage; what consumers read does not, however often it is run.
        assert shop.sql("select count(*) from candidate.things") == [(12,)]
        assert not run().success
        assert shop.sql("select count(*) from marts.things") == [(200,)]

        listed = alarm("list")
        assert "staging.stg_things" in listed and "very unusual" in listed
        said = alarm("accept", "staging.stg_things", "usual_volume", "--why", "A sale of all.")
        assert "usual_volume" in said
        good = run()
        assert good.success, good.failures
        assert shop.sql("select count(*) from marts.things") == [(12,)]
        assert "No alarm waits" in alarm("list")
