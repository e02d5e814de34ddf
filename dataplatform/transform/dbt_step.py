"""The step that builds dbt models: plan, one dbt invocation, and a record of what happened.

Joins the plain parts (plan, gate, outcome) with Dagster: reads what is recorded, holds the
warehouse while dbt runs, records tables and verdicts as dbt reports them, and fails at the end
with one sentence for each thing that went wrong.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dagster import AssetCheckKey, AssetExecutionContext, Failure

from dataplatform.declarations.dbt_project import parsed_manifest_file, target_folder
from dataplatform.declarations.environment import export
from dataplatform.keys import Relation, asset_key, relation_of
from dataplatform.resources.gates import latest_blocking_verdicts, wait_for_planned_checks
from dataplatform.resources.instance import (
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.monitor_waiting import keep
from dataplatform.transform.dbt_run import Invocation, NodeDone, Said, run_dbt
from dataplatform.transform.gate import outside_parents
from dataplatform.transform.outcome import sentences
from dataplatform.transform.records import Targets, let_downstream_go_on
from dataplatform.transform.replays import last_replays
from dataplatform.transform.rules import Rules
from dataplatform.transform.step_plan import StepPlan, plan_step
from dataplatform.transform.step_recorder import StepRecorder
from dataplatform.transform.unchanged import Recorded, RecordedVerdict

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Warehouse

_FLUSH_SECONDS = 1.0
#: Tells rows that are set aside which run did it.
RUN_ID = "DATAPLATFORM_RUN_ID"


def build(
    context: AssetExecutionContext, project: Project, rules: Rules, warehouse: Warehouse
) -> Iterator[Any]:
    """Build the selected models and yield what is recorded of them.

    Args:
        context: the step's context; its selection says what to build.
        project: the project.
        rules: the checks that dbt evaluates.
        warehouse: where the models live.

    Raises:
        Failure: a model failed, broke an error rule or was left out; a sentence for each.
    """
    graph = rules.graph
    selected = {
        graph.by_relation[relation_of(key)].id
        for key in context.op_execution_context.selected_asset_keys
    }
    days = _days(context)
    with warehouse.beside_dbt(f"dbt build of {len(selected)} models") as look:
        plan, targets = _plan(context, rules, warehouse, selected, bool(days))
        _announce(context, rules, plan)
        recorder = StepRecorder(context, rules, plan, targets, days, warehouse, look)
        tests = _tests(rules, plan, context, selected)
        reported: dict[str, NodeDone] = {}
        if plan.run or tests:
            recorder.before()
            export({**warehouse.dbt_variables(), RUN_ID: context.run_id})
            yield from _run(context, project, plan, tests, days, recorder, reported)
    _keep(context, warehouse, recorder)
    yield from let_downstream_go_on(
        context, [asset_key(node.relation) for node in graph.nodes if node.id in selected]
    )
    wrong = sentences(graph, plan.left_out, reported, recorder.broken)
    if wrong:
        raise Failure("\n".join(wrong), metadata={"sentences": len(wrong)}, allow_retries=False)


def _keep(context: AssetExecutionContext, warehouse: Warehouse, recorder: StepRecorder) -> None:
    """Keep what was measured beside the rules; without it the monitors' step measures itself."""
    figures = recorder.figures()
    if not figures:
        return
    try:
        with warehouse.session(f"figures of {len(figures)} models") as session:
            keep(session, warehouse.dialect, figures)
    except Exception as error:
        context.log.warning(f"The figures of {len(figures)} models could not be kept: {error}")


def _days(context: AssetExecutionContext) -> list[str]:
    """The days that were asked for by name; none in a run that takes what changed."""
    run = context.op_execution_context
    if run.has_partition_key:
        return [run.partition_key]
    return sorted(run.partition_keys) if run.has_partition_key_range else []


