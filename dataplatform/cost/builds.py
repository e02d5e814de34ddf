"""DuckDB and DuckLake: what this platform's own builds computed, and the bytes that tables keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataplatform.cost.measured import PATIENCE, Asked, Measured, stored_by_table
from dataplatform.cost.usage import Usage
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.ducklake import CATALOG
from dataplatform.keys import Relation
from dataplatform.resources.build_history import Build, builds_since
from dataplatform.resources.warehouse import open_warehouse, qualified

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session

_BLOCK_BYTES = 262_144
_LAKE_STORAGE = f"""
SELECT s.schema_name, i.table_name, i.file_size_bytes
FROM ducklake_table_info('{CATALOG}') AS i
JOIN __ducklake_metadata_{CATALOG}.ducklake_schema AS s USING (schema_id)
WHERE s.end_snapshot IS NULL""".strip()


def on_duckdb(asked: Asked) -> Measured:
    """Return what was computed in a DuckDB file, and what it keeps."""
    warehouse = open_warehouse(asked.project.environment, asked.project)
    if not warehouse.relations():
        return Measured("seconds", _computed(asked))
    with warehouse.session("what is kept", PATIENCE) as session:
        return Measured("seconds", _computed(asked), _blocks(session))


def on_ducklake(asked: Asked) -> Measured:
    """Return what was computed in a DuckLake, and what its files keep."""
    warehouse = open_warehouse(asked.project.environment, asked.project)
    with warehouse.session("what is kept", PATIENCE) as session:
        stored = stored_by_table(session.execute(_LAKE_STORAGE))
    return Measured("seconds", _computed(asked), stored)


def usages_of(builds: Sequence[Build]) -> list[Usage]:
    """Return builds as usage: the seconds of a processor that their steps computed."""
    return [
        Usage(
            day=build.at.date(),
            amount=build.computed,
            asset=str(build.relation),
            pipeline=build.job,
            run=build.run,
            seconds=build.seconds,
            builds=1,
            facts={"rows": build.rows},
        )
        for build in builds
    ]


def _computed(asked: Asked) -> list[Usage]:
    models = [node.relation for node in load_graph(asked.project).nodes]
    return usages_of(builds_since(asked.instance, models, asked.since))


def _blocks(session: Session) -> dict[str, int]:
    """Return the bytes of each table; what is published is a view, and keeps none."""
    tables = session.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND NOT internal"
    )
    found = {}
    for schema, table in tables:
        named = qualified(Relation(schema, table)).replace("'", "''")
        ((blocks,),) = session.execute(
            "SELECT count(DISTINCT block_id) FROM "
            f"pragma_storage_info('{named}') WHERE block_id >= 0"
        )
        found[f"{schema}.{table}"] = int(blocks) * _BLOCK_BYTES
    return found
