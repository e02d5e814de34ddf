"""Kept connections to the records that are gone: told before they are used, not by what uses them.

The web server keeps connections to PostgreSQL. After a restart of that, each would fail once, in
the hands of whoever launches a run.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError


def ask_before_use(engine: Engine) -> None:
    """Let an engine's pool ask each kept connection whether it is there, and replace those gone.

    Args:
        engine: with a pool of connections.
    """
    event.listen(engine, "checkout", _answers)


def _answers(connection: Any, _record: Any, _proxy: Any) -> None:
    try:
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT 1")
        finally:
            cursor.close()
    except connection.Error as error:
        # The pool then closes what it holds from before and connects anew.
        raise DisconnectionError from error
