"""Figures that a check step took of a build and that no monitor has judged yet, in the warehouse.

Rules and figures are asked for in one statement; the monitors' step comes later, takes what lies
here and judges it. What was judged is in ``monitor_store``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.dialects import Dialect, dialect
from dataplatform.keys import Relation
from dataplatform.monitors.model import SERIES
from dataplatform.resources.monitor_tables import WAITING, MonitorTables
from dataplatform.resources.warehouse.interface import Session


@dataclass(frozen=True)
class Figures:
    """What was measured of one build of a table, by column (None for the table) and measure."""

    build: int
    values: Mapping[SERIES, Any]


def keep(session: Session, dialect_name: str, figures: Mapping[Relation, Figures]) -> None:
    """Keep figures until they are judged, in place of what lay there of the same tables.

    Args:
        session: an open session.
        dialect_name: the warehouse's dialect.
        figures: what was measured, by table.
    """
    if not figures:
        return
    sql = _prepared(session, dialect_name)
    drop(session, dialect_name, figures)
    rows = ",\n".join(
        f"({sql.literal(relation.schema)}, {sql.literal(relation.table)}, {one.build}, "
        f"{sql.literal(_dumped(one.values))})"
        for relation, one in figures.items()
    )
    session.execute(f"insert into {sql.relation(WAITING)} values {rows}")


def waiting(
    session: Session, dialect_name: str, relations: Collection[Relation]
) -> dict[Relation, Figures]:
    """Return the figures of tables that wait to be judged."""
    if not relations:
        return {}
    sql = _prepared(session, dialect_name)
    rows = session.execute(
        f"select schema_name, table_name, build, figures from {sql.relation(WAITING)}"
    )
    found = {Relation(schema, table): (build, text) for schema, table, build, text in rows}
    return {
        relation: Figures(int(build), {(c, name): value for c, name, value in json.loads(text)})
        for relation, (build, text) in found.items()
        if relation in relations
    }


def drop(session: Session, dialect_name: str, relations: Collection[Relation]) -> None:
    """Forget the figures of tables, which were judged or replaced."""
    if not relations:
        return
    sql = dialect(dialect_name)
    listed = ", ".join(sql.literal(str(relation)) for relation in relations)
    session.execute(
        f"delete from {sql.relation(WAITING)} where schema_name || '.' || table_name in ({listed})"
    )


def _prepared(session: Session, dialect_name: str) -> Dialect:
    tables = MonitorTables(session, dialect_name)
    if not tables.ready:
        tables.prepare()
    return dialect(dialect_name)


def _dumped(values: Mapping[SERIES, Any]) -> str:
    return json.dumps(
        [[column, name, _number(value)] for (column, name), value in values.items()],
        ensure_ascii=False,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
