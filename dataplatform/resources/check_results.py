"""Checks and verdicts in Dagster's words.

Every room that reports a check does it through here, so that specs, severities and metadata are
alike whoever evaluated the rule. Dagster's own blocking stays off: it would skip a whole dbt step
where only one model's children must wait; the gate reads the recorded verdicts instead.
"""

from __future__ import annotations

from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    MetadataValue,
)

from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import Verdict
from dataplatform.keys import asset_key
from dataplatform.resources.instance import GATE, RULE, SEVERITY, LastVerdict


def check_spec(check: Check) -> AssetCheckSpec:
    """Return the Dagster spec of a check."""
    described = [check.description, f"Expected: {check.expected}."]
    if check.source:
        described.append(f"Written at `{check.source}`.")
    metadata: dict[str, Any] = {
        GATE: check.gate,
        SEVERITY: check.severity,
        RULE: check.source,
        "dataplatform/engine": check.engine,
        "dataplatform/expected": check.expected,
    }
    if check.owner:
        metadata["dataplatform/owner"] = check.owner
    if check.dimension:
        metadata["dataplatform/dimension"] = check.dimension
    if check.runbook:
        metadata["dataplatform/runbook"] = MetadataValue.url(check.runbook)
    return AssetCheckSpec(
        name=check.name,
        asset=asset_key(check.relation),
        description="\n\n".join(text for text in described if text),
        blocking=False,
        metadata=metadata,
    )


def check_result(verdict: Verdict, check: Check | None = None) -> AssetCheckResult:
    """Return what Dagster records of a verdict.

    Args:
        verdict: what was found.
        check: its rule, for the owner, the runbook and the line it came from; None when unknown.
    """
    metadata: dict[str, Any] = {
        "expected": verdict.expected,
        "observed": _value(verdict.observed),
        SEVERITY: verdict.severity,
        GATE: verdict.severity == "ERROR",
    }
    if verdict.failing_count is not None:
        metadata["failing_count"] = verdict.failing_count
    if verdict.row_count is not None:
        metadata["row_count"] = verdict.row_count
    if verdict.share is not None:
        metadata["failing_share"] = verdict.share
    if verdict.sample_keys:
        metadata["sample_keys"] = MetadataValue.json(list(verdict.sample_keys))
    if verdict.sql:
        metadata["sql"] = MetadataValue.md(f"```sql\n{verdict.sql}\n```")
    if verdict.error:
        metadata["error"] = verdict.error
    if verdict.rows:
        metadata["rows"] = verdict.rows
    if verdict.set_aside is not None:
        metadata["quarantined"] = verdict.set_aside
    if verdict.page:
        metadata["data_docs"] = MetadataValue.path(verdict.page)
    if check is not None:
        metadata[RULE] = check.source
        if check.owner:
            metadata["owner"] = check.owner
        if check.dimension:
            metadata["dimension"] = check.dimension
        if check.runbook:
            metadata["runbook"] = MetadataValue.url(check.runbook)
    return AssetCheckResult(
        passed=verdict.passed,
        asset_key=asset_key(verdict.relation),
        check_name=verdict.name,
        severity=AssetCheckSeverity(verdict.severity),
        description=summary_of(verdict),
        metadata=metadata,
    )


def repeated_result(verdict: LastVerdict) -> AssetCheckResult:
    """Return what was said of the same build before, once more; it names the run that judged."""
    return AssetCheckResult(
        passed=verdict.passed,
        asset_key=verdict.check.asset_key,
        check_name=verdict.check.name,
        severity=AssetCheckSeverity(verdict.severity),
        description=verdict.description,
        metadata={**verdict.metadata, "dataplatform/judged_in_run": verdict.run_id},
    )


def summary_of(verdict: Verdict) -> str:
    """Return a verdict as one sentence."""
    if verdict.error:
        return f"Could not be evaluated: {verdict.error}"
    counted = "" if verdict.row_count is None else f"{verdict.row_count:,} "
    part = f" On the {counted}rows {verdict.rows}." if verdict.rows else ""
    if verdict.set_aside:
        part += f" They were set aside in {verdict.relation.quarantined}."
    if verdict.failing_count and verdict.row_count:
        return (
            f"{verdict.failing_count:,} of {verdict.row_count:,} rows fail; "
            f"expected {verdict.expected}.{part}"
        )
    return f"Observed {verdict.observed}; expected {verdict.expected}.{part}"


def _value(value: Any) -> Any:
    """Metadata has no null; say so in words."""
    return "nothing" if value is None else value
