"""The plugin of dbt-duckdb that lets its connections attach the lake.

dbt's profile names this module and gives it the addresses; attaching and everything after is
dbt-duckdb's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from dataplatform.ducklake import prepare

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """Loads the extensions from their wheels and makes the secrets, before anything is attached."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the addresses; nothing is contacted before dbt connects."""
        self._settings = {part: plugin_config.get(part) for part in ("catalog", "files", "base")}

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make a new connection able to attach the lake."""
        prepare(conn, self._settings)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Keep instants in UTC, whatever the machine's clock says."""
        cursor.execute("SET TimeZone = 'UTC'")
