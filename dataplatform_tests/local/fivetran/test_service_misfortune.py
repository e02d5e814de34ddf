"""The service as a process, while things go wrong around it and inside its syncs."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from dataplatform_tests.local.fivetran.conftest import Service
from dataplatform_tests.local.fivetran.test_webhooks import Receiver, until

pytestmark = pytest.mark.slow

ORDERS = (
    "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 50)"
)


def ask(service: Service, **fault: Any) -> None:
    service.call("POST", "/local/faults", [fault])


def test_a_connection_is_reset(service: Service) -> None:
    ask(service, kind="reset", match="GET /v1/groups$")
    with pytest.raises(httpx.ReadError):
        service.client.get("/v1/groups")
    assert service.client.get("/v1/groups").status_code == 200


def test_a_slow_answer_holds_up_no_other(service: Service) -> None:
    ask(service, kind="slow", match="GET /v1/users$", seconds=4)
    slow = threading.Thread(target=lambda: service.call("GET", "/users"))
    slow.start()
    service.call("GET", "/groups")
    assert slow.is_alive()
    slow.join(30)
    assert not slow.is_alive()


def test_a_body_that_does_not_come_is_cut_off(service: Service) -> None:
    def pieces() -> Any:
        yield b"{"
        raise ConnectionError("the client has gone")

    with pytest.raises(ConnectionError):
        service.client.post("/v1/groups", content=pieces())
    assert service.client.get("/v1/groups").status_code == 200


def test_a_sync_that_fails_half_way_is_told_and_made_good(
    service: Service, source: psycopg.Connection[Any], production: Callable[..., str]
) -> None:
    source.execute(ORDERS)
    connection = production()
    receiver = Receiver()
    hook = {"url": receiver.url, "events": ["sync_start", "sync_end"], "secret": "x"}
    identifier = service.call("POST", f"/webhooks/group/{service.group}", hook)["id"]
    ask(service, kind="fail_half_way", match=connection)
    failed = service.sync(connection)
    assert failed["status"] == "FAILED"
    assert service.details(connection)["failed_at"] is not None
    assert service.sync(connection)["by_table"]["orders"] == (50, 0, 0)
    until(lambda: len(receiver.got) == 5)
    said = [(one["event"], one.get("data", {}).get("status")) for one, _, _ in receiver.got]
    assert said[1:3] == [("sync_start", None), ("sync_end", said[2][1])]
    assert said[2][1] in ("FAILURE", "FAILURE_WITH_TASK")
    assert said[3:] == [("sync_start", None), ("sync_end", "SUCCESSFUL")]
    assert receiver.got[2][0]["sync_id"] == str(failed["sync_id"])
    service.call("DELETE", f"/webhooks/{identifier}")
    receiver.server.shutdown()


def test_a_sync_that_is_put_off_comes_by_itself(
    service: Service, source: psycopg.Connection[Any], production: Callable[..., str]
) -> None:
    source.execute(ORDERS)
    connection = production()
    ask(service, kind="reschedule", match=connection, seconds=2)
    service.call("POST", f"/connections/{connection}/sync", {})
    assert service.wait(connection)["status"] == "RESCHEDULED"
    status = service.details(connection)["status"]
    assert status["sync_state"] == "rescheduled"
    assert status["rescheduled_for"] is not None
    until(lambda: service.details(connection)["succeeded_at"] is not None, 60)
    assert service.details(connection)["status"]["rescheduled_for"] is None


def test_the_log_of_a_sync_is_in_the_warehouse_and_no_table_of_its_own(
    service: Service, source: psycopg.Connection[Any], production: Callable[..., str]
) -> None:
    source.execute(ORDERS)
    connection = production()
    first = service.sync(connection)
    again = service.sync(connection)
    assert [table["table"] for table in again["tables"]] == ["orders"]
    assert again["by_table"]["orders"] == (0, 0, 0)

    def logged() -> set[tuple[Any, ...]]:
        try:
            return set(
                service.rows("SELECT sync_id, message_event, event FROM fivetran_metadata.log")
            )
        except Exception as error:
            assert "does not exist" in str(error)
            return set()

    numbers = [str(record["sync_id"]) for record in (first, again)]
    expected = {(n, event, "INFO") for n in numbers for event in ("sync_start", "sync_end")}
    until(lambda: expected <= logged(), 60)
    assert (numbers[0], "records_modified", "INFO") in logged()
    assert (numbers[1], "records_modified", "INFO") not in logged()


def test_syncs_asked_for_at_the_same_time_are_one(
    service: Service, source: psycopg.Connection[Any], production: Callable[..., str]
) -> None:
    source.execute(ORDERS)
    connection = production()
    path = f"/connections/{connection}/sync"
    asking = [
        threading.Thread(target=lambda: service.call("POST", path, {"force": False}))
        for _ in range(6)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(30)
    service.wait(connection)
    records = service.call("GET", f"/local/connections/{connection}/syncs")["items"]
    assert sum(t["inserted"] for record in records for t in record["tables"]) == 50
    assert all(record["status"] == "SUCCESSFUL" for record in records)
    spans = sorted((record["started_at"], record["finished_at"]) for record in records)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_killed_in_mid_sync_it_comes_back_and_says_so(
    tmp_path: Path, source: psycopg.Connection[Any], postgres: dict[str, Any]
) -> None:
    source.execute(ORDERS)
    own = Service(tmp_path)
    own.start()
    try:
        own.set_up()
        connection = own.connect("postgres", {**postgres, "schema_prefix": "raw"})
        # The source holds the sync up until the service is gone.
        with source.transaction():
            source.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            own.call("POST", f"/connections/{connection}/sync", {})
            assert own.details(connection)["status"]["sync_state"] == "syncing"
            own.stop(signal.SIGKILL)
        own.start()
        details = own.details(connection)
        assert details["status"]["sync_state"] == "scheduled"
        assert details["status"]["tasks"][0]["code"] == "interrupted"
        assert details["failed_at"] is not None
        record = own.sync(connection)
        assert (record["status"], record["by_table"]["orders"]) == ("SUCCESSFUL", (50, 0, 0))
        assert own.details(connection)["succeeded_at"] > details["failed_at"]
    finally:
        own.stop()
        own.client.close()
