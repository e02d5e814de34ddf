"""The platform log: what syncs did, as tables in the destination; switchable, in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform.duckdb_file import open_duckdb
from dataplatform.local.fivetran.connection_document import new_connection
from dataplatform.local.fivetran.events import Events
from dataplatform.local.fivetran.platform_log import PlatformLog
from dataplatform.local.fivetran.store import Document, Store, now
from dataplatform.local.fivetran.writers import Writers

LOG = "SELECT event, message_event, message_data, sync_id FROM fivetran_metadata.log ORDER BY ALL"


class World:
    """A store with one group, its destination and a connection, and the log that listens."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = folder / "warehouse.duckdb"
        self.store = Store(folder / "state")
        self.store.put("group", {"id": "g", "name": "local", "created_at": now()})
        config = {"path": str(self.warehouse)}
        self.store.put("destination", {"id": "g", "service": "duckdb", "config": config})
        body = {"service": "s3", "group_id": "g", "config": {"schema": "raw_files"}}
        self.connection: Document = self.store.put("connection", new_connection(body))
        self.events = Events()
        self.writers = Writers()
        self.log = PlatformLog(self.store, folder / "state", self.writers, rest_seconds=0)
        self.events.listen(self.log.hear)

    def sync(self, number: int, **data: Any) -> None:
        self.events.emit("sync_start", self.connection, {"sync_id": number})
        self.events.emit("sync_end", self.connection, {"sync_id": number, **data})
        assert self.log.wait_until_written(30)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_duckdb(self.warehouse, purpose="test") as engine:
            return engine.execute(sql).fetchall()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.log.start()
    yield made
    made.log.stop()


def counts(**more: int) -> dict[str, Any]:
    nothing = {"inserted": 0, "updated": 0, "deleted": 0, "quarantined": 0}
    return {"schema": "raw_files", "table": "orders", **nothing, **more}


def test_a_sync_is_told_table_by_table(world: World) -> None:
    world.sync(1, status="SUCCESSFUL", tables=[counts(inserted=5, deleted=2, quarantined=1)])
    rows = [
        (event, name, json.loads(data) if data else None, sync)
        for event, name, data, sync in world.rows(LOG)
    ]
    place = {"schema": "raw_files", "table": "orders"}
    assert rows == [
        ("INFO", "records_modified", {**place, "operationType": "DELETED", "count": 2}, "1"),
        (
            "INFO",
            "records_modified",
            {**place, "operationType": "REPLACED_OR_INSERTED", "count": 5},
            "1",
        ),
        ("INFO", "sync_end", {"status": "SUCCESSFUL"}, "1"),
        ("INFO", "sync_start", None, "1"),
        ("WARNING", "warning", {**place, "type": "rows_quarantined", "count": 1}, "1"),
    ]
    identifier = world.connection["id"]
    assert world.rows(
        "SELECT connection_id, connection_name, connector_type_id, destination_id, paused "
        "FROM fivetran_metadata.connection"
    ) == [(identifier, "raw_files", "s3", "g", False)]
    assert world.rows("SELECT id, name FROM fivetran_metadata.destination") == [("g", "local")]
    assert world.rows("SELECT id FROM fivetran_metadata.connector_type") == [("s3",)]
    assert world.store.every("log") == []


def test_the_log_grows_and_the_connections_are_kept_up(world: World) -> None:
    world.sync(1, status="SUCCESSFUL", tables=[])
    identifier = world.connection["id"]
    world.store.change("connection", identifier, lambda held: held.update(paused=True))
    world.sync(2, status="FAILURE_WITH_TASK", reason="The source is down.", tables=[])
    world.sync(3, status="RESCHEDULED", reason="Later.", tables=[])
    levels = "SELECT sync_id, event FROM fivetran_metadata.log WHERE message_event = 'sync_end'"
    assert sorted(world.rows(levels)) == [("1", "INFO"), ("2", "SEVERE"), ("3", "WARNING")]
    assert world.rows("SELECT count(*), count(DISTINCT id) FROM fivetran_metadata.log") == [(6, 6)]
    assert world.rows("SELECT paused FROM fivetran_metadata.connection") == [(True,)]
    times = world.rows("SELECT time_stamp FROM fivetran_metadata.log ORDER BY sync_id, 1")
    assert times == sorted(times)


def test_a_group_without_the_log_gets_no_table(world: World) -> None:
    world.store.change("group", "g", lambda held: held.update(platform_log=False))
    world.sync(1, status="SUCCESSFUL", tables=[counts(inserted=1)])
    assert world.store.every("log") == []
    assert not world.warehouse.exists()


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    first = World(tmp_path)
    path = str(first.warehouse)
    first.store.change("destination", "g", lambda held: held.update(config={"path": "/proc/no"}))
    first.log.start()
    first.sync(1, status="SUCCESSFUL", tables=[])
    first.log.stop()
    assert len(first.store.every("log")) == 2
    first.store.change("destination", "g", lambda held: held.update(config={"path": path}))
    second = PlatformLog(first.store, tmp_path / "state", Writers())
    second.start()
    assert second.wait_until_written(30)
    second.stop()
    assert first.rows("SELECT count(*) FROM fivetran_metadata.log") == [(2,)]
    assert first.store.every("log") == []


def test_nobody_waits_for_the_log(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(20):
        world.events.emit("sync_end", world.connection, {"sync_id": number, "tables": []})
    assert not world.warehouse.exists(), "told, and written by nobody yet"
    world.log.start()
    assert world.log.wait_until_written(30)
    assert world.rows("SELECT count(*) FROM fivetran_metadata.log") == [(20,)]
    world.log.stop()


def test_a_warehouse_made_anew_gets_every_table_again(world: World) -> None:
    world.sync(1, status="SUCCESSFUL", tables=[])
    world.warehouse.unlink()
    world.sync(2, status="SUCCESSFUL", tables=[])
    assert world.rows("SELECT DISTINCT sync_id FROM fivetran_metadata.log") == [("2",)]
    assert world.rows("SELECT name FROM fivetran_metadata.destination") == [("local",)]


def test_the_log_waits_for_a_sync_that_writes(world: World) -> None:
    with world.writers.of("g"):
        world.events.emit("sync_end", world.connection, {"sync_id": 1, "tables": []})
        assert not world.log.wait_until_written(0.3)
        assert not world.warehouse.exists()
    assert world.log.wait_until_written(30)
    assert world.rows("SELECT sync_id FROM fivetran_metadata.log") == [("1",)]
