"""What runs by itself after an outside event, and what a pipeline looks after instead."""

from __future__ import annotations

from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetMaterialization,
    AssetSpec,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    MaterializeResult,
    asset,
    define_asset_job,
    evaluate_automation_conditions,
    multi_asset,
    multi_asset_check,
)
from dagster._core.events import StepMaterializationData

from dataplatform.automation.conditions import connected, gates_of, with_conditions
from dataplatform.automation.pipelines import EVERYTHING, PIPELINE_TAG

RAW = AssetKey(["raw", "orders"])
STAGED = AssetKey(["staging", "orders"])
MART = AssetKey(["candidate", "orders"])
OTHER = AssetKey(["candidate", "other"])
STATE: dict[str, Any] = {"raw": True, "staged": True}
GATE = {"dataplatform/gate": True}


@asset(key=RAW)
def sync() -> None:
    """Nothing."""


@multi_asset_check(
    specs=[
        AssetCheckSpec("gate", asset=RAW, metadata=GATE),
        AssetCheckSpec("hint", asset=RAW, metadata={"dataplatform/gate": False}),
    ],
    can_subset=True,
    name="check_raw_orders",
)
def check_raw(context):  # type: ignore[no-untyped-def]
    for key in context.selected_asset_check_keys:
        yield AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=STATE["raw"] if key.name == "gate" else False,
            severity=AssetCheckSeverity.ERROR if key.name == "gate" else AssetCheckSeverity.WARN,
        )


@multi_asset(
    specs=[
        AssetSpec(STAGED, deps=[RAW], skippable=True),
        AssetSpec(MART, deps=[STAGED], skippable=True),
        AssetSpec(OTHER, deps=[STAGED], skippable=True),
    ],
    check_specs=[AssetCheckSpec("rule", asset=STAGED, metadata=GATE)],
    can_subset=True,
    name="dbt_build",
)
def dbt_build(context):  # type: ignore[no-untyped-def]
    if STAGED in context.selected_asset_keys:
        yield MaterializeResult(STAGED)
        yield AssetCheckResult(asset_key=STAGED, check_name="rule", passed=STATE["staged"])
    for key in (MART, OTHER):
        if key in context.selected_asset_keys:
            yield MaterializeResult(key)


DEFINED = [sync, dbt_build, check_raw]
COVERAGE = {
    RAW: [EVERYTHING, "daily"],
    STAGED: [EVERYTHING, "daily"],
    MART: [EVERYTHING, "daily"],
    OTHER: [EVERYTHING],
}
CONDITIONED = with_conditions(DEFINED, gates_of(DEFINED), COVERAGE)
GRAPH = Definitions(
    assets=CONDITIONED,
    jobs=[
        define_asset_job(EVERYTHING, "*", run_tags={PIPELINE_TAG: EVERYTHING}),
        define_asset_job(
            "daily",
            'key:"raw/orders" or key:"staging/orders" or key:"candidate/orders"',
            run_tags={PIPELINE_TAG: "daily"},
        ),
    ],
)


