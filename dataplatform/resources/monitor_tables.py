"""The tables in which monitors remember, in the warehouse, and how rows go into them.

Tables ``table_metrics``, ``waiting_figures``, ``alarms`` and ``alarm_answers`` of the schema
``dataplatform``, used through a session that is open anyway. What is kept in which is the business
of ``monitor_store``, ``monitor_waiting`` and ``monitor_alarms``.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from dataplatform.checks.dialects import Dialect, dialect
from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse import layout
from dataplatform.resources.warehouse.interface import Session

METRICS = Relation(PLATFORM, "table_metrics")
WAITING = Relation(PLATFORM, "waiting_figures")
ALARMS = Relation(PLATFORM, "alarms")
ANSWERS = Relation(PLATFORM, "alarm_answers")

_COLUMNS = {
    METRICS: "schema_name varchar, table_name varchar, measured_at timestamptz, run_id varchar, "
    "column_name varchar, metric varchar, value double, detail varchar",
    WAITING: "schema_name varchar, table_name varchar, build bigint, figures varchar",
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


class MonitorTables:
    """The monitors' tables in one warehouse.

    Args:
        session: an open session; none is ever opened here.
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
                f"create table if not exists {self._sql.relation(relation)} "
                f"({self._sql.declared(columns)})"
            )

    @property
    def ready(self) -> bool:
        """Whether the tables exist.

        Raises:
            UserError: a newer version of the platform has written them.
        """
        rows = self._session.execute(
            f"select lower(table_name) from {self._sql.listing('tables', [PLATFORM])}"
        )
        tables = {str(name) for (name,) in rows}
        layout.check(tables)
        return all(relation.table in tables for relation in _COLUMNS)

    def _insert(
        self, relation: Relation, rows: Sequence[Sequence[Any]], head: Sequence[Any] = ()
    ) -> None:
        """Insert rows; each begins with the values of ``head``, if any."""
        begun = "".join(f"{self._literal(value)}, " for value in head)
        for start in range(0, len(rows), _BATCH):
            values = ",\n".join(
                f"({begun}{', '.join(self._literal(value) for value in row)})"
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
        return f"cast('{text}' as {self._sql.instant_type})"

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


def moment(seconds: Any) -> datetime.datetime:
    """Return a point in time from the seconds since 1970, as a warehouse gives them.

    To the microsecond: a time that went through the warehouse equals the one that was written.
    """
    return datetime.datetime.fromtimestamp(round(float(seconds), 6), datetime.UTC)
