"""Recorded verdicts in the report's words: what was promised, seen, failing, and answered.

Whoever judged a rule wrote its facts down in metadata; which names they go by is known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dataplatform.monitors.model import CHECKS
from dataplatform.quality.report.incident_words import Breach
from dataplatform.quality.report.rule_words import (
    BROKEN,
    FAILED,
    PASSED,
    WAITING,
    WARNED,
    Answer,
    Point,
    Rule,
)

if TYPE_CHECKING:
    from dataplatform.checks.spec import Check
    from dataplatform.resources.check_history import Evaluation


def rule_of(name: str, check: Check | None, runs: Sequence[Evaluation]) -> Rule:
    """Return a rule with its past.

    Args:
        name: of the check.
        check: the rule as it is declared; None for one that only its records tell of.
        runs: its verdicts, the newest first.
    """
    points = tuple(
        Point(run.timestamp, status_of(run), observed_of(run.metadata), run.run_id)
        for run in reversed(runs)
    )
    if not runs:
        assert check is not None
        return Rule(
            name=name,
            status=WAITING,
            severity=check.severity,
            expected=check.expected,
            observed=None,
            description=check.description,
            source=check.source,
            dimension=check.dimension or "",
        )
    last, metadata = runs[0], runs[0].metadata
    declared = metadata.get("expected")
    return Rule(
        name=name,
        status=points[-1].status,
        severity=check.severity if check else last.severity,
        expected=str(declared or (check.expected if check else "") or "the test gives no rows"),
        observed=points[-1].observed,
        # A verdict's own sentence only says again what was expected and observed.
        description=(check.description if check else "") or ("" if declared else last.description),
        source=check.source if check else str(metadata.get("dataplatform/rule") or ""),
        failing_count=number_of(metadata, "failing_count", "dagster_dbt/failed_row_count"),
        row_count=number_of(metadata, "row_count"),
        samples=tuple(str(key) for key in metadata.get("sample_keys") or ()),
        sql=code_of(str(metadata.get("sql") or "")),
        error=str(metadata.get("error") or ""),
        history=points,
        dimension=str((check.dimension if check else "") or metadata.get("dimension") or ""),
        runbook=str(metadata.get("runbook") or ""),
        scope=str(metadata.get("rows") or ""),
        page=str(metadata.get("data_docs") or ""),
        monitor=name in CHECKS,
        learned_from=str(metadata.get("learned_from") or ""),
        alarms=alarms_of(metadata),
        accepted=answer_of(name, last),
    )


def status_of(run: Evaluation) -> str:
    """Return what a recorded verdict says, as one of ``STATUSES``."""
    if run.passed:
        return PASSED
    if run.metadata.get("error"):
        return BROKEN
    return FAILED if run.severity == "ERROR" else WARNED


def observed_of(metadata: Mapping[str, Any]) -> Any:
    """Return what a verdict saw, whoever wrote it down."""
    for name in ("observed", "failures", "dagster_dbt/failed_row_count"):
        if metadata.get(name) is not None:
            return metadata[name]
    return None


def number_of(metadata: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these facts that is a number."""
    return next((int(metadata[n]) for n in names if isinstance(metadata.get(n), int | float)), None)


def code_of(text: str) -> str:
    """Take a statement out of its Markdown fence."""
    return re.sub(r"^```\w*\n|\n```$", "", text)


def answer_of(rule: str, run: Evaluation) -> Answer | None:
    """Return who accepted a broken rule, where that is what was recorded."""
    from dataplatform.resources.instance import ACCEPTED_BY, ACCEPTED_WHY

    who = run.metadata.get(ACCEPTED_BY)
    if not who:
        return None
    return Answer(rule, str(who), str(run.metadata.get(ACCEPTED_WHY) or ""), run.timestamp)


def breach_of(name: str, run: Evaluation, rule: Rule | None) -> Breach:
    """Return what a verdict that was not kept tells."""
    metadata = run.metadata
    return Breach(
        rule=name,
        status=status_of(run),
        since=run.timestamp,
        expected=str(metadata.get("expected") or (rule.expected if rule else "")),
        observed=observed_of(metadata),
        description=run.description,
        failing_count=number_of(metadata, "failing_count", "dagster_dbt/failed_row_count"),
        row_count=number_of(metadata, "row_count"),
        samples=tuple(str(key) for key in metadata.get("sample_keys") or ()),
        sql=code_of(str(metadata.get("sql") or "")),
        error=str(metadata.get("error") or ""),
        source=rule.source if rule else str(metadata.get("dataplatform/rule") or ""),
        dimension=rule.dimension if rule else str(metadata.get("dimension") or ""),
        changed_first=str(metadata.get("changed_first") or ""),
        alarms=alarms_of(metadata),
        history=rule.history if rule else (),
    )


def alarms_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a monitor finds unusual, a sentence for each figure."""
    found = metadata.get("alarms")
    if not isinstance(found, list):
        return ()
    return tuple(str(one["sentence"]) for one in found if one.get("sentence"))