class World:
    """An instance, and ticks of the daemon over it."""

    def __init__(self, instance: DagsterInstance) -> None:
        STATE.update(raw=True, staged=True)
        self.instance = instance
        self.cursor: Any = None
        self.run(EVERYTHING)
        assert self.tick() == set()

    def tick(self) -> set[str]:
        result = evaluate_automation_conditions(
            defs=GRAPH, instance=self.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        return {_name(one.key) for one in result.results if one.true_subset.size}

    def run(self, job: str) -> None:
        GRAPH.resolve_job_def(job).execute_in_process(instance=self.instance)

    def report(self) -> None:
        """A sync finished outside, and the sensor says so."""
        self.instance.report_runless_asset_event(AssetMaterialization(RAW))

    def sync_and_check(self) -> None:
        """A sync finishes outside; its checks are asked for, alone, and pass."""
        self.report()
        assert self.tick() == CHECKS
        self.check_raw(passed=True)

    def check_raw(self, passed: bool) -> None:
        STATE["raw"] = passed
        job = GRAPH.resolve_implicit_global_asset_job_def().get_subset(
            asset_check_selection={AssetCheckKey(RAW, "gate"), AssetCheckKey(RAW, "hint")}
        )
        job.execute_in_process(instance=self.instance)


def _name(key: Any) -> str:
    if isinstance(key, AssetCheckKey):
        return f"{key.name} of {key.asset_key.to_user_string()}"
    return str(key.to_user_string())


ALL_BELOW = {"staging/orders", "candidate/orders", "candidate/other"}
CHECKS = {"gate of raw/orders", "hint of raw/orders"}


def test_a_reported_sync_is_checked_and_then_what_is_below_runs(instance: DagsterInstance) -> None:
    world = World(instance)
    world.report()
    assert world.tick() == CHECKS
    assert world.tick() == set()
    world.check_raw(passed=True)
    # A warning that fails stops nothing; what is below goes in one request.
    assert world.tick() == ALL_BELOW
    assert world.tick() == set()


def test_a_failed_gate_holds_until_it_passes(instance: DagsterInstance) -> None:
    world = World(instance)
    world.report()
    assert world.tick() == CHECKS
    world.check_raw(passed=False)
    assert world.tick() == set()
    world.sync_and_check()
    assert world.tick() == ALL_BELOW


def test_a_verdict_on_an_earlier_update_does_not_count(instance: DagsterInstance) -> None:
    world = World(instance)
    world.report()
    # The gate passed before, on what was there then.
    assert not world.tick() & ALL_BELOW


def test_what_a_pipeline_covers_is_not_run_twice(instance: DagsterInstance) -> None:
    world = World(instance)
    world.run("daily")
    # The pipeline made the mart itself; the other reader of its input is nobody's but ours.
    assert world.tick() == {"candidate/other"}
    world.run(EVERYTHING)
    assert world.tick() == set()


def test_what_a_pipeline_left_out_is_left_alone(instance: DagsterInstance) -> None:
    world = World(instance)
    # A run of the pipeline in which the mart was left out, or found unchanged.
    run = instance.create_run_for_job(GRAPH.resolve_job_def("daily"), tags={PIPELINE_TAG: "daily"})
    _materialised(instance, run.run_id, STAGED)
    instance.report_run_failed(run)
    assert "candidate/orders" not in world.tick()


def test_a_sync_that_ends_right_after_a_build_is_built_on(instance: DagsterInstance) -> None:
    world = World(instance)
    world.run(EVERYTHING)
    world.sync_and_check()
    assert world.tick() == ALL_BELOW
    assert world.tick() == set()


def test_a_sync_that_ends_right_after_a_request_is_checked_and_built_on(
    instance: DagsterInstance,
) -> None:
    world = World(instance)
    world.sync_and_check()
    world.sync_and_check()
    assert world.tick() == ALL_BELOW
    world.sync_and_check()
    assert world.tick() == ALL_BELOW
    assert world.tick() == set()


def test_nothing_runs_while_a_queued_or_running_pipeline_is_about_to(
    instance: DagsterInstance,
) -> None:
    world = World(instance)
    world.sync_and_check()
    run = instance.create_run_for_job(GRAPH.resolve_job_def("daily"), tags={PIPELINE_TAG: "daily"})
    start = DagsterEvent(DagsterEventType.RUN_START.value, run.job_name)
    instance.report_dagster_event(start, run.run_id)
    assert world.tick() == set()
    # It died before it judged the table, so nobody knows yet whether the gate stands.
    instance.report_run_failed(run)
    assert world.tick() == set()
    world.check_raw(passed=True)
    assert world.tick() == ALL_BELOW


def _materialised(instance: DagsterInstance, run_id: str, key: AssetKey) -> None:
    instance.report_dagster_event(
        DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            "daily",
            step_key="dbt_build",
            event_specific_data=StepMaterializationData(AssetMaterialization(key)),
        ),
        run_id,
    )


def test_conditions_need_none_of_our_code_to_be_evaluated() -> None:
    for definition in CONDITIONED:
        for spec in definition.specs:
            condition = spec.automation_condition
            assert condition is None or condition.is_serializable
        for check in definition.check_specs:
            assert check.automation_condition is None or check.automation_condition.is_serializable


def test_every_check_apart_has_a_condition_and_all_share_it() -> None:
    apart = [one for one in CONDITIONED if isinstance(one, AssetChecksDefinition)]
    conditions = [spec.automation_condition for one in apart for spec in one.check_specs]
    assert conditions and all(conditions)
    assert len({id(one) for one in conditions}) == 1


def test_a_sync_has_no_condition_and_a_declared_one_is_kept() -> None:
    specs = {spec.key: spec for definition in CONDITIONED for spec in definition.specs}
    assert specs[RAW].automation_condition is None
    assert specs[STAGED].automation_condition is not None


def test_what_stands_alone_needs_no_coverage() -> None:
    @asset(key=["raw", "alone"])
    def alone() -> None:
        """Nothing."""

    assert connected([alone, *DEFINED]) == [sync, dbt_build]
    assert connected([alone, sync]) == []
    # A check apart asks for no certain pipeline: whichever updates the table checks it.
    assert connected([sync, check_raw]) == []
