"""The last state of assets and checks, told to an instance that knew nothing."""

from __future__ import annotations

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

from dataplatform.resources.instance import (
    latest_materialisations,
    latest_verdicts,
)
from dataplatform.resources.record_copy import copy_last

ORDERS, OTHER = AssetKey(["marts", "orders"]), AssetKey(["raw", "x"])


def built(instance: DagsterInstance, key: AssetKey, version: str) -> None:
    tags = {"dagster/data_version": version, "dagster/code_version": f"code {version}"}
    metadata = {"dagster/row_count": 7}
    event = AssetMaterialization(key, metadata=metadata, tags=tags)
    instance.report_runless_asset_event(event)


def judged(instance: DagsterInstance, name: str, *, passed: bool) -> None:
    last = latest_materialisations(instance, [ORDERS])[ORDERS]
    about = AssetCheckEvaluationTargetMaterializationData(
        storage_id=last.storage_id, run_id=last.run_id, timestamp=last.timestamp
    )
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=ORDERS,
            check_name=name,
            passed=passed,
            metadata={"failing_count": 3},
            target_materialization_data=about,
            severity=AssetCheckSeverity.ERROR,
            description="why",
        )
    )


def test_the_last_of_each_is_told_and_verdicts_stay_about_their_build() -> None:
    with DagsterInstance.ephemeral() as source, DagsterInstance.ephemeral() as target:
        # The numbers of events differ between the two.
        built(source, OTHER, "v0")
        built(source, ORDERS, "v1")
        judged(source, "of_an_older_build", passed=True)
        built(source, ORDERS, "v2")
        judged(source, "kept", passed=False)
        judged(source, "kept", passed=True)
        judged(source, "broken", passed=False)
        assert copy_last(source, target) == 2
        found = latest_materialisations(target, [ORDERS, OTHER])
        last = found[ORDERS]
        assert (last.data_version, last.code_version, last.row_count) == ("v2", "code v2", 7)
        assert found[OTHER].data_version == "v0"
        keys = [AssetCheckKey(ORDERS, name) for name in ("kept", "broken", "of_an_older_build")]
        kept, broken, older = (latest_verdicts(target, keys)[key] for key in keys)
        assert (kept.passed, broken.passed, older.passed) == (True, False, True)
        assert kept.target == broken.target == last.storage_id
        assert older.target is None
        assert (broken.severity, broken.description) == ("ERROR", "why")
        assert broken.metadata["failing_count"].value == 3


def test_nothing_is_told_of_nothing() -> None:
    with DagsterInstance.ephemeral() as source, DagsterInstance.ephemeral() as target:
        assert copy_last(source, target) == 0
