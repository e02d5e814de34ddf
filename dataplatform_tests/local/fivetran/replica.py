"""A connection from PostgreSQL to a DuckDB file, synced in this process or in one that is killed.

For tests that sync hundreds of times: the service's API is left out, everything below it is real.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.local.fivetran import schema_config, sync
from dataplatform.local.fivetran.destination_duckdb import DuckDBDestination
from dataplatform.local.fivetran.model import TableResult
from dataplatform.local.fivetran.services.base import open_service
from dataplatform.local.fivetran.services.postgres import PostgresService
from dataplatform.local.fivetran.services.postgres_cdc import PostgresCdcService
from dataplatform.local.fivetran.session_duckdb import DuckDBSession

SALT = "grain"
LATE = -1
_STEPS = ("begin", "prepare", "load", "merge", "delete_absent", "apply", "remember")


class Aborted(BaseException):
    """A sync was stopped on purpose; no handler of the product may catch it."""


class Replica:
    """One connection and where it lands."""

    def __init__(self, folder: Path, settings: dict[str, Any], **config: Any) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"
        self.connection: dict[str, Any] = {
            "id": "of_test",
            "service": "postgres",
            "schema": "raw",
            "config": {**settings, "schema_prefix": "raw", **config},
            "schema_config": None,
            "resync": [],
        }

    def configure(self, change: dict[str, Any]) -> None:
        """Change the schema config as a request does; a sync has been there before."""
        schema_config.patch(self.connection["schema_config"], change)

    def table(self, name: str, **change: Any) -> None:
        """Change what is chosen for one table of the public schema."""
        self.configure({"schemas": {"public": {"tables": {name: change}}}})

    def sync(self, resync: Any = ()) -> dict[str, TableResult]:
        """Sync once in this process; return what was done, by table."""
        connection = {**self.connection, "resync": resync or []}

        def keep(config: dict[str, Any]) -> None:
            self.connection["schema_config"] = config

        destination = DuckDBDestination(self.warehouse, self.folder / "scratch", SALT)
        results = sync.run_sync(connection, destination, self.folder / "scratch", keep)
        return {result.table: result for result in results}

    def abort(self, step: int, resync: Any = ()) -> bool:
        """Sync, but stop before the nth step; return whether it came that far.

        Step ``LATE`` is the moment after the warehouse has committed.
        """

        def stop() -> None:
            raise Aborted

        try:
            with _interrupted(step, stop):
                self.sync(resync)
        except Aborted:
            return True
        return False

    def kill(self, step: int, resync: Any = ()) -> bool:
        """Sync in a process that is killed before the nth step; return whether it came so far."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        told = json.dumps(self.connection)
        child = context.Process(target=_dying, args=(self.folder, told, step, resync))
        child.start()
        child.join(120)
        assert child.exitcode in (0, -signal.SIGKILL), child.exitcode
        return child.exitcode != 0

    def close(self) -> None:
        """Drop what the connection set up in the source."""
        held = self.connection
        open_service(held["service"], held["schema"], held["config"]).teardown()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        from dataplatform.duckdb_file import open_duckdb

        with open_duckdb(self.warehouse, purpose="test") as engine:
            return engine.execute(sql).fetchall()


def _dying(folder: Path, told: str, step: int, resync: Any) -> None:
    replica = Replica(folder, {})
    replica.connection = json.loads(told)
    with _interrupted(step, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        replica.sync(resync)


@contextmanager
def _interrupted(step: int, strike: Callable[[], None]) -> Iterator[None]:
    """Strike before the nth step of any session in this process."""
    left = step
    places: list[tuple[Any, str]] = [(DuckDBSession, name) for name in _STEPS]
    if step == LATE:
        left = 0
        places = [(PostgresService, "after_commit"), (PostgresCdcService, "after_commit")]
    before = [(place, name, getattr(place, name)) for place, name in places]

    def struck(original: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                strike()
            return original(*args, **named)

        return call

    try:
        for place, name, original in before:
            setattr(place, name, struck(original))
        yield
    finally:
        for place, name, original in before:
            setattr(place, name, original)
