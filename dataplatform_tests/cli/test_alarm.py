"""``dataplatform alarm``: seen and answered on the command line."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dataplatform.cli.alarm import app
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.monitors.model import Finding, Snapshot
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.servers import copy_project

ORDERS = Relation("raw_postgres_public", "orders")
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = copy_project(tmp_path)
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(made.root))
    monkeypatch.setenv("COLUMNS", "200")
    made.state.mkdir(parents=True, exist_ok=True)
    return made


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, UserError):
        return str(result.exception)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def _remembered(project: Any) -> str:
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("a test") as session:
        store = MonitorStore(session, warehouse.dialect)
        store.prepare()
        store.write(ORDERS, Snapshot(NOW, {(None, "rows"): 5.0}))
        finding = Finding(
            "volume", None, "rows", "very_unusual", "The rows fell to 5.", 90, 110, "9 days", 5, 12
        )
        return store.raise_alarms(ORDERS, NOW, [finding], "run")[0].id


def test_before_the_first_run_there_is_nothing(project: Any) -> None:
    assert "No alarm waits" in _run("list")
    assert "There is no alarm 'abc'" in _run("show", "abc")
    said = _run("mute", "raw_postgres_public.orders", "--why", "x")
    assert said == "Nothing has been measured yet: `make run` first."


def test_an_alarm_is_listed_shown_accepted_and_gone(project: Any) -> None:
    alarm = _remembered(project)
    listed = _run("list")
    assert alarm in listed and "raw_postgres_public.orders" in listed and "very unusual" in listed
    shown = _run("show", alarm)
    assert "The rows fell to 5." in shown and "90 to 110" in shown and "usual_volume" in shown
    assert "Say why" in _run("accept", alarm)
    assert "is learned" in _run("accept", alarm, "--why", "a small shop", "--who", "ann")
    assert "No alarm waits" in _run("list")
    assert "accepted by ann" in _run("list", "--all")


def test_events_are_announced_and_monitors_muted(project: Any) -> None:
    _remembered(project)
    said = _run(
        "expect", "marts.fact_orders", "volume", "--from", "2026-11-27", "--to", "2026-11-30",
        "--factor", "3", "--why", "Black Friday",
    )  # fmt: skip
    assert "volume up to 3 times the usual is expected from 2026-11-27 to 2026-11-30" in said
    said = _run("mute", "marts.fact_orders", "--monitor", "nulls", "--days", "3", "--why", "x")
    assert "candidate.fact_orders: nulls is silent until" in said
    with open_warehouse(project.environment, project).session("a test") as session:
        answers = MonitorStore(session, "duckdb").answers()
    kept = answers[Relation("candidate", "fact_orders")]
    assert [one.action for one in kept] == ["expect", "mute"]
    assert kept[0].ends - kept[0].starts == datetime.timedelta(days=4) - datetime.timedelta(
        seconds=1
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mute", "marts.fact_order", "--why", "x"), "Did you mean 'marts.fact_orders'?"),
        (("mute", "marts.fact_orders", "--monitor", "volum", "--why", "x"), "mean 'volume'"),
        (("mute", "marts.fact_orders"), "Say why"),
        (("accept", "marts.fact_orders", "--why", "x"), "Name the rule or the check"),
        (
            ("expect", "marts.fact_orders", "volume", "--from", "2026-02-02", "--to", "2026-02-01",
             "--why", "x"),
            "ends (2026-02-01) before it begins",
        ),
        (
            ("expect", "marts.fact_orders", "volume", "--from", "2026-02-01", "--to", "2026-02-02",
             "--factor", "0", "--why", "x"),
            "--factor must be more than 0",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(project: Any, arguments: tuple[str, ...], words: str) -> None:
    assert words in _run(*arguments)
