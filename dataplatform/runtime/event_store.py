"""Dagster's event log in one SQLite file, written through kept connections.

The stock SQLite log makes an engine, a connection and a fresh statement for every event and
stores asset events twice (see docs/decisions/0002-runtime.md). This one holds the same records
in the same tables, one transaction an event, and many events a transaction where Dagster hands
them over together; event_batch.py has the statements. It adds no record of its own and changes
none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import StringSource
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log
from dagster._core.storage.sql import (
    check_alembic_revision,
    get_alembic_config,
    run_alembic_upgrade,
    stamp_alembic_rev,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from dataplatform.runtime import event_batch
from dataplatform.runtime.creation import creating
from dataplatform.runtime.event_batch import Stored
from dataplatform.runtime.sqlite import KeptEngine

FILE = "events.db"

# Alembic finds its scripts beside the module it is given.
_ALEMBIC_BESIDE = consolidated_sqlite_event_log.__file__


class KeptSqliteEventLogStorage(SqlEventLogStorage, ConfigurableClass):
    """The event log that dagster.yaml names.

    Args:
        base_dir: folder of the database file, made if it is missing; a relative one counts from
            the working directory.
        inst_data: what Dagster needs to build the same storage in another process.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._path = Path(base_dir).absolute() / FILE
        self._kept = KeptEngine(f"sqlite:///{self._path}")
        self._watcher: SqlPollingEventWatcher | None = None
        self._secondary_indexes: dict[str, bool] = {}
        self._tables: set[str] = set()
        with creating(self._path) as missing:
            if missing:
                self._create()
        super().__init__()

    # -- construction ---------------------------------------------------------------------------

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptSqliteEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    def _create(self) -> None:
        config = get_alembic_config(_ALEMBIC_BESIDE)
        with self._kept.engine().connect() as connection:
            revision, head = check_alembic_revision(config, connection)
            fresh = not (revision and head)
            if fresh:
                SqlEventLogStorageMetadata.create_all(connection)
                stamp_alembic_rev(config, connection)
                connection.commit()
        if fresh:
            self.reindex_events()
            self.reindex_assets()

    def upgrade(self) -> None:
        with self._kept.connect() as connection:
            run_alembic_upgrade(get_alembic_config(_ALEMBIC_BESIDE), connection)

    def alembic_version(self) -> Any:
        with self._kept.connect() as connection:
            return check_alembic_revision(get_alembic_config(_ALEMBIC_BESIDE), connection)

    # -- connections ----------------------------------------------------------------------------

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        return self._kept.connect()

    def index_connection(self) -> AbstractContextManager[Connection]:
        return self._kept.connect()

    @contextmanager
    def index_transaction(self) -> Iterator[Connection]:
        with self._kept.connect() as connection:
            yield connection

    def dispose(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._kept.dispose()

    # -- what never changes while the file lives, asked once ------------------------------------

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables:
            with self._kept.connect() as connection:
                self._tables.update(inspect(connection).get_table_names())
        return table_name in self._tables

    def has_secondary_index(self, name: str) -> bool:
        if not self._secondary_indexes.get(name):
            self._secondary_indexes[name] = super().has_secondary_index(name)
        return self._secondary_indexes[name]

    def enable_secondary_index(self, name: str) -> None:
        super().enable_secondary_index(name)
        self._secondary_indexes.pop(name, None)

    @cached_property
    def supports_global_concurrency_limits(self) -> bool:
        return self.has_table("concurrency_limits")

    @cached_property
    def _has_index_columns(self) -> bool:
        return self.has_asset_key_col("last_materialization_timestamp")

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        return self._has_index_columns

    # -- writing --------------------------------------------------------------------------------

    def store_event(self, event: EventLogEntry) -> None:
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        # One commit for all. Where it fails, nothing of it is kept and Dagster stores them singly.
        with self._kept.connect() as connection:
            rows = [self._event_to_row(event) for event in events]
            ids = event_batch.insert_events(connection, rows)
            stored = [
                found for found in zip(events, rows, ids, strict=True) if found[0].is_dagster_event
            ]
            self._store_assets(connection, stored)
            self._store_checks(connection, stored)

    def _store_assets(self, connection: Connection, stored: Sequence[Stored]) -> None:
        assets = [
            (event, event_id, key)
            for event, _row, event_id in stored
            if event.dagster_event_type in ASSET_EVENTS
            and (key := event.get_dagster_event().asset_key)
        ]
        if not assets:
            return
        events, ids, keys = zip(*assets, strict=True)
        self._store_asset_event_tags(connection, events, ids)
        entries = [
            self._get_asset_entry_values(event, event_id, self._has_index_columns)
            for event, event_id in zip(events, ids, strict=True)
        ]
        event_batch.upsert_assets(
            connection,
            [
                {"asset_key": key.to_string(), **values}
                for key, values in zip(keys, entries, strict=True)
                if values
            ],
        )

    def _store_checks(self, connection: Connection, stored: Sequence[Stored]) -> None:
        planned = []
        for found in stored:
            event, _row, event_id = found
            if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                planned.append(found)
            elif event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, event_id)
        event_batch.insert_planned_checks(connection, planned, self._event_insert_timestamp)

    # -- watching -------------------------------------------------------------------------------

    def watch(
        self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], None]
    ) -> None:
        # A kept connection leaves the database file untouched while its log grows, so a file
        # watcher, as stock uses, would see nothing.
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[[EventLogEntry, str], None]) -> None:
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)
