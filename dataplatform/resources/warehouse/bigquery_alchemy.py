"""BigQuery through SQLAlchemy, on a client that the adapter opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dataplatform.resources.warehouse.alchemy import Alchemy, frame_of_arrow, reading


@contextmanager
def of_project(client: Any, *, fast: bool) -> Iterator[Alchemy]:
    """Open a project; its datasets are the schemas.

    Args:
        client: Google's, whose jobs have the labels and limits of the adapter.
        fast: whether rows may be read over the storage API.
    """
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        f"bigquery://{client.project}?user_supplied_client=True",
        connect_args={"client": client},
        poolclass=sqlalchemy.pool.StaticPool,
    )

    def frame(_connection: Any, sql: str) -> Any:
        return frame_of_arrow(client.query(sql).result().to_arrow(create_bqstorage_client=fast))

    try:
        yield Alchemy(reading(engine, "bigquery"), frame, "bigquery")
    finally:
        engine.dispose()
