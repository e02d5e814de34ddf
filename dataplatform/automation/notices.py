"""What is worth a notice, and for whom: failed runs, and error rules that begin to fail.

A sensor reads Dagster's records from where it left off. A notice that could not be delivered is
kept and tried again; one that was delivered is not sent twice. Wording and delivery are in
``resources.notifiers``.
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
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
    EventRecordsFilter,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from dataplatform.automation.pipelines import PIPELINE_TAG
from dataplatform.automation.retries import attempts_left
from dataplatform.declarations.pipeline import Pipeline
from dataplatform.resources.notifiers import WEBHOOK, Item, Notice

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


@dataclass(frozen=True)
class Newsroom:
    """What is known of the project when a notice is written.

    Attributes:
        pipelines: by name.
        owners: of each asset, as declared.
        dagster_url: where links lead.
    """

    pipelines: Mapping[str, Pipeline]
    owners: Mapping[AssetKey, Sequence[str]]
    dagster_url: str

    def recipients(self, run: DagsterRun | None, items: Sequence[Item]) -> list[str]:
        """Return who is told: whom the pipeline names, else the webhook and the assets' owners."""
        pipeline = self.pipelines.get(run.tags.get(PIPELINE_TAG, "")) if run else None
        if pipeline is not None:
            return list(pipeline.notify)
        owners = {word for item in items for word in item.owner.split(", ") if "@" in word}
        return [WEBHOOK, *sorted(owners)]

    def owner(self, key: AssetKey) -> str:
        """Return the owners of an asset as text."""
        return ", ".join(self.owners.get(key, ()))


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
            items = _failed_steps(instance, run, newsroom)
            items += [_item(one, newsroom) for one in rules.pop(run.run_id, ())]
            notices.append(_of_run(run, items, newsroom, record.event_log_entry))
    for run_id, evaluations in rules.items():
        items = [_item(one, newsroom) for one in evaluations]
        run = instance.get_run_by_id(run_id) if run_id else None
        notices.append(_of_rules(run_id, run, items, newsroom))
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
        EventRecordsFilter(
            DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=cursor.checks
        ),
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


def _item(evaluation: AssetCheckEvaluation, newsroom: Newsroom) -> Item:
    owner = evaluation.metadata.get("owner")
    return Item(
        asset=evaluation.asset_key.to_user_string(),
        rule=evaluation.check_name,
        owner=str(owner.value) if owner else newsroom.owner(evaluation.asset_key),
        text=evaluation.description or "the rule failed.",
    )


def _failed_steps(instance: DagsterInstance, run: DagsterRun, newsroom: Newsroom) -> list[Item]:
    """Return what a run failed at: one item for each failed step, with the assets it left unmade."""
    planned: dict[str | None, list[AssetKey]] = {}
    made: set[AssetKey] = set()
    failures: dict[str | None, str] = {}
    for entry in instance.all_logs(run.run_id):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED and event.asset_key:
            planned.setdefault(event.step_key, []).append(event.asset_key)
        elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            made.add(event.asset_key)
        elif event.is_step_failure:
            data = event.step_failure_data
            described = data.user_failure_data.description if data.user_failure_data else None
            text = described or (data.error.message if data.error else "") or "failed."
            failures[event.step_key] = text.strip()
    items = []
    for step, text in failures.items():
        keys = [key for key in planned.get(step, ()) if key not in made]
        owners = sorted({word for key in keys for word in newsroom.owners.get(key, ())})
        names = [key.to_user_string() for key in keys]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        items.append(Item(shown or str(step), "", ", ".join(owners), text))
    return items


def _of_run(
    run: DagsterRun, items: Sequence[Item], newsroom: Newsroom, entry: EventLogEntry
) -> tuple[Notice, list[str]]:
    pipeline = newsroom.pipelines.get(run.tags.get(PIPELINE_TAG, ""))
    name = pipeline.name if pipeline else run.job_name.strip("_").replace("_", " ").lower()
    text = entry.get_dagster_event().message or "The run failed."
    if pipeline and run.status == DagsterRunStatus.FAILURE and attempts_left(pipeline, run):
        minutes = pipeline.retries.delay_minutes
        text += f" What failed is tried again in {minutes} minute{'s' if minutes != 1 else ''}."
    notice = Notice(
        key=f"run-{run.run_id}",
        subject=f"{'Pipeline' if pipeline else 'Run'} {name} failed",
        text=text,
        items=tuple(items),
        link=f"{newsroom.dagster_url}/runs/{run.run_id}",
    )
    return notice, newsroom.recipients(run, items)


def _of_rules(
    run_id: str, run: DagsterRun | None, items: Sequence[Item], newsroom: Newsroom
) -> tuple[Notice, list[str]]:
    tables = sorted({item.asset for item in items})
    rules = f"{len(items)} error rule{'s' if len(items) != 1 else ''}"
    link = f"/runs/{run_id}" if run_id else f"/assets/{tables[0]}?view=checks"
    notice = Notice(
        key=f"rules-{run_id or tables[0].replace('/', '-')}",
        subject=f"{rules} failed on {', '.join(tables[:3])}{' …' if len(tables) > 3 else ''}",
        text="What reads these tables waits until the rules hold again.",
        items=tuple(items),
        link=newsroom.dagster_url + link,
    )
    return notice, newsroom.recipients(run, items)