def _plan(
    context: AssetExecutionContext,
    rules: Rules,
    warehouse: Warehouse,
    selected: set[str],
    by_name: bool,
) -> tuple[StepPlan, Targets]:
    graph, instance = rules.graph, context.instance
    outside = [asset_key(relation) for relation in outside_parents(graph, selected)]
    wait_for_planned_checks(context, outside)
    failed = {
        relation_of(key): [verdict.check.name for verdict in verdicts]
        for key, verdicts in latest_blocking_verdicts(context, outside).items()
    }
    relations = [graph.by_id[node_id].relation for node_id in selected]
    known = latest_materialisations(instance, [*outside, *map(asset_key, relations)])
    checks = {relation: rules.expected.get(relation, {}) for relation in relations}
    verdicts: dict[Relation, dict[str, RecordedVerdict]] = {}
    keys = [
        AssetCheckKey(asset_key(relation), name)
        for relation, names in checks.items()
        for name in names
    ]
    for key, last in latest_verdicts(instance, keys).items():
        verdicts.setdefault(relation_of(key.asset_key), {})[key.name] = RecordedVerdict(
            last.passed, last.severity, last.target, last.rule_version
        )
    recorded = {
        relation_of(key): Recorded(one.data_version, one.code_version, one.storage_id)
        for key, one in known.items()
    }
    days = {node.id for node in graph.nodes if node.partition} if by_name else set()
    present = warehouse.relations()
    plan = plan_step(
        graph,
        selected,
        failed=failed,
        recorded=recorded,
        checks=checks,
        verdicts=verdicts,
        present=present,
        always=days & selected,
        set_aside=rules.set_aside(last_replays(warehouse, present)),
    )
    return plan, Targets(instance, known)


def _announce(context: AssetExecutionContext, rules: Rules, plan: StepPlan) -> None:
    by_id = rules.graph.by_id
    if plan.unchanged:
        names = ", ".join(sorted(str(by_id[one].relation) for one in plan.unchanged))
        context.log.info(f"unchanged: {len(plan.unchanged)} of the selected models ({names})")
    if plan.run and len(plan.run) <= 60:
        lines = (f"{by_id[one].relation}: {why}" for one, why in plan.run.items())
        context.log.info("to build:\n" + "\n".join(lines))
    for kept_out in plan.left_out.values():
        context.log.warning(kept_out.sentence())


def _tests(
    rules: Rules, plan: StepPlan, context: AssetExecutionContext, selected: set[str]
) -> set[str]:
    """Tests of what runs; in a run of checks alone, the checks that were asked for."""
    if not selected:
        asked = context.op_execution_context.selected_asset_check_keys
        return rules.tests_of_checks({(relation_of(key.asset_key), key.name) for key in asked})
    return {
        test.id
        for test in rules.graph.tests
        if (set(test.touches) & plan.run.keys() or test.node in plan.run)
        and not (set(test.touches) & plan.left_out.keys())
    }


def _run(
    context: AssetExecutionContext,
    project: Project,
    plan: StepPlan,
    tests: set[str],
    days: list[str],
    recorder: StepRecorder,
    reported: dict[str, NodeDone],
) -> Iterator[Any]:
    invocation = Invocation(
        project=project.dbt,
        profiles=project.dbt,
        target=project.environment.warehouse.type,
        target_path=target_folder(project) / "run",
        log_path=project.state / "logs" / "dbt",
        chosen={*plan.run, *tests},
        full_refresh=() if days else plan.code_changed,
        variables={"start_date": days[0], "end_date": days[-1]} if days else None,
    )
    flushed = time.monotonic()
    for event in run_dbt(parsed_manifest_file(project), invocation):
        if isinstance(event, Said):
            recorder.said(event.text)
        elif event is not None:
            reported[event.id] = event
            recorder.done(event)
        if recorder.waiting and time.monotonic() - flushed >= _FLUSH_SECONDS:
            yield from recorder.flush()
            flushed = time.monotonic()
    yield from recorder.flush(last=True)
