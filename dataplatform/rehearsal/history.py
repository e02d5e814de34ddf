"""Days that never were: what the monitors would have measured of the rehearsal company on each.

Measured by the real scan with the real measures, and kept in the monitors' own store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import (
    categories_sql,
    low_cardinality,
    measures_for,
    time_column,
)
from dataplatform.checks.scan import plan
from dataplatform.keys import Relation
from dataplatform.monitors.model import Snapshot
from dataplatform.rehearsal import company

if TYPE_CHECKING:
    import duckdb

_SQL = dialect("duckdb")


def measure(connection: duckdb.DuckDBPyConnection, relation: Relation, at: datetime) -> Snapshot:
    """Measure a table in one scan, as the check steps do.

    Args:
        connection: of the database that holds it.
        relation: the table.
        at: the moment that the measurement is said to be of.
    """
    columns = {
        name: kind
        for name, kind in connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = "
            "current_database() and schema_name = ? and table_name = ? order by column_index",
            [relation.schema, relation.table],
        ).fetchall()
    }
    recent = time_column(columns)
    scan = plan([], "duckdb", columns, measures_for(columns, _SQL, recent=recent), relation)
    values = scan.measured(connection.execute(scan.sql).fetchall()[0])
    few = low_cardinality(columns, values)
    categories: dict[str, dict[str, tuple[int, int]]] = {}
    if few:
        sql = categories_sql(_SQL.relation(relation), few, _SQL, columns, recent)
        for column, value, rows, lately in connection.execute(sql).fetchall():
            categories.setdefault(column, {})[value] = (rows, lately)
    return Snapshot(at, values, categories, columns)


def simulate(
    connection: duckdb.DuckDBPyConnection,
    relations: Sequence[Relation],
    moments: Sequence[datetime],
) -> Iterator[tuple[Relation, Snapshot]]:
    """Let days pass: sync the company's tables and measure each, day after day.

    Args:
        connection: of a warehouse, with the company's file attached; its raw tables are replaced.
        relations: the tables.
        moments: the syncs, in order.
    """
    for moment in moments:
        company.at(connection, moment)
        company.deliver(connection, relations)
        for relation in relations:
            yield relation, measure(connection, relation, moment)


def days_before(now: datetime, days: int) -> list[datetime]:
    """Return this moment of each of the days before, the earliest first."""
    return [now - timedelta(days=back) for back in range(days, 0, -1)]
