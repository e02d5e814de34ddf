"""What a destination is: sessions in which one whole sync lands, or nothing of it.

The protocol says what a sync needs; one module per destination implements it. A session offers a
DuckDB engine in which extracted rows can be read as relations, whatever the destination is, so a
destination that is not DuckDB exports those relations to files and loads them its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.local.fivetran.model import Parts, SetupTest, SyncFailure, Table
from dataplatform.local.fivetran.target import Target, require

if TYPE_CHECKING:
    import duckdb

#: The destinations that are served.
SERVICES = ("duckdb", "ducklake", "snowflake", "big_query")


class Session(Protocol):
    """One transaction of one sync."""

    engine: duckdb.DuckDBPyConnection
    synced_at: datetime

    def begin(self) -> None:
        """Start the transaction; sources are attached to the engine before it."""

    def columns(self, table: Table) -> dict[str, str]:
        """Return the columns a table has in the destination, with their types; none without it."""

    def prepare(self, table: Table, *, replace: bool) -> bool:
        """Make the table fit its description; return whether new rows can be matched with its own.

        Its mode is switched, columns are added and widened. ``replace`` is a re-sync: a table
        whose columns hold what comes only as text is built anew.
        """

    def load(self, table: Table, select: str) -> int:
        """Fill a table without live rows from a query on the engine; return the rows."""

    def merge(self, table: Table, select: str) -> tuple[int, int, int]:
        """Insert new rows, update changed ones; return rows inserted, updated, deleted."""

    def apply(self, table: Table, select: str) -> tuple[int, int, int]:
        """Apply changes that the source itself told; return rows inserted, updated, deleted.

        The query's ``_kind`` says of each key whether its row is there as it stands (``U``) or gone
        (``D``). A destination need not read the rows it holds to find out whether they differ.
        """

    def held_count(self, table: Table) -> int:
        """Return how many rows are there, whatever became of them; it costs nothing."""

    def live_count(self, table: Table) -> int:
        """Return how many rows are there that the source had at the last sync."""

    def live_parts(self, table: Table, parts: Parts) -> dict[int, int]:
        """Return how many live rows each part of a table has, by number, where it has any."""

    def delete_absent(self, table: Table, select: str, within: Parts | None = None) -> int:
        """End every row whose key the query does not return; return how many.

        The table's mode says what that is: marked deleted, its version closed, or removed. Rows
        outside of the parts ``within`` are left alone.
        """

    def quarantine(self, table: Table, select: str, files: Sequence[str]) -> int:
        """Set rows aside that cannot be loaded (_file, _line, reason, content); return how many.

        What was set aside of ``files`` before is forgotten: they have been read again.
        """

    def remove_absent(self, table: Table, select: str, within: str) -> int:
        """Remove rows of the same ``within`` that the query does not return; return how many."""

    def cursor(self, table: Table) -> dict[str, Any] | None:
        """Return what the last sync remembered of a table."""

    def remember(self, table: Table, cursor: dict[str, Any]) -> None:
        """Store a table's cursor in the same transaction as its rows."""

    def commit(self) -> None:
        """Make everything of the session last; it is open until its end, for reading at most."""


class Destination(Protocol):
    """A warehouse that syncs write to."""

    def test(self) -> list[SetupTest]:
        """Try the destination's set-up."""

    def cursors(self, connection: str, *, keep: bool = False) -> dict[str, dict[str, Any]]:
        """Return every cursor of a connection, by ``schema.table`` of the source.

        Args:
            connection: the connection's id.
            keep: leave open what was opened for that, if it helps, for ``session`` to take over or
                ``release`` to close.
        """

    def release(self) -> None:
        """Close what ``cursors`` left open, if a session has not taken it over."""

    def session(self, connection: str, purpose: str) -> AbstractContextManager[Session]:
        """Open a session; it commits at its end unless an error passes through."""


def open_destination(
    service: str, config: dict[str, Any], scratch: Path, salt: str = ""
) -> Destination:
    """Return the destination that a description names.

    Args:
        service: the destination's kind.
        config: its settings.
        scratch: a folder for files that outlive no sync.
        salt: mixed into every value that is hashed on its way.

    Raises:
        SyncFailure: the kind is not known or its settings are incomplete.
    """
    if service == "duckdb":
        from dataplatform.local.fivetran.destination_duckdb import DuckDBDestination

        require(config, ("path",), "a DuckDB file")
        return DuckDBDestination(Path(str(config["path"])), scratch, salt)
    if service == "ducklake":
        from dataplatform.local.fivetran.destination_ducklake import (
            DuckLakeDestination,
            lake_settings,
        )

        return DuckLakeDestination(lake_settings(config), scratch, salt)
    if service in ("snowflake", "big_query"):
        from dataplatform.local.fivetran.destination_mirror import MirrorDestination

        target = _target(service, config)
        return MirrorDestination(target, Path(str(config["mirror"])), scratch, salt)
    raise SyncFailure(
        f"The destination service {service!r} is not known here; use one of {', '.join(SERVICES)}.",
        code="destination_unknown",
    )


def _target(service: str, config: dict[str, Any]) -> Target:
    if service == "snowflake":
        from dataplatform.local.fivetran.target_snowflake import SnowflakeTarget

        return SnowflakeTarget(config)
    from dataplatform.local.fivetran.target_bigquery import BigQueryTarget

    return BigQueryTarget(config)
