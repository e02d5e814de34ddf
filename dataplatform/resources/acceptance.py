"""A person's word on a broken rule: these rows may pass as they are, and why.

An acceptance is one more verdict about the same build of the table: not passed, but a warning, with
who and why. So the gate opens, the history shows it, and nothing turns green by itself. It holds
for the rows that were judged: a new build of other rows is judged anew.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from dataclasses import dataclass

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    DagsterInstance,
    MetadataValue,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from dataplatform.declarations.errors import UserError
from dataplatform.keys import relation_of
from dataplatform.resources.check_records import recorded_verdicts
from dataplatform.resources.instance import (
    ACCEPTED_BY,
    ACCEPTED_WHY,
    GATE,
    SEVERITY,
    LastVerdict,
    latest_materialisations,
    latest_verdicts,
)

#: The data version of the rows that were accepted; the next build may have the same.
_ACCEPTED_VERSION = "dataplatform/accepted_version"
#: How many verdicts back an acceptance of the same rows is looked for.
_LOOK_BACK = 20


@dataclass(frozen=True)
class Accepted:
    """What was accepted: the check, the sentence it said, and by whom."""

    check: AssetCheckKey
    description: str
    who: str
    why: str


def accept(instance: DagsterInstance, check: AssetCheckKey, who: str | None, why: str) -> Accepted:
    """Record, without a run, that a broken rule is accepted for the rows it judged.

    Args:
        instance: where verdicts are recorded.
        check: the rule, or the monitor.
        who: the person; None for the user of this machine.
        why: the reason, in words for whoever reads the history.

    Raises:
        UserError: the reason is empty, the check never spoke, is kept, only warns, was accepted
            already, or is about rows that have been replaced since.
    """
    name = f"{relation_of(check.asset_key)} {check.name}"
    if not why.strip():
        raise UserError(f"Say why {name} is accepted: the reason stays in its history.")
    who = (who or getpass.getuser()).strip()
    last = latest_verdicts(instance, [check]).get(check)
    if last is None:
        raise UserError(f"{name} never gave a verdict, so there is nothing to accept.")
    if last.passed:
        raise UserError(f"{name} is kept, so there is nothing to accept.")
    if ACCEPTED_BY in last.metadata:
        by = last.metadata[ACCEPTED_BY].value
        raise UserError(f"{name} was accepted already, by {by}.")
    if last.severity != "ERROR":
        raise UserError(f"{name} only warns: it keeps nothing from being built or published.")
    built = latest_materialisations(instance, [check.asset_key]).get(check.asset_key)
    if built is not None and last.target is not None and built.storage_id != last.target:
        raise UserError(
            f"{name} was judged on rows that have been replaced since: run the check again first."
        )
    metadata = {
        **last.metadata,
        GATE: MetadataValue.bool(False),
        SEVERITY: MetadataValue.text("WARN"),
        ACCEPTED_BY: MetadataValue.text(who),
        ACCEPTED_WHY: MetadataValue.text(why.strip()),
    }
    if built is not None and built.data_version:
        metadata[_ACCEPTED_VERSION] = MetadataValue.text(built.data_version)
    said = (last.description or "It is broken.").strip()
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=False,
            metadata=metadata,
            severity=AssetCheckSeverity.WARN,
            description=f"{said} Accepted by {who}: {why.strip()}",
            blocking=False,
            target_materialization_data=None
            if built is None or last.target is None
            else AssetCheckEvaluationTargetMaterializationData(
                storage_id=built.storage_id, run_id=built.run_id, timestamp=built.timestamp
            ),
        )
    )
    return Accepted(check, said, who, why.strip())


def accepted_before(
    instance: DagsterInstance, verdicts: Collection[LastVerdict]
) -> set[AssetCheckKey]:
    """Return the checks whose broken verdict is the very one that was accepted before.

    That is: the same rule found the same number of failing rows in the same data, judged again by
    a later run.

    Args:
        instance: where verdicts are recorded.
        verdicts: last verdicts that are broken.
    """
    wanted = {verdict.check: verdict for verdict in verdicts}
    if not wanted:
        return set()
    assets = {check.asset_key for check in wanted}
    built = latest_materialisations(instance, assets)
    found: set[AssetCheckKey] = set()
    for _, earlier in recorded_verdicts(instance, _LOOK_BACK, assets):
        check = earlier.asset_check_key
        version = earlier.metadata.get(_ACCEPTED_VERSION)
        if check not in wanted or version is None or check.asset_key not in built:
            continue
        now = wanted[check]
        same = all(
            _plain(earlier.metadata.get(name)) == _plain(now.metadata.get(name))
            for name in ("expected", "observed", "failing_count")
        )
        current = built[check.asset_key]
        if same and version.value == current.data_version and now.target == current.storage_id:
            found.add(check)
    return found


def _plain(value: object) -> object:
    return getattr(value, "value", value)
