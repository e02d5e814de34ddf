"""What is worth a notice, and for whom: failed runs, and error rules that begin to fail.

A sensor reads Dagster's records from where it left off. A notice that could not be delivered is
kept and tried again; one that was delivered is not sent twice. The words are newsroom.py's, the
delivery is ``resources.notifiers``'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
    EventRecordsFilter,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from dataplatform.automation.newsroom import (
    Newsroom,
    failed_steps,
    rule_item,
    rules_notice,
    run_notice,
)
from dataplatform.resources.notifiers import Item, Notice

BATCH = 200
REMIND_SECONDS = 24 * 3600
"""How often a rule that goes on failing is told again."""
PATIENCE_SECONDS = 30 * 60
"""How long failed rules of a run that has not ended wait for the rest of its news."""
MOST_TRIES = 20

Deliver = Callable[[Notice, Sequence[str]], list[str]]


@dataclass
class Cursor:
    """How far the records were read, and what could not be delivered yet."""

    runs: str | None = None
    checks: int = 0
    undelivered: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def load(cls, text: str | None, instance: DagsterInstance) -> Cursor:
        """Return the cursor of a text; without one, history counts as told."""
        if text:
            return cls(**json.loads(text))
        storage = instance.event_log_storage
        newest = instance.fetch_run_status_changes(DagsterEventType.RUN_FAILURE, limit=1)
        return cls(
            runs=newest.cursor if newest.records else None,
            checks=storage.get_maximum_record_id() or 0,
        )

    def dump(self) -> str:
        """Return the cursor as a text."""
        return json.dumps(asdict(self))


def gather(
    instance: DagsterInstance, cursor: Cursor, newsroom: Newsroom, now: float | None = None
) -> list[tuple[Notice, list[str]]]:
    """Return the new notices and their recipients, and move the cursor past their events."""
    now = time.time() if now is None else now
    failed = instance.fetch_run_status_changes(
        DagsterEventType.RUN_FAILURE, limit=BATCH, cursor=cursor.runs, ascending=True
    )
    rules, seen = _broken_rules(instance, cursor, now)
    notices = []
    told: set[str] = set()
    for record in failed.records:
        run = instance.get_run_by_id(record.event_log_entry.run_id)
        if run is not None and run.run_id not in told:
            told.add(run.run_id)
            items = failed_steps(instance, run, newsroom)
            items += [rule_item(one, newsroom) for one in rules.pop(run.run_id, ())]
            notices.append(run_notice(run, items, newsroom, record.event_log_entry))
    for run_id, evaluations in rules.items():
        items = [rule_item(one, newsroom) for one in evaluations]
        run = instance.get_run_by_id(run_id) if run_id else None
        notices.append(rules_notice(run_id, run, items, newsroom))
    cursor.runs = failed.cursor if failed.records else cursor.runs
    cursor.checks = seen
    return notices


def deliver(
    cursor: Cursor, notices: Sequence[tuple[Notice, list[str]]], send: Deliver
) -> list[str]:
    """Send what waits and what is new; keep in the cursor what failed. Return the problems."""
    problems: list[str] = []
    waiting = [(_thaw(one), one["to"], one["tries"]) for one in cursor.undelivered]
    waiting += [(notice, to, 0) for notice, to in notices]
    cursor.undelivered = []
    for notice, to, tries in waiting:
        # One recipient at a time: who has it already is not told again because another failed.
        failed = []
        for who in to:
            wrong = send(notice, [who])
            if wrong:
                failed.append(who)
                problems += wrong
        if failed and tries + 1 < MOST_TRIES:
            cursor.undelivered.append({"notice": asdict(notice), "to": failed, "tries": tries + 1})
    return problems


def _thaw(kept: Mapping[str, Any]) -> Notice:
    fields = dict(kept["notice"])
    return Notice(**{**fields, "items": tuple(Item(**item) for item in fields["items"])})


def _broken_rules(
    instance: DagsterInstance, cursor: Cursor, now: float
) -> tuple[dict[str, list[AssetCheckEvaluation]], int]:
    """Return the error rules that newly fail, by run, and how far the events were read."""
    records = instance.event_log_storage.get_event_records(
        EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=cursor.checks),
        limit=BATCH,
        ascending=True,
    )
    found: dict[str, list[AssetCheckEvaluation]] = {}
    seen = cursor.checks
    for record in records:
        entry = record.event_log_entry
        if _unfinished(instance, entry.run_id, now - entry.timestamp):
            # The run may yet fail: then there is one notice, not two.
            break
        seen = record.storage_id
        evaluation = entry.get_dagster_event().asset_check_evaluation_data
        severe = evaluation.severity == AssetCheckSeverity.ERROR
        if not evaluation.passed and severe and _news(instance, evaluation, entry):
            found.setdefault(entry.run_id or "", []).append(evaluation)
    return found, seen


def _unfinished(instance: DagsterInstance, run_id: str, age: float) -> bool:
    if not run_id or age > PATIENCE_SECONDS:
        return False
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished


def _news(
    instance: DagsterInstance, evaluation: AssetCheckEvaluation, entry: EventLogEntry
) -> bool:
    """Return whether a failed rule held before, or a day has passed since it was last told."""
    history = instance.event_log_storage.get_asset_check_execution_history(
        evaluation.asset_check_key,
        limit=100,
        status={
            AssetCheckExecutionRecordStatus.SUCCEEDED,
            AssetCheckExecutionRecordStatus.FAILED,
        },
    )
    # By their order in the records: times of planning are kept in whole seconds only.
    own = max((one.id for one in history if one.run_id == entry.run_id), default=None)
    if own is None:
        return True
    failures: list[float] = []
    for one in history:
        if one.id >= own or one.event is None or one.evaluation is None:
            continue
        if one.evaluation.passed:
            break
        failures.append(one.event.timestamp)
    if not failures:
        return True
    began, previous = failures[-1], failures[0]
    return (entry.timestamp - began) // REMIND_SECONDS > (previous - began) // REMIND_SECONDS
