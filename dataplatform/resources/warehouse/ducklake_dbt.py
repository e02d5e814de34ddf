"""The plugin of dbt-duckdb that lets its connections attach the lake.

dbt's profile names this module and gives it the addresses; attaching and everything after is
dbt-duckdb's own, but for one thing: each of dbt's threads has a DuckDB instance of its own, as our
own threads have (``dataplatform.ducklake`` says why).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.environments.local import DuckDBConnectionWrapper, LocalEnvironment
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


def _handle(environment: LocalEnvironment) -> DuckDBConnectionWrapper:
    """Open a connection as dbt-duckdb does, but of the instance of the thread that asks."""
    if not any(plugin.module == __name__ for plugin in environment.creds.plugins or ()):
        return _stock_handle(environment)
    with environment.lock:
        mine = vars(environment).setdefault("_instances", threading.local())
        environment.handle_count += 1
    if not hasattr(mine, "instance"):
        mine.instance = environment.initialize_db(environment.creds, environment._plugins)
    cursor = environment.initialize_cursor(
        environment.creds, mine.instance.cursor(), environment._plugins, environment._REGISTERED_DF
    )
    return DuckDBConnectionWrapper(cursor, environment)


# dbt-duckdb has no other place for it: its plugins see a connection only once it is made.
_stock_handle = LocalEnvironment.handle
LocalEnvironment.handle = _handle  # type: ignore[method-assign]
