"""What finished tables look like, read beside a running dbt.

On DuckDB through a second cursor on the file dbt holds, for many tables at once; on other
warehouses through the warehouse itself, after dbt has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataplatform.keys import Relation


@dataclass(frozen=True)
class Found:
    """Columns with their types, and the number of rows."""

    columns: Mapping[str, str] = field(default_factory=dict)
    row_count: int | None = None


def quoted(name: str) -> str:
    """Return an identifier quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def probe(cursor: Any, relations: Iterable[Relation]) -> dict[Relation, Found]:
    """Return what relations look like; one that does not exist is left out.

    Args:
        cursor: an open DuckDB cursor.
        relations: what to look at.
    """
    wanted = list(dict.fromkeys(relations))
    if not wanted:
        return {}
    listed = ", ".join("'" + str(relation).replace("'", "''") + "'" for relation in wanted)
    columns: dict[Relation, dict[str, str]] = {}
    for schema, table, column, kind in cursor.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() "
        f"and schema_name || '.' || table_name in ({listed}) order by column_index"
    ).fetchall():
        columns.setdefault(Relation(schema, table), {})[column] = kind
    present = [relation for relation in wanted if relation in columns]
    if not present:
        return {}
    counted = " union all ".join(
        f"select {index}, count(*) from {quoted(relation.schema)}.{quoted(relation.table)}"
        for index, relation in enumerate(present)
    )
    counts = dict(cursor.execute(counted).fetchall())
    return {
        relation: Found(columns[relation], counts.get(index))
        for index, relation in enumerate(present)
    }


def day_prints(cursor: Any, relation: Relation, column: str) -> dict[str, str]:
    """Return a fingerprint of each day's rows, by day; empty where the relation does not exist."""
    exists = cursor.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and schema_name = ? and table_name = ?",
        [relation.schema, relation.table],
    ).fetchone()[0]
    if not exists:
        return {}
    day = f"cast({quoted(column)} as varchar)"
    table = f"{quoted(relation.schema)}.{quoted(relation.table)}"
    rows = cursor.execute(
        f"select {day}, cast(sum(hash(rows_)) as varchar) from {table} as rows_ group by 1"
    ).fetchall()
    return dict(rows)
