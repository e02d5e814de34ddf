"""Snowflake through SQLAlchemy, on a connection that the adapter opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dataplatform.resources.warehouse.alchemy import Alchemy, frame_of_arrow, reading


@contextmanager
def of_account(connected: Callable[[], Any]) -> Iterator[Alchemy]:
    """Open an account.

    Args:
        connected: gives a connection of Snowflake's connector.
    """
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        "snowflake://", creator=connected, poolclass=sqlalchemy.pool.StaticPool
    )
    try:
        yield Alchemy(reading(engine, "snowflake"), _frame, "snowflake")
    finally:
        engine.dispose()


def _frame(connection: Any, sql: str) -> Any:
    with connection.connection.driver_connection.cursor() as cursor:
        cursor.execute(sql)
        return frame_of_arrow(cursor.fetch_arrow_all(force_return_table=True))
