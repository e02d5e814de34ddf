"""What monitors remember of tables, in the warehouse: the figures of every measurement.

Past alarms belong to it, since what was alarmed is no example of what is usual; they are kept by
``monitor_alarms``. What is usual is decided in ``monitors``.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.measure_sql import epoch
from dataplatform.keys import Relation
from dataplatform.monitors.model import SERIES, Flag, History, Snapshot
from dataplatform.resources.monitor_alarms import AlarmStore
from dataplatform.resources.monitor_tables import ALARMS, METRICS, moment

_CATEGORIES = "categories"
_TABLE = "columns"


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


class MonitorStore(AlarmStore):
    """The monitors' memory in one warehouse: figures, alarms and answers."""

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
        rows: list[list[Any]] = [[None, _TABLE, None, json.dumps(detail)]]
        rows += [
            [column, metric, value, None]
            for (column, metric), value in snapshot.values.items()
            if value is not None
        ]
        rows += [
            [column, _CATEGORIES, float(len(counts)), json.dumps(counts)]
            for column, counts in snapshot.categories.items()
        ]
        self._insert(METRICS, rows, head)

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
                found[Relation(schema, table)] = MeasuredBuild(build, version, moment(at))
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
            found.setdefault(Relation(schema, table), []).append(moment(at))
        return found

    def forget(self, before: datetime.datetime) -> None:
        """Delete figures and alarms from before a point in time; answers are kept."""
        for relation, column in ((METRICS, "measured_at"), (ALARMS, "raised_at")):
            self._session.execute(
                f"delete from {self._sql.relation(relation)} where {column} < {self._at(before)}"
            )


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
            at=moment(at),
            values=self._values,
            categories=self._categories,
            columns=self._table.get("columns") or {},
            code=self._table.get("code"),
            run_id=self._run_id,
        )
