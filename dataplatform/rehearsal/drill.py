"""One incident from damage to verdict, on a copy that is brought back to what it was before.

The damage is done to a raw table as the sync would have left it; the project's own checks, models
and publication then run on it, and what they recorded is read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation, asset_key
from dataplatform.rehearsal import verdict
from dataplatform.rehearsal.incidents import Incident
from dataplatform.rehearsal.place import relations
from dataplatform.rehearsal.target import SYNCED_COLUMN, Target
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.monitor_tables import METRICS
from dataplatform.resources.warehouse.interface import quoted

if TYPE_CHECKING:
    import duckdb

    from dataplatform.rehearsal.place import Place
    from dataplatform.rehearsal.stage import Stage

#: How long no sync has come when one is said to be missed.
MISSED_DAYS = 3


@dataclass(frozen=True)
class Drill:
    """A prepared copy on which incidents are tried.

    Attributes:
        place: the copy; in its kept state all is judged, built and published.
        stage: the copy's graph.
        route: how notices leave in the real environment, in a sentence.
    """

    place: Place
    stage: Stage
    route: str

    def rehearse(
        self, incident: Incident, table: Relation | None = None, share: float | None = None
    ) -> verdict.Outcome:
        """Let an incident happen to a table.

        Args:
            incident: what happens.
            table: a raw table; the incident's own without it.
            share: of the rows that are damaged, above 0 and at most 1.

        Raises:
            UserError: the table does not suit the incident.
        """
        relation = table or incident.table
        started = time.monotonic()
        self.place.restore()
        with self.place.open("rehearsal: damage") as connection:
            marts = verdict.mart_prints(connection, self.stage.marts)
            done = self._damage(connection, incident, relation, share)
        with self.stage.records() as instance:
            past = verdict.before(instance, self.stage, time.time())
            if incident.damage is not None:
                self.stage.arrive(instance, [relation])
            result = self.stage.run(instance, relation)
            catches = verdict.caught(instance, self.stage, past)
            people = verdict.told(instance, self.stage, past, catches)
        with self.place.open("rehearsal: what was published") as connection:
            after = verdict.mart_prints(connection, self.stage.marts)
        return verdict.Outcome(
            incident=incident.name,
            table=str(relation),
            damage=done,
            caught=tuple(catches),
            failures=tuple(result.failures),
            told=tuple(people),
            route=self.route if people else "",
            changed=tuple(sorted(name for name in after if after[name] != marts.get(name))),
            published=tuple(str(mart) for mart in self.stage.below(relation) if str(mart) in after),
            seconds=time.monotonic() - started,
        )

    def _damage(
        self,
        connection: duckdb.DuckDBPyConnection,
        incident: Incident,
        relation: Relation,
        share: float | None,
    ) -> str:
        target = Target(
            connection=connection,
            relation=relation,
            keys=tuple(self.stage.tables[relation].primary_key),
            now=datetime.now(UTC),
            share=incident.share if share is None else share,
            prefer=incident.columns if relation == incident.table else (),
        )
        if not target.rows():
            raise UserError(f"{relation} has no rows: there is nothing to damage.")
        if incident.damage is None:
            return _miss(target, self._build(relation))
        return incident.damage(target)

    def _build(self, relation: Relation) -> int | None:
        with self.stage.records() as instance:
            key = asset_key(relation)
            built = latest_materialisations(instance, [key]).get(key)
        return built.storage_id if built else None


def _miss(target: Target, build: int | None) -> str:
    """Let the table's last sync, and the last that was measured of it, be some days ago.

    Args:
        target: the table.
        build: its last materialisation, which then is the one that was measured last.
    """
    if target.synced:
        target.execute(
            f"update {{table}} set {SYNCED_COLUMN} = {SYNCED_COLUMN} - interval {MISSED_DAYS} day"
        )
    metrics = f"{quoted(METRICS.schema)}.{quoted(METRICS.table)}"
    if METRICS in relations(target.connection):
        own = "schema_name = ? and table_name = ?"
        target.execute(
            f"delete from {metrics} where {own} "
            f"and measured_at > now() - interval {MISSED_DAYS} day",
            target.relation,
        )
        target.execute(
            f"update {metrics} set detail = json_merge_patch(detail, json_object('build', ?)) "
            f"where {own} and metric = 'columns' and measured_at = "
            f"(select max(measured_at) from {metrics} where {own})",
            [build, *target.relation, *target.relation],
        )
    return f"no sync has come for {MISSED_DAYS} days."
