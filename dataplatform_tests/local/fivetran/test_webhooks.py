"""Webhooks: registered, tried, signed, sent in order, retried within limits, never in the way."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform.local.fivetran.connection_document import new_connection
from dataplatform.local.fivetran.events import EVENTS, Event, Events
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Store
from dataplatform.local.fivetran.webhooks import SIGNATURE_HEADER, Webhooks, signature
from dataplatform_tests.local.fivetran.conftest import connection_body

SECRET = "a secret"


class Receiver:
    """A receiver of webhooks that answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, Any], str | None, bytes]] = []
        self.answers: list[int] = []  # Statuses of the next answers; 200 after that.
        self.ready = threading.Event()  # No answer while it is not.
        self.ready.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                outer.ready.wait(30)
                status = outer.answers.pop(0) if outer.answers else 200
                outer.got.append((json.loads(raw), self.headers.get(SIGNATURE_HEADER), raw))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[str]:
        return [said["event"] for said, _, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.server.shutdown()
    running.server.server_close()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def register(client: TestClient, path: str, url: str, **more: Any) -> dict[str, Any]:
    body = {"url": url, "events": list(EVENTS), "secret": SECRET, **more}
    answer = client.post(f"/v1/webhooks/{path}", json=body)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_registration_tries_the_address_and_hides_the_secret(
    client: TestClient, group: str, receiver: Receiver
) -> None:
    account = register(client, "account", receiver.url)
    of_group = register(client, f"group/{group}", receiver.url, events=["sync_end", "sync_end"])
    assert receiver.events == ["test_event", "test_event"]
    assert "sync_id" not in receiver.got[0][0]
    assert (account["type"], account["secret"]) == ("account", "******")
    assert (of_group["type"], of_group["group_id"]) == ("group", group)
    assert of_group["events"] == ["sync_end"]
    listed = client.get("/v1/webhooks", params={"limit": 1}).json()["data"]
    assert [held["id"] for held in listed["items"]] == [account["id"]]
    assert listed["next_cursor"]
    assert client.delete(f"/v1/webhooks/{account['id']}").status_code == 200
    assert client.get(f"/v1/webhooks/{account['id']}").json()["code"] == "NotFound_Webhook"


def test_an_address_that_does_not_answer_is_refused(client: TestClient, receiver: Receiver) -> None:
    receiver.answers = [500]
    body = {"url": receiver.url, "events": ["sync_end"]}
    answer = client.post("/v1/webhooks/account", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert "answered with 500" in answer.json()["message"]
    answer = client.post("/v1/webhooks/account", json={**body, "url": "http://127.0.0.1:9/x"})
    assert answer.status_code == 400
    assert client.get("/v1/webhooks").json()["data"]["items"] == []
    sleeping = client.post("/v1/webhooks/account", json={**body, "active": False})
    assert sleeping.status_code == 201
    receiver.answers = [500]
    path = f"/v1/webhooks/{sleeping.json()['data']['id']}"
    assert client.patch(path, json={"active": True}).status_code == 400
    assert client.get(path).json()["data"]["active"] is False
    assert client.patch(path, json={"active": True}).json()["data"]["active"] is True


def test_a_test_call_says_how_it_went(client: TestClient, receiver: Receiver) -> None:
    hook = register(client, "account", receiver.url)
    path = f"/v1/webhooks/{hook['id']}/test"
    answer = client.post(path, json={"event": "sync_end"}).json()["data"]
    assert (answer["succeed"], answer["status"]) == (True, 200)
    assert receiver.got[-1][0]["event"] == "sync_end"
    receiver.answers = [503]
    answer = client.post(path, json={"event": "sync_end"}).json()["data"]
    assert (answer["succeed"], answer["status"]) == (False, 503)


def test_every_event_is_signed_and_told_in_order(
    client: TestClient, group: str, receiver: Receiver
) -> None:
    register(client, "account", receiver.url)
    body = connection_body(group)
    connection = client.post("/v1/connections", json=body).json()["data"]["id"]
    path = f"/v1/connections/{connection}"
    client.patch(path, json={"paused": True})
    client.patch(path, json={"paused": False, "sync_frequency": 60})
    client.delete(path)
    expected = [
        "test_event",
        "connection_failure",
        "create_connector",
        "pause_connector",
        "resume_connector",
        "edit_connector",
        "delete_connector",
    ]
    until(lambda: len(receiver.got) >= len(expected))
    assert receiver.events == expected
    for said, header, raw in receiver.got:
        digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        assert header == digest.upper() == signature(SECRET, raw)
        assert said["event"] == "test_event" or said["connector_id"] == connection
    failure = receiver.got[1][0]
    assert "cannot be reached" in failure["data"]["reason"]
    assert (failure["connector_type"], failure["connector_name"]) == ("postgres", "raw")
    assert failure["destination_group_id"] == group
    times = [said["created"] for said, _, _ in receiver.got]
    assert times == sorted(set(times))


def test_only_who_asked_is_told(client: TestClient, group: str, receiver: Receiver) -> None:
    other = client.post("/v1/groups", json={"name": "other"}).json()["data"]["id"]
    register(client, f"group/{other}", receiver.url)
    register(client, "account", receiver.url, events=["delete_connector"])
    silent = register(client, "account", receiver.url)
    client.patch(f"/v1/webhooks/{silent['id']}", json={"active": False})
    body = connection_body(group, run_setup_tests=False)
    connection = client.post("/v1/connections", json=body).json()["data"]["id"]
    client.delete(f"/v1/connections/{connection}")
    until(lambda: "delete_connector" in receiver.events)
    assert receiver.events == ["test_event"] * 3 + ["delete_connector"]


CONNECTION = {"id": "c", "service": "postgres", "schema": "raw", "group_id": "g"}


@pytest.fixture
def sender(tmp_path: Path, receiver: Receiver) -> Iterator[tuple[Store, Events, Webhooks]]:
    store = Store(tmp_path)
    hook = {"id": "w", "url": receiver.url, "events": ["sync_end"], "active": True}
    store.put("webhook", {**hook, "secret": None})
    webhooks = Webhooks(store, retry_seconds=(0.01, 0.01))
    events = Events()
    events.listen(webhooks.hear)
    yield store, events, webhooks
    webhooks.stop()


def test_a_receiver_that_fails_is_tried_again(
    sender: tuple[Store, Events, Webhooks], receiver: Receiver
) -> None:
    store, events, webhooks = sender
    receiver.answers = [500, 503]
    tables = [{"schema": "a", "table": "b", "inserted": 1}]
    events.emit("sync_end", CONNECTION, {"sync_id": 7, "status": "SUCCESSFUL", "tables": tables})
    until(lambda: len(receiver.got) == 3 and not webhooks.waiting("w"))
    bodies = {raw for _, _, raw in receiver.got}
    assert len(bodies) == 1  # What is sent again is the same to the letter.
    said, header, _ = receiver.got[0]
    assert (said["sync_id"], said["data"], header) == ("7", {"status": "SUCCESSFUL"}, None)
    note = (store.get("webhook", "w") or {})["last_delivery"]
    assert note["status"] == 200


def test_tries_are_bounded_and_the_next_event_still_comes(
    sender: tuple[Store, Events, Webhooks], receiver: Receiver
) -> None:
    _, events, webhooks = sender
    receiver.answers = [500, 500, 500]
    events.emit("sync_end", CONNECTION, {"sync_id": 1})
    events.emit("sync_end", CONNECTION, {"sync_id": 2})
    until(lambda: len(receiver.got) == 4 and not webhooks.waiting("w"))
    assert [said["sync_id"] for said, _, _ in receiver.got] == ["1", "1", "1", "2"]


def test_a_slow_receiver_delays_nobody(
    sender: tuple[Store, Events, Webhooks], receiver: Receiver
) -> None:
    store, events, webhooks = sender
    quick = Receiver()
    store.put("webhook", {**(store.get("webhook", "w") or {}), "id": "q", "url": quick.url})
    receiver.ready.clear()
    for number in range(5):
        events.emit("sync_end", CONNECTION, {"sync_id": number})
    until(lambda: len(quick.got) == 5)
    assert receiver.got == []
    receiver.ready.set()
    webhooks.stop()
    quick.server.shutdown()


def test_what_was_not_delivered_is_after_a_restart(
    sender: tuple[Store, Events, Webhooks], receiver: Receiver
) -> None:
    store, events, webhooks = sender
    webhooks.stop()
    events.emit("sync_end", CONNECTION, {"sync_id": 3})
    assert receiver.got == []
    again = Webhooks(store)
    again.start()
    until(lambda: not again.waiting("w"))
    assert [said["sync_id"] for said, _, _ in receiver.got] == ["3"]
    again.stop()


def test_the_end_of_an_interrupted_sync_is_told_after_the_restart(
    sender: tuple[Store, Events, Webhooks], receiver: Receiver, tmp_path: Path
) -> None:
    store, events, _ = sender
    body = {"service": "s3", "group_id": "g", "config": {"schema": "raw"}}
    connection = store.put("connection", new_connection(body))
    number = store.start_sync(connection["id"], {"status": "SYNCING", "started_at": "x"})
    Runner(store, tmp_path, events=events)
    until(lambda: len(receiver.got) == 1)
    said = receiver.got[0][0]
    assert (said["event"], said["sync_id"]) == ("sync_end", str(number))
    assert said["data"]["status"] == "FAILURE"
    assert "stopped while this sync ran" in said["data"]["reason"]


def test_a_changed_state_of_the_set_up_is_told_once(tmp_path: Path) -> None:
    store, events = Store(tmp_path), Events()
    told: list[Event] = []
    events.listen(told.append)
    group = store.put("group", {"id": "g", "name": "g"})["id"]
    store.put("destination", {"id": group, "service": "duckdb", "config": {"path": "x.duckdb"}})
    body = {"service": "s3", "group_id": group, "config": {"schema": "raw"}}
    connection = store.put("connection", new_connection(body) | {"setup_state": "connected"})
    runner = Runner(store, tmp_path, events=events)
    for _ in range(2):
        runner.request(connection["id"])
        until(lambda: not runner.is_running(connection["id"]))
    until(lambda: [one.name for one in told].count("sync_end") == 2)
    [status] = [one for one in told if one.name == "status"]
    assert status.data == {
        "status": "BROKEN",
        "reason": "The connection 'raw' lacks the setting 'bucket'.",
    }
    store.close()


def test_a_listener_that_fails_harms_nobody() -> None:
    events = Events()
    heard: list[str] = []

    def broken(_: object) -> None:
        raise RuntimeError("out of order")

    events.listen(broken)
    events.listen(lambda event: heard.append(event.name))
    events.emit("sync_start", CONNECTION, {})
    assert heard == ["sync_start"]
    with pytest.raises(ValueError, match="is not an event"):
        events.emit("sync_middle", CONNECTION, {})
