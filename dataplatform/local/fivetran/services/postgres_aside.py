"""A second connection to PostgreSQL, which answers while the first one is busy.

It sees what another connection sees, by that one's exported snapshot. What is asked, and what for,
is the business of whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.sql import literal

Rows = list[tuple[Any, ...]]


class Aside:
    """Answers questions in a thread of its own, one after the other.

    Args:
        connect: opens a connection with autocommit.
        snapshot: the exported snapshot to look through; its transaction stays open meanwhile.
    """

    def __init__(self, connect: Callable[[], Any], snapshot: str) -> None:
        self._connect = connect
        self._snapshot = snapshot
        self._connection: Any = None
        self._closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postgres-aside")

    def ask(self, sql: str) -> Callable[[], Rows]:
        """Have a query run; return what waits for its rows.

        Args:
            sql: one statement.

        Returns:
            A function that gives the rows; it raises SyncFailure where the server refused.
        """
        answer = self._thread.submit(self._run, sql)
        return lambda: _rows_of(answer)

    def _run(self, sql: str) -> Rows:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._connection.execute(f"SET TRANSACTION SNAPSHOT {literal(self._snapshot)}")
        if self._closing:
            return []
        found: Rows = self._connection.execute(sql).fetchall()
        return found

    def close(self) -> None:
        """Let go of the connection; a query that still runs is cancelled."""
        self._closing = True
        if self._connection is not None and not self._connection.closed:
            self._connection.cancel_safe(timeout=5)
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()


def _rows_of(answer: Future[Rows]) -> Rows:
    import psycopg

    try:
        return answer.result()
    except psycopg.Error as error:
        raise SyncFailure(
            f"PostgreSQL does not count its rows: {' '.join(str(error).split())}",
            code="source_refused",
        ) from error
