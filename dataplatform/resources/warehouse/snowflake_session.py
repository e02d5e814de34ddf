"""Sessions with Snowflake, through its own connector.

The connector is imported and the credentials are used at the first session. A session that drops
is opened anew, and what can be done twice is.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse.snowflake_errors import explained, is_dropped
from dataplatform.resources.warehouse.work import APP, current, query_tag

T = TypeVar("T")

#: How often a connection is tried, and how long to wait before the second time.
TRIES = 3
WAIT_SECONDS = 1.0
LOGIN_TIMEOUT_SECONDS = 30
NETWORK_TIMEOUT_SECONDS = 300
_READS = frozenset({"SELECT", "WITH", "SHOW", "DESC", "DESCRIBE", "LIST"})
_BEGINS = frozenset({"BEGIN", "START"})
_ENDS = frozenset({"COMMIT", "ROLLBACK"})


class SnowflakeSession:
    """A conversation over one connection, which is made anew when it is lost.

    A statement that only reads, outside a transaction, is then sent again. One that writes is not:
    nobody knows whether it was done.

    Args:
        connect: gives a connection that is closed when its context ends.
        settings: the resolved ``warehouse`` block, for what is told of errors.
    """

    def __init__(
        self, connect: Callable[[], AbstractContextManager[Any]], settings: Mapping[str, Any]
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._within = False
        self._held = contextlib.ExitStack()
        self.connection = self._opened()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        word = sql.lstrip().split(None, 1)[0].rstrip(";").upper() if sql.strip() else ""
        try:
            found = self._send(sql, parameters)
        except Exception as error:
            if self._within or word not in _READS or not is_dropped(error):
                raise self._told(error) from error
            self.close()
            self.connection = self._opened()
            try:
                found = self._send(sql, parameters)
            except Exception as again:
                raise self._told(again) from again
        self._within = word in _BEGINS or (self._within and word not in _ENDS)
        return found

    def whole(self, work: Callable[[], T]) -> T:
        """Do what may be done twice; when the session drops, all of it again on a new connection.

        Args:
            work: statements of this session, which leave the same whatever was done of them before.
        """
        for attempt in range(TRIES):
            try:
                return work()
            except Exception as error:
                cause = error.__cause__ if isinstance(error, UserError) else error
                dropped = isinstance(cause, Exception) and is_dropped(cause)
                if attempt == TRIES - 1 or not dropped:
                    raise
            time.sleep(WAIT_SECONDS * 2**attempt)
            self.close()
            self._within = False
            self.connection = self._opened()
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the conversation; a connection that is gone is no mistake any more."""
        with contextlib.suppress(Exception):
            self._held.close()

    def _send(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def _opened(self) -> Any:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
            try:
                return self._held.enter_context(self._connect())
            except Exception as error:
                if attempt == TRIES - 1 or not is_dropped(error):
                    raise self._told(error) from error
        raise AssertionError("unreachable")

    def _told(self, error: Exception) -> Exception:
        return explained(error, self._settings) or error


def warehouse_of(settings: Mapping[str, Any]) -> str:
    """Return the warehouse of the pipeline that runs, or the environment's own."""
    work = current()
    sizes = settings.get("warehouses") or {}
    return str(sizes.get(work.pipeline if work else None) or settings["warehouse"])


def connection(settings: Mapping[str, Any], purpose: str) -> Any:
    """Return an open connection, tagged with its purpose and with the run it is for.

    Args:
        settings: the resolved ``warehouse`` block.
        purpose: why it is opened.
    """
    # The connector looks at versions of libraries that its own copy of requests does not use.
    warnings.filterwarnings("ignore", message=r".*doesn't match a supported version")
    import snowflake.connector

    given: dict[str, Any] = {
        name: settings[name]
        for name in ("account", "user", "password", "role", "database", "host", "port", "protocol")
        if settings.get(name)
    }
    if settings.get("private_key_path"):
        given["private_key_file"] = settings["private_key_path"]
    if settings.get("token"):
        given |= {"authenticator": "oauth", "token": settings["token"]}
    return snowflake.connector.connect(
        **given,
        warehouse=warehouse_of(settings),
        application=APP,
        login_timeout=LOGIN_TIMEOUT_SECONDS,
        network_timeout=NETWORK_TIMEOUT_SECONDS,
        session_parameters={"QUERY_TAG": query_tag(purpose), "TIMEZONE": "UTC"},
    )
