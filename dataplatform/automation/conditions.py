"""When an asset or a check runs by itself: after an outside event, and never twice.

An asset runs when an input was updated and the gates of all inputs stood on that very update. It
does not run where a pipeline that covers it made the update: that run did, or is about to do, or
has decided to leave out, the asset itself. No update is lost: one that came between the same two
looks of the daemon as a run of the asset counts, for who was first is not known. Only Dagster's
own building blocks are used, so that its daemon evaluates them without the code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    AutomationCondition,
)
from dagster._utils.warnings import disable_dagster_warnings

from dataplatform.automation.pipelines import PIPELINE_TAG
from dataplatform.resources.instance import GATE, MONITOR, OWN_CLOCK

Gates = Mapping[AssetKey, Sequence[AssetCheckKey]]
Coverage = Mapping[AssetKey, Collection[str]]


def asset_condition(
    key: AssetKey, inputs: Iterable[AssetKey], gates: Gates, coverage: Coverage
) -> AutomationCondition[Any]:
    """Return the condition under which an asset runs by itself.

    Args:
        key: the asset.
        inputs: what it reads.
        gates: the checks that gate each asset.
        coverage: the pipelines that make each asset.
    """
    covering = [
        AutomationCondition.executed_with_tags(tag_values={PIPELINE_TAG: name})
        for name in sorted(coverage.get(key, ()))
    ]
    return (
        AutomationCondition.in_latest_time_window()
        & _awaited(covering)
        & ~AutomationCondition.any_deps_missing()
        & ~AutomationCondition.any_deps_in_progress()
        & ~AutomationCondition.in_progress()
        & gates_stand(check for source in inputs for check in gates.get(source, ()))
    ).with_label("an input was updated and its gates stand")


def check_condition() -> AutomationCondition[Any]:
    """Return the condition under which a check runs by itself, such as after a reported sync."""
    # Whichever pipeline updates a table checks it as well.
    pipeline = AutomationCondition.executed_with_tags(tag_keys={PIPELINE_TAG})
    return (
        _awaited([pipeline])
        & ~AutomationCondition.any_deps_in_progress()
        & ~AutomationCondition.in_progress()
    ).with_label("its table was updated outside a pipeline")


def gates_stand(checks: Iterable[AssetCheckKey]) -> AutomationCondition[Any]:
    """Return the condition that inputs' gates passed on their last update.

    An input that is made in the same run needs no verdict yet: that run's own gate holds there.
    """
    chosen = AssetSelection.checks(*sorted(set(checks)))
    passed = AutomationCondition.all_checks_match(AutomationCondition.check_passed())
    return AutomationCondition.all_deps_match(
        AutomationCondition.will_be_requested() | passed.allow(chosen)
    ).with_label("all inputs' gates stand")


def _awaited(covering: Iterable[AutomationCondition[Any]]) -> AutomationCondition[Any]:
    """Whether an input was updated elsewhere, and the target was not requested or made after.

    Not elsewhere are the target's own runs, and those of which one of ``covering`` is true.
    Dagster's `since_last_handled` lets the target's own run win over an input's update of the same
    tick, and a sync that ends some seconds after a build would never be built on.
    """
    covered = AutomationCondition.executed_with_root_target()
    for condition in covering:
        covered |= condition
    updated = AutomationCondition.any_deps_match(
        AutomationCondition.newly_updated() & ~covered | AutomationCondition.will_be_requested()
    ).with_label("an input was updated elsewhere")
    handled = AutomationCondition.newly_requested() | AutomationCondition.newly_updated()
    return updated.since((handled & ~updated).with_label("handled"))


def gates_of(definitions: Iterable[Any]) -> dict[AssetKey, list[AssetCheckKey]]:
    """Return the checks whose failure keeps readers of an asset from running, by asset."""
    found: dict[AssetKey, list[AssetCheckKey]] = {}
    for definition in definitions:
        if isinstance(definition, AssetsDefinition):
            for spec in definition.check_specs:
                # A monitor that learns has no verdict to wait for; the step itself reads the rest.
                if spec.metadata.get(GATE) and not spec.metadata.get(MONITOR):
                    found.setdefault(spec.asset_key, []).append(spec.key)
    return found


def connected(definitions: Iterable[Any]) -> list[AssetsDefinition]:
    """Return the definitions that read another, or are read by one."""
    found = [one for one in definitions if isinstance(one, AssetsDefinition)]
    read = {dep.asset_key for one in found for spec in one.specs for dep in spec.deps}
    return [one for one in found if any(spec.deps or spec.key in read for spec in one.specs)]


def with_own_clock(definitions: Iterable[Any]) -> list[AssetCheckKey]:
    """Return the checks that a schedule of their own runs, and neither pipeline nor condition."""
    return [
        spec.key
        for definition in definitions
        if isinstance(definition, AssetsDefinition)
        for spec in definition.check_specs
        if spec.metadata.get(OWN_CLOCK)
    ]


def with_conditions(definitions: Sequence[Any], gates: Gates, coverage: Coverage) -> list[Any]:
    """Return a graph's assets and checks with their conditions.

    What has no input, such as a sync, has no condition: its clock or an outside event runs it.
    An asset that declares a condition of its own keeps it.
    """

    def wants(spec: AssetSpec) -> set[AssetKey]:
        if spec.automation_condition is not None:
            return set()
        return {dep.asset_key for dep in spec.deps} - {spec.key}

    def conditioned(spec: AssetSpec) -> AssetSpec:
        inputs = wants(spec)
        if not inputs:
            return spec
        own = asset_condition(spec.key, inputs, gates, coverage)
        return spec.replace_attributes(automation_condition=own)

    # Thousands of checks, and one condition for all.
    condition = check_condition()

    def looked_at(spec: AssetCheckSpec) -> AssetCheckSpec:
        return spec._replace(automation_condition=condition)

    found: list[Any] = []
    for definition in definitions:
        if isinstance(definition, AssetChecksDefinition) and not with_own_clock([definition]):
            found.append(_with_checks(definition, looked_at))
        elif isinstance(definition, AssetsDefinition) and definition.is_executable:
            # A copy of a definition is made anew in every part: only where something changes.
            changes = any(wants(spec) for spec in definition.specs)
            found.append(definition.map_asset_specs(conditioned) if changes else definition)
        else:
            found.append(definition)
    return found


def _with_checks(
    definition: AssetChecksDefinition, changed: Callable[[AssetCheckSpec], AssetCheckSpec]
) -> AssetChecksDefinition:
    attributes = definition.get_attributes_dict()
    specs = attributes["check_specs_by_output_name"]
    attributes["check_specs_by_output_name"] = {name: changed(one) for name, one in specs.items()}
    # An argument of Dagster's own definition is called beta; nobody chose it here.
    with disable_dagster_warnings():
        return type(definition)(**attributes)
