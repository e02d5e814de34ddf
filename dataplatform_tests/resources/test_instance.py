"""What counts as the last verdict when runs overlap."""

from __future__ import annotations

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)

from dataplatform.resources.check_history import evaluations
from dataplatform.resources.instance import latest_verdicts

CHECK = AssetCheckKey(AssetKey(["candidate", "sales"]), "days_are_there")


def report(instance: DagsterInstance, run_id: str, passed: bool | None) -> None:
    """Record a verdict, or with None that one is planned."""
    key, name = CHECK.asset_key, CHECK.name
    kind = DagsterEventType.ASSET_CHECK_EVALUATION
    data: object
    if passed is None:
        kind = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
        data = AssetCheckEvaluationPlanned(asset_key=key, check_name=name)
    else:
        data = AssetCheckEvaluation(
            asset_key=key, check_name=name, passed=passed, metadata={}, blocking=False
        )
    event = DagsterEvent(kind.value, "job", event_specific_data=data)  # type: ignore[arg-type]
    instance.report_dagster_event(event, run_id)


@pytest.fixture
def instance() -> DagsterInstance:
    return DagsterInstance.ephemeral()


def test_the_run_that_judged_last_has_the_last_word(instance: DagsterInstance) -> None:
    for run_id in ("first", "second"):
        report(instance, run_id, None)
    report(instance, "second", True)
    report(instance, "first", False)
    storage = instance.event_log_storage
    # Dagster's own answer is the run that was planned last: that is why we ask otherwise.
    assert storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK].run_id == "second"
    verdict = latest_verdicts(instance, [CHECK])[CHECK]
    assert (verdict.run_id, verdict.passed) == ("first", False)
    (history,) = evaluations(instance).values()
    assert [one.run_id for one in history] == ["first", "second"]


def test_a_planned_check_keeps_its_verdict_of_before(instance: DagsterInstance) -> None:
    report(instance, "done", None)
    report(instance, "done", False)
    report(instance, "dead", None)
    verdict = latest_verdicts(instance, [CHECK])[CHECK]
    assert (verdict.run_id, verdict.passed) == ("done", False)


def test_a_check_that_never_spoke_has_no_verdict(instance: DagsterInstance) -> None:
    report(instance, "dead", None)
    assert latest_verdicts(instance, [CHECK]) == {}
    assert latest_verdicts(instance, []) == {}
