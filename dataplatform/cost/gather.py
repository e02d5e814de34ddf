"""From a project to its ledger: which warehouse is asked, and who owns what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataplatform.cost import bigquery_jobs, snowflake_history
from dataplatform.cost.usage import Ledger, Usage
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.environment_model import (
    DuckDBWarehouse,
    DuckLakeWarehouse,
    SnowflakeWarehouse,
)
from dataplatform.declarations.errors import UserError
from dataplatform.ducklake import CATALOG
from dataplatform.keys import Relation
from dataplatform.resources.build_history import Build, builds_since
from dataplatform.resources.warehouse import open_warehouse, qualified

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse import Session

_PATIENCE = 20.0
#: Asked for twice the span, so that there is something to compare with.
_SPANS = 2
_BLOCK_BYTES = 262_144
_LAKE_STORAGE = f"""
SELECT s.schema_name, i.table_name, i.file_size_bytes
FROM ducklake_table_info('{CATALOG}') AS i
JOIN __ducklake_metadata_{CATALOG}.ducklake_schema AS s USING (schema_id)
WHERE s.end_snapshot IS NULL""".strip()


def gather(
    project: Project, instance: DagsterInstance, days: int, today: date | None = None
) -> Ledger:
    """Return what a project's environment used.

    Args:
        project: its environment, prices and owners.
        instance: whose records tell of builds on DuckDB.
        days: how many days the span has.
        today: its last day; the present one, in UTC.

    Raises:
        UserError: the warehouse cannot be asked.
    """
    last = today or datetime.now(UTC).date()
    owners = owners_of(project)
    declared = project.environment.warehouse
    prices = project.budgets.prices
    if isinstance(declared, DuckDBWarehouse | DuckLakeWarehouse):
        since = datetime.combine(last, datetime.min.time(), UTC) - timedelta(days=_SPANS * days - 1)
        models = [node.relation for node in load_graph(project).nodes]
        usages = usages_of_builds(builds_since(instance, models, since))
        stored = _duckdb_storage(project)
        return Ledger("seconds", last, days, usages, owners, stored, prices)
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("what was used", _PATIENCE) as session:
        if isinstance(declared, SnowflakeWarehouse):
            usages = snowflake_history.usages_of(
                _asked(session, snowflake_history.queries_sql(_SPANS * days)),
                _asked(session, snowflake_history.metering_sql(_SPANS * days)),
            )
            database = project.environment.resolve(declared.database)
            kept = _asked(session, snowflake_history.storage_sql(database))
            return Ledger("credits", last, days, usages, owners, _stored(kept), prices)
        location = project.environment.resolve(declared.location)
        try:
            sql = bigquery_jobs.jobs_sql(location, _SPANS * days)
        except ValueError as error:
            raise UserError(f"{project.environment.file}: {error}.") from None
        usages = bigquery_jobs.usages_of(_asked(session, sql))
        kept = _asked(session, bigquery_jobs.storage_sql(location))
        return Ledger("bytes", last, days, usages, owners, _stored(kept), prices)


def usages_of_builds(builds: Sequence[Build]) -> list[Usage]:
    """Return builds as usage: the seconds that the engine computed, as dbt measured them."""
    return [
        Usage(
            day=build.at.date(),
            amount=build.seconds,
            asset=str(build.relation),
            pipeline=build.job,
            run=build.run,
            seconds=build.seconds,
            builds=1,
            facts={"rows": build.rows},
        )
        for build in builds
    ]


def owners_of(project: Project) -> dict[str, str]:
    """Return whom to call about each table: the contract's word, else the model's or source's."""
    found: dict[str, str] = {}
    for connection in project.connections:
        found |= {str(relation): connection.owner for relation in connection.relations}
    for node in load_graph(project).nodes:
        if node.owner:
            found[str(node.relation)] = node.owner
    for contract in project.contracts:
        found[str(contract.relation)] = found[str(contract.published)] = contract.owner
    return found


def _asked(session: Session, sql: str) -> list[tuple[Any, ...]]:
    try:
        return session.execute(sql)
    except UserError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"The warehouse's own history cannot be read: {reason} It needs the right to read it "
            "(docs/how-to/cost.md); a local stand-in has none."
        ) from error


def _stored(rows: Sequence[Sequence[Any]]) -> dict[str, int]:
    return {f"{schema}.{table}": int(kept or 0) for schema, table, kept in rows}


def _duckdb_storage(project: Project) -> dict[str, int]:
    """Return the bytes of each table; what is published is a view, and keeps none."""
    declared = project.environment.warehouse
    if isinstance(declared, DuckDBWarehouse):
        path = project.root / project.environment.resolve(declared.path)
        if not path.exists():
            return {}
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("what is kept", _PATIENCE) as session:
        if isinstance(declared, DuckLakeWarehouse):
            return _stored(session.execute(_LAKE_STORAGE))
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
