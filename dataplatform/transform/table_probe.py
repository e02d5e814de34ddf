"""What finished tables look like, read through a second cursor on the DuckDB file that dbt holds.

Many tables at once. Another warehouse is asked as anybody asks it, by its ``facts``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import TableFacts, qualified


def probe(cursor: Any, relations: Iterable[Relation]) -> dict[Relation, TableFacts]:
    """Return relations' facts without a fingerprint; one that does not exist is left out.

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
        f"select {index}, count(*) from {qualified(relation)}"
        for index, relation in enumerate(present)
    )
    counts = dict(cursor.execute(counted).fetchall())
    return {
        relation: TableFacts(columns[relation], counts[index], "")
        for index, relation in enumerate(present)
    }
