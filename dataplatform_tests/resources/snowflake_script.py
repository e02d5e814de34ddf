"""Snowflake's connector with answers from a script: what was sent is kept, errors come as asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SETTINGS: dict[str, Any] = {
    "type": "snowflake",
    "account": "acme-eu",
    "user": "LOADER",
    "password": "hush",
    "role": "TRANSFORMER",
    "warehouse": "TRANSFORMING",
    "warehouses": {"full_build": "TRANSFORMING_L"},
    "database": "ANALYTICS",
}

Script = Callable[[int, str], Any]


class Connector:
    """Stands where ``snowflake.connector.connect`` stands.

    Args:
        opens: called with the number of the connection; may raise.
        answers: called with the connection's number and a statement; gives rows, or raises.
    """

    def __init__(
        self, opens: Callable[[int], None] | None = None, answers: Script | None = None
    ) -> None:
        self.opens = opens or (lambda _: None)
        self.answers = answers or (lambda *_: [])
        self.given: list[dict[str, Any]] = []
        self.sent: list[tuple[int, str]] = []
        self.closed: list[int] = []

    def __call__(self, **given: Any) -> _Connection:
        self.given.append(given)
        number = len(self.given)
        self.opens(number)
        return _Connection(self, number)

    @property
    def statements(self) -> list[str]:
        """What was sent, over every connection."""
        return [sql for _, sql in self.sent]


class _Connection:
    def __init__(self, connector: Connector, number: int) -> None:
        self.connector, self.number = connector, number

    def cursor(self) -> _Cursor:
        return _Cursor(self)

    def close(self) -> None:
        self.connector.closed.append(self.number)

    def commit(self) -> None:
        return None


class _Cursor:
    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.rows: list[Any] = []
        self.description: Any = None

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, sql: str, parameters: Any = None) -> None:
        connector = self.connection.connector
        connector.sent.append((self.connection.number, sql))
        self.rows = connector.answers(self.connection.number, sql) or []
        self.description = ["x"]

    def fetchall(self) -> list[Any]:
        return self.rows
