"""What a person may accept, what it opens, and for how long."""

from __future__ import annotations

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from dataplatform.declarations.errors import UserError
from dataplatform.resources.acceptance import accept
from dataplatform.resources.check_history import evaluations
from dataplatform.resources.gates import standing
from dataplatform.resources.instance import (
    ACCEPTED_BY,
    ACCEPTED_WHY,
    latest_materialisations,
    latest_verdicts,
)

TABLE = AssetKey(["candidate", "sales"])
CHECK = AssetCheckKey(TABLE, "days_are_there")


@pytest.fixture
def instance() -> DagsterInstance:
    return DagsterInstance.ephemeral()


def build(instance: DagsterInstance, version: str) -> None:
    tags = {"dagster/data_version": version}
    instance.report_runless_asset_event(AssetMaterialization(TABLE, tags=tags))


def judge(
    instance: DagsterInstance, passed: bool, severity: str = "ERROR", failing: int = 3
) -> None:
    last = latest_materialisations(instance, [TABLE]).get(TABLE)
    target = last and AssetCheckEvaluationTargetMaterializationData(
        storage_id=last.storage_id, run_id=last.run_id, timestamp=last.timestamp
    )
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=TABLE,
            check_name=CHECK.name,
            passed=passed,
            metadata={"failing_count": failing, "expected": "no gaps"},
            severity=AssetCheckSeverity(severity),
            description=f"{failing} rows fail.",
            target_materialization_data=target,
        )
    )


def gates(instance: DagsterInstance) -> list[str]:
    found = standing(instance, latest_verdicts(instance, [CHECK]))
    return [one.check.name for many in found.values() for one in many]


def test_an_accepted_rule_gates_no_longer_and_is_still_not_kept(instance: DagsterInstance) -> None:
    build(instance, "one")
    judge(instance, passed=False)
    assert gates(instance) == ["days_are_there"]
    accept(instance, CHECK, "anna@example.com", "The shop was closed.")
    assert gates(instance) == []
    last = latest_verdicts(instance, [CHECK])[CHECK]
    assert (last.passed, last.severity) == (False, "WARN")
    assert last.metadata[ACCEPTED_BY].value == "anna@example.com"
    assert last.metadata[ACCEPTED_WHY].value == "The shop was closed."
    assert last.metadata["failing_count"].value == 3
    built = latest_materialisations(instance, [TABLE])[TABLE]
    assert last.target == built.storage_id
    (history,) = evaluations(instance).values()
    assert [(one.passed, one.severity) for one in history] == [(False, "WARN"), (False, "ERROR")]


def test_the_same_rows_judged_again_stay_accepted(instance: DagsterInstance) -> None:
    build(instance, "one")
    judge(instance, passed=False)
    accept(instance, CHECK, "anna", "Known.")
    build(instance, "one")
    judge(instance, passed=False)
    assert gates(instance) == []


@pytest.mark.parametrize(("version", "failing"), [("two", 3), ("one", 4)])
def test_other_rows_or_another_finding_gate_again(
    instance: DagsterInstance, version: str, failing: int
) -> None:
    build(instance, "one")
    judge(instance, passed=False)
    accept(instance, CHECK, "anna", "Known.")
    build(instance, version)
    judge(instance, passed=False, failing=failing)
    assert gates(instance) == ["days_are_there"]


def test_a_pass_after_an_acceptance_is_a_pass(instance: DagsterInstance) -> None:
    build(instance, "one")
    judge(instance, passed=False)
    accept(instance, CHECK, None, "Known.")
    judge(instance, passed=True)
    assert latest_verdicts(instance, [CHECK])[CHECK].passed


def test_what_cannot_be_accepted_is_said(instance: DagsterInstance) -> None:
    def refused(why: str = "Known.") -> str:
        with pytest.raises(UserError) as caught:
            accept(instance, CHECK, "anna", why)
        return str(caught.value)

    name = "candidate.sales days_are_there"
    assert refused() == f"{name} never gave a verdict, so there is nothing to accept."
    build(instance, "one")
    judge(instance, passed=True)
    assert refused() == f"{name} is kept, so there is nothing to accept."
    judge(instance, passed=False, severity="WARN")
    assert refused() == f"{name} only warns: it keeps nothing from being built or published."
    judge(instance, passed=False)
    assert refused(" ") == f"Say why {name} is accepted: the reason stays in its history."
    build(instance, "two")
    assert refused().startswith(f"{name} was judged on rows that have been replaced since")
    judge(instance, passed=False)
    accept(instance, CHECK, "anna", "Known.")
    assert refused() == f"{name} was accepted already, by anna."
