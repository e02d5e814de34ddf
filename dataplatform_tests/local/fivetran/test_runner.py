"""When syncs run, what is put off, what is asked for anew, and what listeners hear of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataplatform.local.fivetran import runner as runner_module
from dataplatform.local.fivetran.events import Event, Events
from dataplatform.local.fivetran.faults import Fault, Faults
from dataplatform.local.fivetran.model import SyncFailure, TableResult
from dataplatform.local.fivetran.outcomes import ask_resync, next_sync
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.salts import Salts
from dataplatform.local.fivetran.store import Store, moment_of

Syncs = list[dict[str, Any]]


def document(**more: Any) -> dict[str, Any]:
    return {
        "id": "one",
        "group_id": "group",
        "service": "postgres",
        "schema": "raw",
        "config": {},
        "paused": False,
        "sync_frequency": 60,
        "daily_sync_time": None,
        "schedule_type": "manual",
        "scheduled_from": "2026-03-01T12:34:56.000000Z",
        "succeeded_at": None,
        "failed_at": None,
        "is_historical_sync": True,
        "setup_state": "connected",
        "tasks": [],
        "warnings": [],
        "resync": [],
        "schema_config": None,
        **more,
    }


class Bench:
    """A runner whose syncs do what the test says."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.store.put("group", {"id": "group"})
        config = {"path": str(folder / "w.duckdb")}
        self.store.put("destination", {"id": "group", "service": "duckdb", "config": config})
        self.store.put("connection", document())
        self.heard: list[Event] = []
        self.faults = Faults()
        events = Events()
        events.listen(self.heard.append)
        self.runner = Runner(self.store, folder, events, self.faults)

    @property
    def connection(self) -> dict[str, Any]:
        found = self.store.get("connection", "one")
        assert found is not None
        return found

    def run(self) -> dict[str, Any]:
        assert self.runner.request("one")
        return self.wait()

    def wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while self.runner.is_running("one") or self.store.unfinished():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.05)
        return self.store.syncs("one")[0]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.runner.stop()
    made.store.close()


def syncing(monkeypatch: pytest.MonkeyPatch, do: Callable[[dict[str, Any]], Any]) -> Syncs:
    """Let every sync call a function with the connection; return the list of those that ran."""
    ran: Syncs = []

    def fake(connection: dict[str, Any], *_: Any) -> list[TableResult]:
        ran.append(connection)
        do(connection)
        return [TableResult("raw_public", "t", inserted=2)]

    monkeypatch.setattr(runner_module, "run_sync", fake)
    return ran


def test_listeners_hear_of_every_sync(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = iter([None, SyncFailure("No.", code="no"), SyncFailure("Broken.", broken=True)])

    def do(_: Any) -> None:
        if error := next(outcomes):
            raise error

    syncing(monkeypatch, do)
    assert [bench.run()["status"] for _ in range(3)] == ["SUCCESSFUL", "FAILED", "FAILED"]
    syncs = [event.name for event in bench.heard if event.name != "status"]
    assert syncs == ["sync_start", "sync_end"] * 3
    assert [event.name for event in bench.heard].count("status") == 1, "it broke once"
    ends = [event.data for event in bench.heard if event.name == "sync_end"]
    assert [end["status"] for end in ends] == ["SUCCESSFUL", "FAILURE", "FAILURE_WITH_TASK"]
    assert [end.get("reason") for end in ends] == [None, "No.", "Broken."]
    assert ends[0]["tables"][0]["inserted"] == 2
    assert bench.heard[-1].connection["setup_state"] == "broken"


def test_a_sync_put_off_runs_again_by_itself(bench: Bench, tmp_path: Path) -> None:
    bench.faults.add(Fault("one", "reschedule", times=1, seconds=600))
    record = bench.run()
    assert record["status"] == "RESCHEDULED"
    held = bench.connection
    wait = moment_of(held["rescheduled_for"]) - datetime.now(UTC)
    assert timedelta(seconds=580) < wait <= timedelta(seconds=600)
    assert (held["failed_at"], held["succeeded_at"], held["tasks"]) == (None, None, [])
    assert bench.heard[-1].data["status"] == "RESCHEDULED"
    assert not bench.runner.is_due(held)
    past = "2026-01-01T00:00:00.000000Z"
    # The connection is on manual: only what was put off makes it due.
    assert bench.runner.is_due(held | {"rescheduled_for": past})
    assert not bench.runner.is_due(held | {"rescheduled_for": past, "paused": True})
    assert not bench.runner.is_due(held | {"rescheduled_for": None})
    bench.run()
    assert bench.connection["rescheduled_for"] is None


def test_a_resync_asked_for_during_a_sync_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, go = threading.Event(), threading.Event()

    def do(_: Any) -> None:
        going.set()
        assert go.wait(20)

    ran = syncing(monkeypatch, do)
    bench.store.change("connection", "one", lambda c: ask_resync(c, ["public.a"]))
    bench.runner.request("one")
    assert going.wait(20)
    bench.store.change("connection", "one", lambda c: ask_resync(c, ["public.b"]))
    bench.store.change("connection", "one", lambda c: ask_resync(c, ["public.c"]))
    bench.runner.request("one", follow=True)
    go.set()
    bench.wait()
    assert [sync["resync"] for sync in ran] == [["public.a"], ["public.b", "public.c"]]
    assert (bench.connection["resync"], bench.connection["resyncing"]) == ([], [])


def test_a_resync_that_failed_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([SyncFailure("No."), SyncFailure("No."), None])

    def do(_: Any) -> None:
        if error := next(errors):
            raise error

    ran = syncing(monkeypatch, do)
    bench.store.change("connection", "one", lambda c: ask_resync(c, ["public.a"]))
    bench.run()
    bench.store.change("connection", "one", lambda c: ask_resync(c, "all"))
    bench.run()
    bench.run()
    assert [sync["resync"] for sync in ran] == [["public.a"], "all", "all"]
    assert bench.connection["resyncing"] == []


@pytest.mark.parametrize(
    ("frequency", "daily", "last", "due"),
    [
        (60, None, "2026-03-01T12:34:56Z", "2026-03-01T13:34:56Z"),
        (1440, None, "2026-03-01T12:34:56Z", "2026-03-02T12:34:56Z"),
        (1440, "14:00", "2026-03-01T12:34:56Z", "2026-03-01T14:00:00Z"),
        (1440, "14:00", "2026-03-01T14:00:01Z", "2026-03-02T14:00:00Z"),
        (1440, "00:00", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        (720, "14:00", "2026-03-01T12:00:00Z", "2026-03-02T00:00:00Z"),
    ],
)
def test_when_the_next_sync_is_due(frequency: int, daily: str | None, last: str, due: str) -> None:
    held = document(sync_frequency=frequency, daily_sync_time=daily, scheduled_from=last)
    assert next_sync(held) == moment_of(due)


def test_salts_last_and_differ(tmp_path: Path) -> None:
    salt = Salts(tmp_path).of("one")
    assert Salts(tmp_path).of("one") == salt
    assert Salts(tmp_path).of("two") != salt
    assert (tmp_path / "hashing.key").stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert Salts(other).of("one") != salt
