"""What a rehearsal says of an incident: read from Dagster's records and from the marts' rows.

Nothing here knows which incident it was: what is told is what the copy's own checks, gates and
notices made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster import AssetCheckSeverity, DagsterEventType, EventRecordsFilter

from dataplatform.automation.newsroom import Newsroom
from dataplatform.automation.notices import Cursor, gather
from dataplatform.automation.pipelines import selection_of
from dataplatform.ingestion.syncs.defs import CHECK_NAME
from dataplatform.keys import Relation, asset_key, layer_of, relation_of
from dataplatform.rehearsal.place import relations
from dataplatform.resources.instance import MONITOR, RULE, latest_verdicts

if TYPE_CHECKING:
    import duckdb
    from dagster import AssetCheckEvaluation, AssetCheckKey, DagsterInstance

    from dataplatform.rehearsal.stage import Stage


@dataclass(frozen=True)
class Catch:
    """A check that noticed something new.

    Attributes:
        kind: rule, monitor, declared columns, or dbt test.
        check: its name.
        table: the table it is about.
        stops: whether what is below waits for it.
        seconds: from the damage until its verdict was recorded.
        sentence: what it said.
    """

    kind: str
    check: str
    table: str
    stops: bool
    seconds: float
    sentence: str


@dataclass(frozen=True)
class Outcome:
    """What became of one incident.

    Attributes:
        incident: its name.
        table: what was broken.
        damage: what was done to it, in a sentence.
        caught: what noticed it, first verdict first.
        failures: sentences of steps that failed.
        told: who is told, by the notices that were written.
        route: how they are reached in the real environment.
        changed: published marts whose rows are not what they were.
        published: published marts that could have changed.
        seconds: how long the whole drill took.
    """

    incident: str
    table: str
    damage: str
    caught: tuple[Catch, ...]
    failures: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    route: str = ""
    changed: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def first(self) -> Catch | None:
        """What is named as the catch: the first that stops, else the first that noticed."""
        stopping = [catch for catch in self.caught if catch.stops]
        return next(iter(stopping or self.caught), None)

    @property
    def stopped(self) -> bool:
        """Whether it was noticed and the published marts are as they were."""
        return self.first is not None and not self.changed

    @property
    def where(self) -> str:
        """The layer and the table at which it stopped."""
        first = self.first
        if first is None:
            return "nowhere"
        layer = layer_of(Relation(*first.table.split(".", 1)))
        if first.stops:
            return f"{layer}: {first.table}"
        return f"not stopped, told of at {layer}: {first.table}"


@dataclass
class Before:
    """What was recorded before the damage."""

    cursor: int
    failing: frozenset[AssetCheckKey]
    warning: frozenset[AssetCheckKey]
    notices: Cursor
    began: float
    marts: Mapping[str, Any] = field(default_factory=dict)


def before(instance: DagsterInstance, stage: Stage, began: float) -> Before:
    """Note what already fails and how far the records go, so that only news is told."""
    verdicts = latest_verdicts(instance, list(stage.checks()))
    wrong = {key: verdict.severity for key, verdict in verdicts.items() if not verdict.passed}
    failing = {key for key, severity in wrong.items() if severity == "ERROR"}
    warning = wrong.keys() - failing
    return Before(
        cursor=instance.event_log_storage.get_maximum_record_id() or 0,
        failing=frozenset(failing),
        warning=frozenset(warning),
        notices=Cursor.load(None, instance),
        began=began,
    )


def caught(instance: DagsterInstance, stage: Stage, past: Before) -> list[Catch]:
    """Return the checks that fail now and did not fail so before, first verdict first."""
    records = instance.event_log_storage.get_event_records(
        EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=past.cursor),
        ascending=True,
    )
    specs = stage.checks()
    found = []
    for record in records:
        entry = record.event_log_entry
        evaluation: AssetCheckEvaluation = entry.get_dagster_event().asset_check_evaluation_data
        key = evaluation.asset_check_key
        severe = evaluation.severity == AssetCheckSeverity.ERROR
        if evaluation.passed or key in past.failing or (not severe and key in past.warning):
            continue
        found.append(
            Catch(
                kind=_kind(key.name, specs[key].metadata if key in specs else {}),
                check=key.name,
                table=str(relation_of(key.asset_key)),
                stops=severe,
                seconds=max(entry.timestamp - past.began, 0.0),
                sentence=evaluation.description or "",
            )
        )
    return found


def _kind(name: str, metadata: Mapping[str, Any]) -> str:
    if metadata.get(MONITOR):
        return "monitor"
    if name == CHECK_NAME:
        return "sync"
    return "contract rule" if "contracts" in str(metadata.get(RULE, "")) else "dbt test"


def told(
    instance: DagsterInstance, stage: Stage, past: Before, catches: Sequence[Catch]
) -> list[str]:
    """Return who is told, as the project's own notices and pipelines address them."""
    graph = stage.graph.asset_graph
    owners = {key: list(graph.get(key).owners) for key in graph.get_all_asset_keys()}
    pipelines = {pipeline.name: pipeline for pipeline in stage.project.pipelines}
    newsroom = Newsroom(pipelines, owners, "")
    people = {who for _, to in gather(instance, past.notices, newsroom) for who in to}
    stopped = {asset_key(Relation(*one.table.split(".", 1))) for one in catches if one.stops}
    for pipeline in pipelines.values():
        # In its own run of the day, the pipeline names whom a failure is told to.
        if stopped & selection_of(pipeline).resolve(graph):
            people |= set(pipeline.notify)
    return sorted(people)


def mart_prints(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Relation]
) -> dict[str, tuple[Any, ...]]:
    """Return a fingerprint of every row of each published mart that is there."""
    there = relations(connection)
    return {
        str(mart): connection.execute(
            # Two sums over the rows' hashes: rows in another order give the same, others do not.
            f"select count(*), bit_xor(hash(t)), sum(cast(hash(t) as hugeint)) from {mart} as t"
        ).fetchone()
        or ()
        for mart in marts
        if mart in there
    }
