"""Snowflake: credits by query tag, from the account's own history.

A warehouse is metered by the hour, its idle time included. The credits of an hour are shared among
the queries of that hour by how long they ran, so that all shares together are what is paid. Work
is told apart by the tag that the platform gives its sessions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from dataplatform.cost.usage import Usage
from dataplatform.resources.warehouse.work import APP

#: Sizes in the order of what they cost; each is twice the one before.
SIZES = ("X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large")


def queries_sql(days: int) -> str:
    """Return the query for what ran: by hour, warehouse and tag, with what advice needs.

    Args:
        days: how many days back, today included.
    """
    return f"""
SELECT DATE_TRUNC('hour', start_time), warehouse_name, query_tag, MAX(warehouse_size),
  SUM(execution_time) / 1000, COUNT(*), SUM(bytes_scanned),
  SUM(partitions_scanned), SUM(partitions_total), SUM(bytes_spilled_to_local_storage),
  SUM(IFF(query_type IN ('CREATE_TABLE_AS_SELECT', 'MERGE', 'INSERT', 'DELETE'), 1, 0)),
  SUM(credits_used_cloud_services)
FROM snowflake.account_usage.query_history
WHERE start_time >= DATEADD('day', -{int(days)}, CURRENT_TIMESTAMP()) AND warehouse_name IS NOT NULL
GROUP BY 1, 2, 3""".strip()


def metering_sql(days: int) -> str:
    """Return the query for what was metered: by hour and warehouse.

    Args:
        days: how many days back, today included.
    """
    return f"""
SELECT DATE_TRUNC('hour', start_time), warehouse_name, SUM(credits_used_compute)
FROM snowflake.account_usage.warehouse_metering_history
WHERE start_time >= DATEADD('day', -{int(days)}, CURRENT_TIMESTAMP()) AND warehouse_id > 0
GROUP BY 1, 2""".strip()


def storage_sql(database: str) -> str:
    """Return the query for the bytes that each table keeps, time travel and fail-safe included.

    Args:
        database: the warehouse's database.
    """
    named = database.upper().replace("'", "''")
    return f"""
SELECT LOWER(table_schema), LOWER(table_name),
  SUM(active_bytes + time_travel_bytes + failsafe_bytes + retained_for_clone_bytes)
FROM snowflake.account_usage.table_storage_metrics
WHERE table_catalog = '{named}' AND NOT deleted
GROUP BY 1, 2""".strip()


@dataclass(frozen=True)
class _Ran:
    hour: datetime
    warehouse: str
    tag: str
    size: str
    seconds: float
    count: int
    scanned: float
    partitions: float
    partitions_total: float
    spilled: float
    builds: int
    services: float


def usages_of(queries: Iterable[Sequence[Any]], metering: Iterable[Sequence[Any]]) -> list[Usage]:
    """Return the credits of each piece of work.

    Args:
        queries: rows of ``queries_sql``.
        metering: rows of ``metering_sql``.

    Returns:
        One usage for each hour, warehouse and tag. An hour that was metered and in which nothing
        ran is usage of nobody's, so that the sum is what is paid for warehouses. What Snowflake's
        cloud services used is told among the facts: most of it is not billed.
    """
    ran = [_Ran(row[0], str(row[1]), str(row[2] or ""), str(row[3] or ""), *map(_number, row[4:]))  # type: ignore[arg-type]
           for row in queries]  # fmt: skip
    whole: dict[tuple[datetime, str], float] = {}
    for one in ran:
        key = (one.hour, one.warehouse)
        whole[key] = whole.get(key, 0.0) + one.seconds
    credits = {(row[0], str(row[1])): float(row[2] or 0) for row in metering}
    found = []
    for one in ran:
        key = (one.hour, one.warehouse)
        share = one.seconds / whole[key] if whole[key] else 0.0
        found.append(_usage(one, credits.get(key, 0.0) * share))
    for (hour, warehouse), amount in credits.items():
        if amount and not whole.get((hour, warehouse)):
            found.append(Usage(_day(hour), amount, count=0, facts={"warehouse": warehouse}))
    return found


def _usage(one: _Ran, amount: float) -> Usage:
    tag = _tag(one.tag)
    return Usage(
        day=_day(one.hour),
        amount=amount,
        asset=tag.get("asset", ""),
        pipeline=tag.get("pipeline", ""),
        run=tag.get("run", ""),
        count=int(one.count),
        seconds=one.seconds,
        builds=int(one.builds),
        facts={
            "warehouse": one.warehouse,
            "size": one.size,
            "bytes": one.scanned,
            "partitions": one.partitions,
            "partitions_total": one.partitions_total,
            "spilled": one.spilled,
            "cloud_services": one.services,
        },
    )


def _tag(text: str) -> dict[str, str]:
    """Return what one of the platform's tags says; nothing for anybody else's."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(said, dict) or said.get("app") != APP:
        return {}
    return {str(name): str(value).lower() if name == "asset" else str(value)
            for name, value in said.items()}  # fmt: skip


def _day(moment: datetime) -> date:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _number(value: Any) -> float:
    return float(value or 0)
