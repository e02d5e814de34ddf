"""From a dbt step's findings to Dagster's events, stored in batches.

Events are made here directly, with versions and targets that the step already knows, instead of
through outputs: Dagster would look each of them up again. When to record what is ``dbt_step``'s
business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import AssetCheckResult, AssetKey, AssetMaterialization, DagsterInstance, Output
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    DagsterEventType,
    StepMaterializationData,
    generate_event_batch_id,
)

from dataplatform.resources.instance import RULE_VERSION, Materialised, latest_materialisations


def version_tags(
    data_version: str,
    code_version: str,
    inputs: Mapping[AssetKey, tuple[str | None, int | None]],
) -> dict[str, str]:
    """Return the tags from which Dagster tells whether an asset is in step with its inputs.

    Args:
        data_version: of the content.
        code_version: of what made it.
        inputs: data version and record of each materialisation it was built from.
    """
    tags = {
        DATA_VERSION_TAG: data_version,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: code_version,
    }
    for key, (version, storage_id) in inputs.items():
        if version is not None:
            tags[get_input_data_version_tag(key)] = version
            pointer = NULL_EVENT_POINTER if storage_id is None else str(storage_id)
            tags[get_input_event_pointer_tag(key)] = pointer
    return tags


def record(
    step: Any, events: Sequence[AssetMaterialization | AssetCheckEvaluation]
) -> Iterator[Any]:
    """Store events in one batch, and yield them for the run.

    Args:
        step: the step's execution context.
        events: what to record, in order.
    """
    batch = generate_event_batch_id()
    for index, event in enumerate(events):
        kind: DagsterEventType
        data: Any
        if isinstance(event, AssetMaterialization):
            kind, data = DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(event)
            name = event.asset_key.to_user_string()
            message = f"Materialized {name}" + (f", {event.partition}." if event.partition else ".")
        else:
            kind, data = DagsterEventType.ASSET_CHECK_EVALUATION, event
            outcome = "passed" if event.passed else "did not pass"
            message = (
                f"Check {event.check_name} on {event.asset_key.to_user_string()} {outcome}."
                + (f" {event.description}" if event.description else "")
            )
        yield DagsterEvent.from_step(
            kind,
            step,
            data,
            message,
            DagsterEventBatchMetadata(batch, is_end=index == len(events) - 1),
        )


class Targets:
    """Which materialisation a verdict is about; looked up once for many assets."""

    def __init__(self, instance: DagsterInstance, known: Mapping[AssetKey, Materialised]) -> None:
        self._instance = instance
        self._known = dict(known)
        self._outdated: set[AssetKey] = set()

    def materialised(self, keys: Sequence[AssetKey]) -> None:
        """Say that these assets have a new materialisation."""
        self._outdated.update(keys)

    def __getitem__(self, key: AssetKey) -> Materialised | None:
        if key in self._outdated:
            self._known.update(latest_materialisations(self._instance, self._outdated))
            self._outdated.clear()
        return self._known.get(key)

    def evaluation(
        self, result: AssetCheckResult, rule_version: str | None
    ) -> AssetCheckEvaluation:
        """Return a check's result as the event that is recorded."""
        assert result.asset_key is not None and result.check_name is not None
        target = self[result.asset_key]
        metadata: dict[str, Any] = dict(result.metadata or {})
        if rule_version:
            metadata[RULE_VERSION] = rule_version
        return AssetCheckEvaluation(
            asset_key=result.asset_key,
            check_name=result.check_name,
            passed=result.passed,
            metadata=metadata,
            severity=result.severity,
            description=result.description,
            blocking=False,
            target_materialization_data=None
            if target is None
            else AssetCheckEvaluationTargetMaterializationData(
                storage_id=target.storage_id, run_id=target.run_id, timestamp=target.timestamp
            ),
        )


def let_downstream_go_on(context: Any, keys: Sequence[AssetKey]) -> Iterator[Output[Any]]:
    """Yield outputs that let the steps below run, without recording a materialisation.

    An unchanged table needs no new materialisation, and one that failed must not have one; but
    the steps below gate themselves, asset by asset, and have work to do in either case.

    Args:
        context: the step's context.
        keys: assets in topological order.
    """
    step = context.op_execution_context.get_step_execution_context()
    below = step.job_def.dependency_structure.output_to_downstream_inputs_for_node(
        step.node_handle.name
    )
    read = {output.output_name for output in below}
    for key in keys:
        name = context.assets_def.get_output_name_for_asset_key(key)
        if name in read:
            # The mark makes Dagster take the output and write down nothing about the asset.
            yield Output(None, name, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
