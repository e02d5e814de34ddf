"""What monitors remember, in the warehouse: figures, alarms and what people answered.

Tables ``dataplatform.table_metrics``, ``alarms`` and ``alarm_answers``, read and written through a
session that is open anyway. What is usual is decided in ``monitors``.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dataplatform.checks.dialects import Dialect, dialect
from dataplatform.checks.measure_sql import epoch
from dataplatform.keys import PLATFORM, Relation
from dataplatform.monitors.model import (
    SERIES,
    Action,
    Answer,
    Finding,
    Flag,
    History,
    Kind,
    Snapshot,
    State,
)
from dataplatform.resources.warehouse.interface import Session

METRICS = Relation(PLATFORM, "table_metrics")
ALARMS = Relation(PLATFORM, "alarms")
ANSWERS = Relation(PLATFORM, "alarm_answers")

_COLUMNS = {
    METRICS: "schema_name varchar, table_name varchar, measured_at timestamptz, run_id varchar, "
    "column_name varchar, metric varchar, value double, detail varchar",
    ALARMS: "id varchar, schema_name varchar, table_name varchar, raised_at timestamptz, "
    "run_id varchar, kind varchar, column_name varchar, metric varchar, state varchar, "
    "score double, low double, high double, observed varchar, days varchar, sentence varchar, "
    "upstream varchar, muted varchar",
    ANSWERS: "action varchar, schema_name varchar, table_name varchar, kind varchar, "
    "column_name varchar, starts_at timestamptz, ends_at timestamptz, factor double, "
    "who varchar, why varchar, answered_at timestamptz",
}
#: Rows of one INSERT.
_BATCH = 400
_CATEGORIES = "categories"
_TABLE = "columns"


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


@dataclass(frozen=True)
class MeasuredBuild:
    """The build of a table that was measured last.

    Attributes:
        build: Dagster's record of the materialisation.
        version: the version of its data, where it was known.
        at: the time of the measurement.
    """

    build: int
    version: str | None
    at: datetime.datetime


class MonitorStore:
    """The monitors' memory in one warehouse.

    Args:
        session: an open session; the store never opens one.
        dialect_name: the warehouse's dialect.
    """

    def __init__(self, session: Session, dialect_name: str) -> None:
        self._session = session
        self._sql: Dialect = dialect(dialect_name)

    def prepare(self) -> None:
        """Make the tables where they do not exist yet."""
        self._session.execute(f"create schema if not exists {self._sql.identifier(PLATFORM)}")
        for relation, columns in _COLUMNS.items():
            self._session.execute(
                f"create table if not exists {self._sql.relation(relation)} ({columns})"
            )

    @property
    def ready(self) -> bool:
        """Whether the tables exist."""
        rows = self._session.execute(
            "select count(*) from information_schema.tables where lower(table_schema) = "
            f"'{PLATFORM}' and lower(table_name) = '{METRICS.table}'"
        )
        return bool(rows and rows[0][0])

    def write(
        self,
        relation: Relation,
        snapshot: Snapshot,
        build: int | None = None,
        version: str | None = None,
    ) -> None:
        """Keep one measurement of a table.

        Args:
            relation: the table.
            snapshot: what was measured.
            build: which build of the table it was, so that the same is not measured twice.
            version: the version of its data, so that the same rows are not measured twice.
        """
        head = [relation.schema, relation.table, snapshot.at, snapshot.run_id or None]
        detail = {
            "columns": dict(snapshot.columns),
            "code": snapshot.code,
            "build": build,
            "version": version,
        }
        rows: list[list[Any]] = [[*head, None, _TABLE, None, json.dumps(detail)]]
        rows += [
            [*head, column, metric, value, None]
            for (column, metric), value in snapshot.values.items()
            if value is not None
        ]
        rows += [
            [*head, column, _CATEGORIES, float(len(counts)), json.dumps(counts)]
            for column, counts in snapshot.categories.items()
        ]
        self._insert(METRICS, rows)

    def history(
        self,
        relations: Iterable[Relation],
        since: datetime.datetime,
        before: datetime.datetime | None = None,
    ) -> dict[Relation, History]:
        """Return what was measured of tables, the oldest first, and what was alarmed of it.

        Args:
            relations: the tables.
            since: nothing earlier.
            before: nothing from then on.
        """
        wanted = list(relations)
        if not wanted:
            return {}
        where = self._where(wanted, "measured_at", since, before)
        found: dict[Relation, dict[float, _Gathered]] = {}
        for schema, table, at, run, column, metric, value, detail in self._session.execute(
            f"select schema_name, table_name, {epoch('measured_at', self._sql)}, run_id, "
            f"column_name, metric, value, detail from {self._sql.relation(METRICS)} where {where}"
        ):
            one = found.setdefault(Relation(schema, table), {}).setdefault(
                float(at), _Gathered(str(run or ""))
            )
            one.take(column, metric, value, detail)
        flags: dict[Relation, set[Flag]] = {}
        for alarm in self.alarms(wanted, since):
            finding = alarm.finding
            flag = Flag(alarm.at, finding.kind, finding.column, finding.metric)
            flags.setdefault(alarm.relation, set()).add(flag)
        return {
            relation: History(
                tuple(one.snapshot(at) for at, one in sorted(found.get(relation, {}).items())),
                frozenset(flags.get(relation, ())),
            )
            for relation in wanted
        }

    def builds(self, relations: Iterable[Relation]) -> dict[Relation, MeasuredBuild]:
        """Return which build of each table was measured last."""
        wanted = list(relations)
        if not wanted:
            return {}
        rows = self._session.execute(
            f"select schema_name, table_name, {epoch('measured_at', self._sql)}, detail from "
            "(select schema_name, table_name, measured_at, detail, row_number() over "
            "(partition by schema_name, table_name order by measured_at desc) as place "
            f"from {self._sql.relation(METRICS)} where metric = '{_TABLE}' "
            f"and {self._among(wanted)}) as ranked where place = 1"
        )
        found: dict[Relation, MeasuredBuild] = {}
        for schema, table, at, detail in rows:
            said = json.loads(detail)
            if said.get("build") is not None:
                build, version = int(said["build"]), said.get("version")
                found[Relation(schema, table)] = MeasuredBuild(build, version, _moment(at))
        return found

    def moments(
        self, relations: Sequence[Relation], since: datetime.datetime
    ) -> dict[Relation, list[datetime.datetime]]:
        """Return when tables were measured, the earliest first."""
        where = self._where(relations, "measured_at", since, None)
        found: dict[Relation, list[datetime.datetime]] = {}
        for schema, table, at in self._session.execute(
            f"select schema_name, table_name, {epoch('measured_at', self._sql)} as moment "
            f"from {self._sql.relation(METRICS)} where metric = '{_TABLE}' "
            f"and {where} order by moment"
        ):
            found.setdefault(Relation(schema, table), []).append(_moment(at))
        return found

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
                at=_moment(row[3]),
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
                    starts=_moment(first),
                    ends=_moment(last),
                    factor=None if factor is None else float(factor),
                    who=who or "",
                    why=why or "",
                )
            )
        return found

    def forget(self, before: datetime.datetime) -> None:
        """Delete figures and alarms from before a point in time; answers are kept."""
        for relation, column in ((METRICS, "measured_at"), (ALARMS, "raised_at")):
            self._session.execute(
                f"delete from {self._sql.relation(relation)} where {column} < {self._at(before)}"
            )

    def _insert(self, relation: Relation, rows: Sequence[Sequence[Any]]) -> None:
        for start in range(0, len(rows), _BATCH):
            values = ",\n".join(
                "(" + ", ".join(self._literal(value) for value in row) + ")"
                for row in rows[start : start + _BATCH]
            )
            self._session.execute(f"insert into {self._sql.relation(relation)} values {values}")

    def _literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime):
            return self._at(value)
        if isinstance(value, float):
            return repr(value)
        return self._sql.literal(value)

    def _at(self, moment: datetime.datetime) -> str:
        text = moment.astimezone(datetime.UTC).isoformat(sep=" ")
        return f"cast('{text}' as timestamptz)"

    def _where(
        self,
        relations: Sequence[Relation] | None,
        column: str,
        since: datetime.datetime | None,
        before: datetime.datetime | None,
    ) -> str:
        parts = [self._among(relations)] if relations is not None else []
        if since is not None:
            parts.append(f"{column} >= {self._at(since)}")
        if before is not None:
            parts.append(f"{column} < {self._at(before)}")
        return " and ".join(parts) or "true"

    def _among(self, relations: Sequence[Relation]) -> str:
        schemas: dict[str, list[str]] = {}
        for relation in relations:
            schemas.setdefault(relation.schema, []).append(self._sql.literal(relation.table))
        parts = [
            f"(schema_name = {self._sql.literal(schema)} and table_name in ({', '.join(tables)}))"
            for schema, tables in schemas.items()
        ]
        return f"({' or '.join(parts)})" if parts else "false"


class _Gathered:
    """The rows of one measurement while they are read."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._values: dict[SERIES, float | None] = {}
        self._categories: dict[str, dict[str, tuple[int, int]]] = {}
        self._table: dict[str, Any] = {}

    def take(self, column: str | None, metric: str, value: Any, detail: str | None) -> None:
        """Take one row."""
        if metric == _TABLE and column is None:
            self._table = json.loads(detail or "{}")
        elif metric == _CATEGORIES and column is not None:
            counts = json.loads(detail or "{}")
            self._categories[column] = {name: (n[0], n[1]) for name, n in counts.items()}
        else:
            self._values[column, metric] = None if value is None else float(value)

    def snapshot(self, at: float) -> Snapshot:
        """Return the measurement."""
        return Snapshot(
            at=_moment(at),
            values=self._values,
            categories=self._categories,
            columns=self._table.get("columns") or {},
            code=self._table.get("code"),
            run_id=self._run_id,
        )


def _moment(seconds: Any) -> datetime.datetime:
    # Microseconds: a time that went through the warehouse equals the one that was written.
    return datetime.datetime.fromtimestamp(round(float(seconds), 6), datetime.UTC)


def _id(relation: Relation, at: datetime.datetime, finding: Finding) -> str:
    parts = (relation, at.isoformat(), finding.kind, finding.column, finding.metric)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
