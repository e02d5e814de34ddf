"""The plugin of dbt-duckdb that attaches the file whose tables a made environment shows.

Whoever starts dbt holds both files' locks. An environment that stands alone names no such file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from dataplatform.duckdb_file import attach_base

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """Attaches the base before any model is built."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the path; nothing is opened before dbt connects."""
        self._base = plugin_config["base"]

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Attach the base to a new connection."""
        if self._base:
            attach_base(conn, Path(self._base))
