"""Dagster's run and schedule records in SQLite, through kept connections.

The tables and their meaning are Dagster's own; only the way a connection comes about differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection

from dataplatform.runtime.creation import creating
from dataplatform.runtime.sqlite import KeptEngine


class KeptSqliteRunStorage(SqliteRunStorage):
    """The run storage that dagster.yaml names; ``base_dir`` may be relative to the working one."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = KeptEngine(conn_string)
        self._has_run_stats = False
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptSqliteRunStorage:
        folder = Path(config_value["base_dir"]).absolute()
        path = folder / "runs.db"
        with creating(path) as missing:
            if missing:
                return cls.from_local(str(folder), inst_data)
        return cls(f"sqlite:///{path}", inst_data)

    def connect(self) -> AbstractContextManager[Connection]:  # type: ignore[override]
        return self._kept.connect()

    def has_run_stats_index_cols(self) -> bool:
        # Asked for every look at a run. A column that is there stays while the file lives.
        self._has_run_stats = self._has_run_stats or super().has_run_stats_index_cols()
        return self._has_run_stats

    def dispose(self) -> None:
        self._kept.dispose()


class KeptSqliteScheduleStorage(SqliteScheduleStorage):
    """The schedule storage that dagster.yaml names, likewise."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = KeptEngine(conn_string)
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptSqliteScheduleStorage:
        folder = Path(config_value["base_dir"]).absolute()
        path = folder / "schedules.db"
        with creating(path) as missing:
            if missing:
                SqliteScheduleStorage.from_local(str(folder))
        return cls(f"sqlite:///{path}", inst_data)

    def connect(self) -> AbstractContextManager[Connection]:  # type: ignore[override]
        return self._kept.connect()

    def dispose(self) -> None:
        self._kept.dispose()
