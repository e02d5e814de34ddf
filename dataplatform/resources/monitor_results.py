"""What monitors found, in Dagster's words: their checks, and a result for each.

What is unusual is decided in ``monitors``; which steps report it is the business of
``quality.monitor_defs``. The words of rules are in ``check_results``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    MetadataValue,
)

from dataplatform.declarations.monitors import FILE
from dataplatform.keys import Relation, asset_key
from dataplatform.monitors.model import CHECKS, Finding
from dataplatform.resources.instance import GATE, MONITOR, RULE, SEVERITY

_WORDS = {
    "usual_volume": "As many rows as this table usually has, in all and of the last day.",
    "usual_freshness": "The newest row is as young as it usually is.",
    "usual_values": "Nulls, uniqueness, distribution and categories of every column are as usual.",
    "usual_schema": "The columns and their types are those of before.",
}
_DIMENSIONS = {
    "usual_volume": "completeness",
    "usual_freshness": "timeliness",
    "usual_values": "accuracy",
    "usual_schema": "conformity",
}
#: Alarms of a table that are told in full; the rest are counted.
_TOLD = 3


def monitor_spec(relation: Relation, name: str, owner: str | None) -> AssetCheckSpec:
    """Return the spec of one of a table's monitors' checks.

    Args:
        relation: the table.
        name: of the check, one of ``CHECKS``.
        owner: who is called, where somebody is.
    """
    metadata: dict[str, Any] = {
        GATE: True,
        MONITOR: True,
        SEVERITY: "ERROR",
        RULE: f"config/{FILE}",
        "dataplatform/engine": "monitor",
        "dataplatform/expected": _WORDS[name],
        "dataplatform/dimension": _DIMENSIONS[name],
    }
    if owner:
        metadata["dataplatform/owner"] = owner
    return AssetCheckSpec(
        name,
        asset=asset_key(relation),
        description=_WORDS[name],
        metadata=metadata,
    )


def monitor_result(key: AssetCheckKey, findings: Sequence[Finding]) -> AssetCheckResult | None:
    """Return a check's result, or None while its monitors learn.

    Args:
        key: the check.
        findings: what was found in its table, by all monitors.
    """
    kinds = CHECKS[key.name]
    mine = [one for one in findings if one.kind in kinds]
    spoken = [one for one in mine if one.state != "learning"]
    if not spoken:
        return None
    alarms = [one for one in spoken if one.alarm]
    muted = [one for one in spoken if one.muted is not None]
    alarms.sort(key=lambda one: (one.state != "very_unusual", -one.score))
    grave = any(one.state == "very_unusual" for one in alarms)
    severity = AssetCheckSeverity.ERROR if grave else AssetCheckSeverity.WARN
    described = " ".join(one.sentence for one in alarms[:_TOLD])
    if len(alarms) > _TOLD:
        described += f" And {len(alarms) - _TOLD} more figures of this table."
    if not alarms:
        told = muted[:1] or spoken[:1]
        described = " ".join(f"{one.sentence} ({one.muted})" for one in muted) or told[0].sentence
    first = (alarms or muted or spoken)[0]
    metadata: dict[str, Any] = {
        "expected": _expected(first),
        "observed": "as usual" if first.observed is None else str(first.observed),
        SEVERITY: severity.value if alarms else "ERROR",
        GATE: grave,
        "learned_from": first.days or "history",
        "score": float(first.score),
        "alarms": MetadataValue.json([_plain(one) for one in alarms[:20]]),
    }
    if first.upstream:
        metadata["changed_first"] = first.upstream
    return AssetCheckResult(
        passed=not alarms,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=severity if alarms else AssetCheckSeverity.ERROR,
        description=described,
        metadata=metadata,
    )


def _expected(one: Finding) -> str:
    if one.low is None or one.high is None:
        return "as in the days before"
    return f"{one.low:,.6g} to {one.high:,.6g}"


def _plain(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "column": one.column,
        "metric": one.metric,
        "state": one.state,
        "low": one.low,
        "high": one.high,
        "observed": None if one.observed is None else str(one.observed),
        "score": one.score,
        "days": one.days,
        "sentence": one.sentence,
        "upstream": one.upstream,
    }
