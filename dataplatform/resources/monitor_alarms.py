"""What monitors alarmed, and what people answered, in the warehouse.

What is unusual is decided in ``monitors``; what an answer does to gates, in ``monitor_answers``.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from dataplatform.checks.measure_sql import epoch
from dataplatform.keys import Relation
from dataplatform.monitors.model import Action, Answer, Finding, Kind, State
from dataplatform.resources.monitor_tables import ALARMS, ANSWERS, MonitorTables, moment


@dataclass(frozen=True)
class Alarm:
    """One alarm as it was raised.

    Attributes:
        id: eight characters that name it on the command line.
        relation: the table.
        at: when the measurement was taken.
        finding: what was found.
        run_id: the run that measured.
    """

    id: str
    relation: Relation
    at: datetime.datetime
    finding: Finding
    run_id: str = ""


class AlarmStore(MonitorTables):
    """The alarms and answers in one warehouse."""

    def raise_alarms(
        self,
        relation: Relation,
        at: datetime.datetime,
        findings: Iterable[Finding],
        run_id: str = "",
    ) -> list[Alarm]:
        """Keep the alarms among findings, muted ones too; return them with their ids."""
        alarms = [
            Alarm(_id(relation, at, one), relation, at, one, run_id)
            for one in findings
            if one.state in ("unusual", "very_unusual")
        ]
        rows = [
            [
                alarm.id,
                relation.schema,
                relation.table,
                at,
                run_id or None,
                one.kind,
                one.column,
                one.metric,
                one.state,
                one.score,
                one.low,
                one.high,
                None if one.observed is None else str(one.observed),
                one.days,
                one.sentence,
                one.upstream,
                one.muted,
            ]
            for alarm in alarms
            for one in [alarm.finding]
        ]
        known = {alarm.id for alarm in self.alarms([relation], at)} if rows else set()
        self._insert(ALARMS, [row for row in rows if row[0] not in known])
        return alarms

    def alarms(
        self,
        relations: Sequence[Relation] | None = None,
        since: datetime.datetime | None = None,
    ) -> list[Alarm]:
        """Return the alarms of tables (of all, without any), the newest first."""
        where = self._where(relations, "raised_at", since, None)
        rows = self._session.execute(
            f"select id, schema_name, table_name, {epoch('raised_at', self._sql)}, run_id, kind, "
            "column_name, metric, state, score, low, high, observed, days, sentence, upstream, "
            f"muted from {self._sql.relation(ALARMS)} where {where} order by raised_at desc, "
            "score desc"
        )
        return [
            Alarm(
                id=row[0],
                relation=Relation(row[1], row[2]),
                at=moment(row[3]),
                run_id=row[4] or "",
                finding=Finding(
                    kind=cast("Kind", row[5]),
                    column=row[6],
                    metric=row[7],
                    state=cast("State", row[8]),
                    score=float(row[9] or 0.0),
                    low=row[10],
                    high=row[11],
                    observed=row[12],
                    days=row[13] or "",
                    sentence=row[14] or "",
                    upstream=row[15],
                    muted=row[16],
                ),
            )
            for row in rows
        ]

    def answer(self, relation: Relation, answer: Answer) -> None:
        """Keep what a person said about a table."""
        self._insert(
            ANSWERS,
            [
                [
                    answer.action,
                    relation.schema,
                    relation.table,
                    answer.kind,
                    answer.column,
                    answer.starts,
                    answer.ends,
                    answer.factor,
                    answer.who,
                    answer.why,
                    datetime.datetime.now(datetime.UTC),
                ]
            ],
        )

    def answers(self, relations: Sequence[Relation] | None = None) -> dict[Relation, list[Answer]]:
        """Return what people said about tables (about all, without any), the latest last."""
        starts, ends = epoch("starts_at", self._sql), epoch("ends_at", self._sql)
        rows = self._session.execute(
            f"select schema_name, table_name, action, kind, column_name, {starts}, {ends}, "
            f"factor, who, why from {self._sql.relation(ANSWERS)} "
            f"where {self._where(relations, 'answered_at', None, None)} order by answered_at"
        )
        found: dict[Relation, list[Answer]] = {}
        for schema, table, action, kind, column, first, last, factor, who, why in rows:
            found.setdefault(Relation(schema, table), []).append(
                Answer(
                    action=cast("Action", action),
                    kind=kind,
                    column=column,
                    starts=moment(first),
                    ends=moment(last),
                    factor=None if factor is None else float(factor),
                    who=who or "",
                    why=why or "",
                )
            )
        return found


def _id(relation: Relation, at: datetime.datetime, finding: Finding) -> str:
    parts = (relation, at.isoformat(), finding.kind, finding.column, finding.metric)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
