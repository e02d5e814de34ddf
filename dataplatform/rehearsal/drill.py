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
from dataplatform.keys import PLATFORM, Relation
from dataplatform.rehearsal import verdict
from dataplatform.rehearsal.incidents import Incident
from dataplatform.rehearsal.target import SYNCED_COLUMN, Target
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
            return _miss(target)
        return incident.damage(target)


def _miss(target: Target) -> str:
    """Make the table's last sync, and all that was measured of it, some days older than it is."""
    if target.synced:
        target.execute(
            f"update {{table}} set {SYNCED_COLUMN} = {SYNCED_COLUMN} - interval {MISSED_DAYS} day"
        )
    schema, table = target.relation
    known = target.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
        [PLATFORM, "table_metrics"],
    )
    if known:
        target.execute(
            f"delete from {quoted(PLATFORM)}.table_metrics where schema_name = ? "
            f"and table_name = ? and measured_at > now() - interval {MISSED_DAYS} day",
            [schema, table],
        )
    return f"no sync has come for {MISSED_DAYS} days."
