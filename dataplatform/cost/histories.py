"""Snowflake and BigQuery: what the warehouse's own history says was used, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataplatform.cost import bigquery_jobs, snowflake_history
from dataplatform.cost.measured import PATIENCE, Asked, Measured, stored_by_table
from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Session


def on_snowflake(asked: Asked) -> Measured:
    """Return the credits that were used, by query tag."""
    environment = asked.project.environment
    database = environment.resolve_all(environment.warehouse)["database"]
    warehouse = open_warehouse(environment, asked.project)
    with warehouse.session("what was used", PATIENCE) as session:
        usages = snowflake_history.usages_of(
            _told(session, snowflake_history.queries_sql(asked.days)),
            _told(session, snowflake_history.metering_sql(asked.days)),
        )
        kept = _told(session, snowflake_history.storage_sql(database))
    return Measured("credits", usages, stored_by_table(kept))


def on_bigquery(asked: Asked) -> Measured:
    """Return the bytes that were billed, by job."""
    environment = asked.project.environment
    location = environment.resolve_all(environment.warehouse)["location"]
    try:
        jobs, storage = (
            bigquery_jobs.jobs_sql(location, asked.days),
            bigquery_jobs.storage_sql(location),
        )
    except ValueError as error:
        raise UserError(f"{environment.file}: {error}.") from None
    warehouse = open_warehouse(environment, asked.project)
    with warehouse.session("what was used", PATIENCE) as session:
        usages = bigquery_jobs.usages_of(_told(session, jobs))
        return Measured("bytes", usages, stored_by_table(_told(session, storage)))


def _told(session: Session, sql: str) -> list[tuple[Any, ...]]:
    try:
        return session.execute(sql)
    except Exception as error:  # each driver has errors of its own
        reason = str(error).splitlines()[0]
        raise UserError(
            f"The warehouse's own history cannot be read: {reason} It needs the right to read it "
            "(docs/how-to/cost.md); a local stand-in has none."
        ) from error
