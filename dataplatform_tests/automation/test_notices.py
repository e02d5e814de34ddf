"""What people are told: once, completely, and again only when there is reason to."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    DagsterInstance,
    Definitions,
    Failure,
    MaterializeResult,
    asset,
)

from dataplatform.automation.newsroom import Newsroom
from dataplatform.automation.notices import MOST_TRIES, Cursor, deliver, gather
from dataplatform.automation.pipelines import PIPELINE_TAG, build_jobs
from dataplatform.resources.notifiers import Notice
from dataplatform_tests.automation.conftest import pipeline

STATE: dict[str, Any] = {"fail": False, "passed": True, "severity": AssetCheckSeverity.ERROR}


@asset(
    key=["staging", "orders"],
    check_specs=[AssetCheckSpec("positive", asset=["staging", "orders"])],
    owners=["team:sales", "ann@example.com"],
)
def orders() -> Any:
    yield AssetCheckResult(
        passed=STATE["passed"],
        severity=STATE["severity"],
        description="3 of 9 rows fail.",
        metadata={"owner": "team:sales, ann@example.com"},
    )
    if STATE["fail"]:
        raise Failure("the table is gone")
    yield MaterializeResult()


PIPELINES = [pipeline("daily")]
GRAPH = Definitions(assets=[orders], jobs=build_jobs(PIPELINES))
NEWSROOM = Newsroom(
    {"daily": PIPELINES[0]},
    {AssetKey(["staging", "orders"]): ["team:sales", "ann@example.com"]},
    "http://dagster",
)


@pytest.fixture(autouse=True)
def _well() -> Any:
    yield
    STATE.update(fail=False, passed=True, severity=AssetCheckSeverity.ERROR)


def _run(instance: DagsterInstance, tags: dict[str, str] | None = None, **state: Any) -> str:
    STATE.update(state)
    job = (tags or {}).get(PIPELINE_TAG, "everything")
    run = GRAPH.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    return run.run_id


def _gather(instance: DagsterInstance, cursor: Cursor) -> list[tuple[Notice, list[str]]]:
    # Through its text, as the daemon keeps it.
    found = gather(instance, cursor, NEWSROOM)
    assert Cursor.load(cursor.dump(), instance).dump() == cursor.dump()
    return found


def test_history_is_not_told(instance: DagsterInstance) -> None:
    _run(instance, fail=True, passed=False)
    assert _gather(instance, Cursor.load(None, instance)) == []


def test_a_failed_pipeline_is_one_notice_with_its_rules(instance: DagsterInstance) -> None:
    cursor = Cursor.load(None, instance)
    run_id = _run(instance, {PIPELINE_TAG: "daily"}, fail=True, passed=False)
    ((notice, to),) = _gather(instance, cursor)
    assert to == ["team@example.com", "webhook"]
    assert notice.subject == "Pipeline daily failed"
    assert "tried again in 5 minutes" in notice.text
    assert notice.link == f"http://dagster/runs/{run_id}"
    step, rule = notice.items
    assert (step.asset, step.owner, step.text) == (
        "staging/orders",
        "ann@example.com, team:sales",
        "the table is gone",
    )
    assert (rule.rule, rule.text) == ("positive", "3 of 9 rows fail.")
    assert _gather(instance, cursor) == []


def test_an_error_rule_is_told_when_it_begins_to_fail(instance: DagsterInstance) -> None:
    cursor = Cursor.load(None, instance)
    _run(instance)
    assert _gather(instance, cursor) == []
    _run(instance, passed=False)
    ((notice, to),) = _gather(instance, cursor)
    assert notice.subject == "1 error rule failed on staging/orders"
    assert to == ["webhook", "ann@example.com"]
    _run(instance, passed=False)
    assert _gather(instance, cursor) == []
    _run(instance, passed=True)
    _run(instance, passed=False)
    assert len(_gather(instance, cursor)) == 1


def test_a_rule_that_goes_on_failing_is_told_again_after_a_day(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = Cursor.load(None, instance)
    moments: list[float] = []
    told = []
    for a_day_later in (False, False, True, False):
        _run(instance, passed=False)
        moments.append(_judged_at(instance))
        # A day is as long as the machine took, or longer than it will take.
        day = moments[-1] - moments[0] if a_day_later else 3600.0
        monkeypatch.setattr("dataplatform.automation.notices.REMIND_SECONDS", day)
        told.append(len(_gather(instance, cursor)))
    assert told == [1, 0, 1, 0]


def _judged_at(instance: DagsterInstance) -> float:
    (last,) = instance.event_log_storage.get_asset_check_execution_history(
        AssetCheckKey(AssetKey(["staging", "orders"]), "positive"), limit=1
    )
    assert last.event
    return last.event.timestamp


def test_a_warning_is_not_told(instance: DagsterInstance) -> None:
    cursor = Cursor.load(None, instance)
    _run(instance, passed=False, severity=AssetCheckSeverity.WARN)
    assert _gather(instance, cursor) == []


def test_many_events_are_read_in_parts(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataplatform.automation.notices.BATCH", 2)
    cursor = Cursor.load(None, instance)
    for passed in (False, True, False, True, False):
        _run(instance, passed=passed)
    counts = [len(_gather(instance, cursor)) for _ in range(4)]
    assert sum(counts) == 3 and counts[-1] == 0


def test_what_could_not_be_delivered_is_tried_again_for_those_who_missed_it(
    instance: DagsterInstance,
) -> None:
    cursor = Cursor.load(None, instance)
    _run(instance, {PIPELINE_TAG: "daily"}, fail=True)
    sent: list[str] = []
    down = {"webhook"}

    def send(notice: Notice, to: Any) -> list[str]:
        if set(to) & down:
            return ["The webhook was not reached."]
        sent.extend(f"{who} {notice.key.split('-')[0]}" for who in to)
        return []

    assert deliver(cursor, _gather(instance, cursor), send) == ["The webhook was not reached."]
    cursor = Cursor.load(cursor.dump(), instance)
    assert deliver(cursor, _gather(instance, cursor), send) == ["The webhook was not reached."]
    down.clear()
    assert deliver(cursor, _gather(instance, cursor), send) == []
    assert sent == ["team@example.com run", "webhook run"]
    assert cursor.undelivered == []


def test_an_address_that_never_answers_is_given_up(instance: DagsterInstance) -> None:
    cursor = Cursor.load(None, instance)
    waiting = [(Notice("k", "s", "t"), ["webhook"])]
    for _ in range(MOST_TRIES):
        assert deliver(cursor, waiting, lambda *_: ["down"])
        waiting = []
    assert cursor.undelivered == []
