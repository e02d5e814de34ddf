"""What the local stand-in for BigQuery would do over and over again, done once.

Run beside ``bigquery_server``, in the same environment. No answer is another for it.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import sqlglot


def repair_functions() -> None:
    """Say once that pandas is not there: DuckDB asks twice for each value a Python function gives.

    The search on disk is nine tenths of what such a call costs.
    """
    sys.modules["pandas"] = None  # type: ignore[assignment]


def repair_parsing() -> None:
    """Read each statement once; the emulator's rules each read the same text anew."""
    parse = sqlglot.parse_one

    @lru_cache(maxsize=64)
    def read_once(sql: str, dialect: str | None) -> Any:
        return parse(sql, read=dialect)

    def parsed(sql: str, read: Any = None, dialect: Any = None, **more: Any) -> Any:
        language = read or dialect
        if more or not isinstance(language, str | None):
            return parse(sql, read=language, **more)
        # Whoever asks may change the tree.
        return read_once(sql, language).copy()

    sqlglot.parse_one = parsed  # type: ignore[assignment]
