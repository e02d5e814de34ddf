"""The figures of one build of a table: taken beside its rules, found in the store, or scanned.

A build is measured once. Figures leave the statement that judges a table's rules where it has
rules; a raw table whose sync brought nothing has the figures it had. What the figures mean is
decided in ``monitors``.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import (
    Measure,
    categories_sql,
    low_cardinality,
    measures_for,
    time_column,
)
from dataplatform.checks.scan import plan
from dataplatform.keys import Relation, layer_of
from dataplatform.monitors.model import SERIES, Settings, Snapshot
from dataplatform.resources.monitor_store import MeasuredBuild, MonitorStore
from dataplatform.resources.monitor_waiting import Figures, keep

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.interface import Session


@dataclass(frozen=True)
class Measuring:
    """How a table is measured in the statement that judges its rules.

    Attributes:
        relation: the table.
        build: Dagster's record of its last materialisation.
        version: the version of its data, where it is known.
        settings: how it is watched.
        hidden: columns whose values must never be shown.
    """

    relation: Relation
    build: int
    version: str | None
    settings: Settings
    hidden: frozenset[str] = frozenset()

    def measures(
        self, session: Session, dialect_name: str, columns: Mapping[str, str]
    ) -> tuple[Measure, ...]:
        """Return what is to be measured; nothing where this build, or its data, was before."""
        store = MonitorStore(session, dialect_name)
        known = store.builds([self.relation]).get(self.relation) if store.ready else None
        if known is not None and (
            known.build == self.build or same_data(self.relation, known, self.version)
        ):
            return ()
        return asked(columns, dialect_name, self.settings, self.hidden)

    def keep(self, session: Session, dialect_name: str, values: Mapping[SERIES, Any]) -> None:
        """Keep what was measured, for the monitors' step to judge."""
        keep(session, dialect_name, {self.relation: Figures(self.build, values)})


def same_data(relation: Relation, known: MeasuredBuild, version: str | None) -> bool:
    """Whether a raw table holds the rows that were measured last: its sync brought nothing."""
    return layer_of(relation) == "raw" and version is not None and known.version == version


def asked(
    columns: Mapping[str, str],
    dialect_name: str,
    settings: Settings,
    masked_columns: Collection[str] = (),
) -> tuple[Measure, ...]:
    """Return what is measured of a table: of the columns that somebody looks at.

    Args:
        columns: its columns with their types.
        dialect_name: the warehouse's dialect.
        settings: which column tells a row's time, and which columns nobody looks at.
        masked_columns: columns whose values must never be shown.
    """
    seen = {name: kind for name, kind in columns.items() if settings.watches(name)}
    recent = time_column(columns, settings.fresh_column)
    return measures_for(
        seen, dialect(dialect_name), masked_columns, recent if recent in seen else None
    )


def measure(
    session: Session,
    dialect_name: str,
    relation: Relation,
    columns: Mapping[str, str],
    at: datetime.datetime,
    settings: Settings,
    masked_columns: Collection[str] = (),
    taken: Mapping[SERIES, Any] | None = None,
) -> Snapshot:
    """Measure a table in one scan, and its columns of few values in one more query.

    Args:
        session: an open session.
        dialect_name: the warehouse's dialect.
        relation: the table.
        columns: its columns with their types.
        at: the time of the measurement.
        settings: which column tells a row's time, and which columns nobody looks at.
        masked_columns: columns whose values must never be shown.
        taken: figures that were taken with the table's rules; they save the scan if no figure of
            any column is missing.
    """
    sql = dialect(dialect_name)
    wanted = asked(columns, dialect_name, settings, masked_columns)
    if taken is not None and _complete(taken, wanted):
        values = dict(taken)
    else:
        scan = plan([], dialect_name, columns, wanted, relation)
        values = scan.measured(session.execute(scan.sql)[0])
    seen = {name: kind for name, kind in columns.items() if settings.watches(name)}
    few = low_cardinality(seen, values, masked_columns)
    categories: dict[str, dict[str, tuple[int, int]]] = {}
    if few:
        recent = time_column(columns, settings.fresh_column)
        query = categories_sql(sql.relation(relation), few, sql, columns, recent)
        for name, value, rows, lately in session.execute(query):
            categories.setdefault(str(name), {})[str(value)] = (int(rows), int(lately))
    return Snapshot(at, values, categories, dict(columns))


def repeated(
    store: MonitorStore,
    relation: Relation,
    known: MeasuredBuild | None,
    version: str | None,
    columns: Mapping[str, str],
    at: datetime.datetime,
) -> Snapshot | None:
    """Return the last measurement once more, if the table still holds the same rows.

    Args:
        store: the monitors' memory.
        relation: the table.
        known: which build was measured last.
        version: the version of the table's data now.
        columns: its columns now.
        at: the time of the new build; the newest row has grown older until then.
    """
    if known is None or not same_data(relation, known, version):
        return None
    snapshots = store.history([relation], known.at)[relation].snapshots
    last = snapshots[-1] if snapshots else None
    return None if last is None or dict(last.columns) != dict(columns) else replace(last, at=at)


def _complete(taken: Mapping[SERIES, Any], wanted: Collection[Measure]) -> bool:
    """Whether a figure of each kind and column is there; quantiles have names of their own."""
    return all(
        (one.column, one.name) in taken for one in wanted if not one.name.endswith("quantiles")
    )
