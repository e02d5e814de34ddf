"""How a failed run or a broken rule is put into words, and who is told.

What is news at all, and when, is decided in notices.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
)

from dataplatform.automation.retries import attempts_left
from dataplatform.declarations.pipeline import Pipeline
from dataplatform.resources.notifiers import WEBHOOK, Item, Notice


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
        pipeline = self.pipelines.get(run.job_name) if run else None
        if pipeline is not None:
            return list(pipeline.notify)
        owners = {word for item in items for word in item.owner.split(", ") if "@" in word}
        return [WEBHOOK, *sorted(owners)]

    def owner(self, key: AssetKey) -> str:
        """Return the owners of an asset as text."""
        return ", ".join(self.owners.get(key, ()))


def rule_item(evaluation: AssetCheckEvaluation, newsroom: Newsroom) -> Item:
    owner = evaluation.metadata.get("owner")
    return Item(
        asset=evaluation.asset_key.to_user_string(),
        rule=evaluation.check_name,
        owner=str(owner.value) if owner else newsroom.owner(evaluation.asset_key),
        text=evaluation.description or "the rule failed.",
    )


def failed_steps(instance: DagsterInstance, run: DagsterRun, newsroom: Newsroom) -> list[Item]:
    """Return what a run failed at: an item for each failed step, with the assets left unmade."""
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


def run_notice(
    run: DagsterRun, items: Sequence[Item], newsroom: Newsroom, entry: EventLogEntry
) -> tuple[Notice, list[str]]:
    pipeline = newsroom.pipelines.get(run.job_name)
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


def rules_notice(
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
