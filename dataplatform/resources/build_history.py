"""What Dagster has recorded of how long tables took to build, for people who ask what it costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dagster import DagsterEventType, DagsterInstance, EventRecordsFilter, RunsFilter

from dataplatform.keys import Relation, asset_key, relation_of
from dataplatform.resources.table_metadata import ROW_COUNT

#: How long a step says that a table took, and how long its own process computed for it.
SECONDS, COMPUTED = "seconds", "processor_seconds"
_AT_ONCE = 1000


@dataclass(frozen=True)
class Build:
    """One build of a table in one run.

    Attributes:
        seconds: how long it took, as dbt measured it.
        computed: the seconds of a processor that the step's process computed; where they were
            not measured, how long it took.
        rows: of the table then; None where they were not counted.
    """

    relation: Relation
    run: str
    job: str
    at: datetime
    seconds: float
    computed: float
    rows: int | None


def builds_since(
    instance: DagsterInstance, relations: Collection[Relation], since: datetime
) -> list[Build]:
    """Return the builds of some tables, the oldest first; only those whose time was measured.

    Args:
        instance: whose records are read.
        relations: the tables.
        since: the first moment.
    """
    found: dict[tuple[Relation, str], Build] = {}
    for relation in relations:
        # A build by day is told once for each day, with the time of the whole.
        for build in _builds(instance, relation, since):
            known = found.get((relation, build.run))
            if known is None or build.seconds > known.seconds:
                found[relation, build.run] = build
    jobs = _jobs(instance, {run for _, run in found})
    builds = [replace(one, job=jobs.get(one.run, "")) for one in found.values()]
    return sorted(builds, key=lambda one: (one.at, one.relation))


def _builds(instance: DagsterInstance, relation: Relation, since: datetime) -> list[Build]:
    key = asset_key(relation)
    wanted = EventRecordsFilter(
        DagsterEventType.ASSET_MATERIALIZATION, asset_key=key, after_timestamp=since.timestamp()
    )
    found = []
    for record in instance.event_log_storage.get_event_records(wanted, limit=_AT_ONCE):
        event = record.asset_materialization
        seconds = event.metadata.get(SECONDS) if event else None
        if event is None or seconds is None:
            continue
        computed = event.metadata.get(COMPUTED, seconds)
        rows = event.metadata.get(ROW_COUNT)
        found.append(
            Build(
                relation=relation_of(key),
                run=record.run_id,
                job="",
                at=datetime.fromtimestamp(record.timestamp, UTC),
                seconds=float(seconds.value or 0),  # type: ignore[arg-type]
                computed=float(computed.value or 0),  # type: ignore[arg-type]
                rows=None if rows is None else int(rows.value),  # type: ignore[arg-type]
            )
        )
    return found


def _jobs(instance: DagsterInstance, runs: Collection[str]) -> dict[str, str]:
    if not runs:
        return {}
    records = instance.get_run_records(RunsFilter(run_ids=sorted(runs)))
    return {one.dagster_run.run_id: one.dagster_run.job_name for one in records}
