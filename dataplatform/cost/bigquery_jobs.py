"""BigQuery: billed bytes by job, from the project's own statistics.

A job tells the table that it writes and the labels that asked for it. What is paid by slots rather
than by bytes is told in the job's slot time, as seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from dataplatform.bigquery_jobs import LENGTH, asset_of
from dataplatform.cost.usage import Usage

_REGION = re.compile(r"[A-Za-z0-9-]{2,40}")
_TEMPORARY = ("_", "anon")


def _view(location: str, name: str) -> str:
    if _REGION.fullmatch(location) is None:
        raise ValueError(f"{location!r} is no location of BigQuery")
    return f"`region-{location.lower()}`.INFORMATION_SCHEMA.{name}"


def jobs_sql(location: str, days: int) -> str:
    """Return the query for what ran: by day, written table and labels.

    Args:
        location: where the project's datasets lie, such as ``EU``.
        days: how many days back, today included.

    Raises:
        ValueError: the location is none.
    """
    label = "(SELECT MAX(value) FROM UNNEST(labels) WHERE key = '{}')"
    return f"""
SELECT DATE(creation_time), destination_table.dataset_id, destination_table.table_id,
  {label.format("asset")}, {label.format("pipeline")}, {label.format("run")},
  SUM(total_bytes_billed), SUM(total_slot_ms) / 1000, COUNT(*),
  COUNTIF(statement_type IN ('CREATE_TABLE_AS_SELECT', 'MERGE', 'INSERT', 'DELETE')),
  SUM(total_bytes_processed)
FROM {_view(location, "JOBS_BY_PROJECT")}
WHERE creation_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {int(days)} DAY)
  AND job_type = 'QUERY' AND statement_type != 'SCRIPT'
GROUP BY 1, 2, 3, 4, 5, 6""".strip()


def storage_sql(location: str) -> str:
    """Return the query for the bytes that each table keeps.

    Args:
        location: where the project's datasets lie.

    Raises:
        ValueError: the location is none.
    """
    return f"""
SELECT table_schema, table_name, SUM(total_logical_bytes)
FROM {_view(location, "TABLE_STORAGE")}
WHERE NOT deleted
GROUP BY 1, 2""".strip()


def usages_of(jobs: Iterable[Sequence[Any]]) -> list[Usage]:
    """Return the billed bytes of each piece of work.

    Args:
        jobs: rows of ``jobs_sql``.
    """
    found = []
    for day, dataset, table, asset, pipeline, run, billed, slots, count, builds, read in jobs:
        named = f"{dataset}.{table}" if dataset and table else ""
        # A query without a table of its own writes into one that nobody named.
        written = named if named and not named.startswith(_TEMPORARY) else ""
        # A name that filled its label may have lost its end; the written table has it whole.
        labelled = asset_of(str(asset or ""))
        if len(labelled) >= LENGTH - 1 and written.lower().startswith(labelled):
            labelled = written
        found.append(
            Usage(
                day=day,
                amount=float(billed or 0),
                asset=labelled or written,
                pipeline=str(pipeline or ""),
                run=str(run or ""),
                count=int(count or 0),
                seconds=float(slots or 0),
                builds=int(builds or 0),
                facts={"bytes": float(read or 0)},
            )
        )
    return found
