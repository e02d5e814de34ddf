"""The receiver of webhooks: what it takes in, and all that it refuses."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dataplatform.ingestion.webhooks import receiver
from dataplatform.ingestion.webhooks.receiver import MAX_BODY_BYTES, PATH, create_app
from dataplatform.ingestion.webhooks.signature import HEADER, sign
from dataplatform.ingestion.webhooks.spool import Spool

SECRET = "what only the two of us know"


def event(**more: Any) -> dict[str, Any]:
    return {
        "event": "sync_end",
        "created": datetime.now(UTC).isoformat(),
        "connector_type": "postgres",
        "connector_id": "live",
        "connector_name": "raw_shop",
        "destination_group_id": "group",
        "sync_id": "1",
        "data": {"status": "SUCCESSFUL"},
        **more,
    }


def raw(**more: Any) -> bytes:
    return json.dumps(event(**more)).encode()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "webhooks")


@pytest.fixture
def web(spool: Spool) -> Iterator[TestClient]:
    with TestClient(create_app(SECRET, spool)) as client:
        yield client


def send(web: TestClient, body: bytes, signature: str | None = None, **headers: str) -> Any:
    signed = {HEADER: sign(SECRET, body) if signature is None else signature}
    return web.post(PATH, content=body, headers={**signed, **headers})


def test_a_signed_event_waits_for_the_sensor_until_it_is_taken(
    web: TestClient, spool: Spool
) -> None:
    assert spool.waiting() == []
    assert send(web, raw()).json() == {"status": "received"}
    assert send(web, raw(connector_id="other")).status_code == 200
    found = spool.waiting()
    assert [(one.name, one.connection) for one in found] == [
        ("sync_end", "live"),
        ("sync_end", "other"),
    ]
    assert found[0].body["data"] == {"status": "SUCCESSFUL"}
    spool.take(found[:1])
    assert [one.connection for one in spool.waiting()] == ["other"]


def test_the_signature_is_fivetrans(web: TestClient) -> None:
    # Worked out by `printf '{}' | openssl dgst -sha256 -hmac sesame`.
    assert sign("sesame", b"{}") == (
        "9288AF31519FB10EA518C62C303396C38B77E7D2A1DB3CC31E7BC2894E0BD786"
    )
    body = raw()
    assert send(web, body, sign(SECRET, body).lower()).status_code == 200


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 64, "not hexadecimal", "é" * 64, sign("another secret", b"{}"), "A" * 10_000],
)
def test_a_wrong_signature_is_refused(web: TestClient, spool: Spool, signature: str) -> None:
    answer = web.post(PATH, content=raw(), headers={HEADER: signature.encode("utf-8")})
    assert answer.status_code == 401
    assert spool.waiting() == []


def test_an_unsigned_request_is_refused(web: TestClient, spool: Spool) -> None:
    answer = web.post(PATH, content=raw())
    assert answer.status_code == 401
    assert "missing" in answer.json()["reason"]
    assert spool.waiting() == []


def test_a_changed_body_is_refused(web: TestClient, spool: Spool) -> None:
    signature = sign(SECRET, raw())
    assert send(web, raw(connector_id="another"), signature).status_code == 401
    assert spool.waiting() == []


def test_an_empty_secret_lets_nobody_in(spool: Spool) -> None:
    with TestClient(create_app("", spool)) as web:
        body = raw()
        assert send(web, body, sign("", body)).status_code == 401


def test_a_replayed_event_changes_nothing(web: TestClient, spool: Spool) -> None:
    body = raw()
    assert send(web, body).json()["status"] == "received"
    assert send(web, body).json()["status"] == "came before"
    assert len(spool.waiting()) == 1
    spool.take(spool.waiting())
    assert send(web, body).json()["status"] == "came before"
    assert spool.waiting() == []


def test_a_replay_is_known_after_a_restart(spool: Spool, tmp_path: Path) -> None:
    body = raw()
    with TestClient(create_app(SECRET, spool)) as web:
        send(web, body)
    with TestClient(create_app(SECRET, Spool(tmp_path / "webhooks"))) as web:
        assert send(web, body).json()["status"] == "came before"


def test_one_of_many_simultaneous_copies_is_taken(spool: Spool) -> None:
    body = raw()
    answers: list[str] = []
    with TestClient(create_app(SECRET, spool)) as web:
        senders = [
            threading.Thread(target=lambda: answers.append(send(web, body).json()["status"]))
            for _ in range(8)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    assert sorted(answers) == ["came before"] * 7 + ["received"]
    assert len(spool.waiting()) == 1


@pytest.mark.parametrize(
    ("created", "reason"),
    [
        (timedelta(hours=-26), "older than 25 hours"),
        (timedelta(hours=1), "in the future"),
        ("yesterday", "cannot be read"),
        (12, "does not say when"),
        (None, "does not say when"),
    ],
)
def test_an_event_of_another_time_is_refused(
    web: TestClient, spool: Spool, created: object, reason: str
) -> None:
    if isinstance(created, timedelta):
        created = (datetime.now(UTC) + created).isoformat()
    answer = send(web, raw(created=created))
    assert answer.status_code == 400
    assert reason in answer.json()["reason"]
    assert spool.waiting() == []


def test_an_event_that_was_repeated_for_a_day_is_taken(web: TestClient) -> None:
    created = datetime.now(UTC) - timedelta(hours=23)
    assert send(web, raw(created=created.isoformat())).json()["status"] == "received"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"{}", b'{"event": 1}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_no_event_is_refused(web: TestClient, spool: Spool, body: bytes) -> None:
    assert send(web, body).status_code == 400
    assert spool.waiting() == []


def test_a_test_event_needs_a_signature_and_tells_of_nothing(web: TestClient, spool: Spool) -> None:
    body = json.dumps({"event": "test_event", "created": "timestamp"}).encode()
    assert send(web, body).json() == {"status": "tested"}
    assert send(web, body, "0" * 64).status_code == 401
    assert spool.waiting() == []


def test_an_oversized_body_is_refused_by_its_header(web: TestClient) -> None:
    assert send(web, b" " * (MAX_BODY_BYTES + 1)).status_code == 413


def test_an_oversized_body_without_a_length_is_refused(web: TestClient, spool: Spool) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65_536 + 2):
            yield b" " * 65_536

    answer = web.post(PATH, content=chunks(), headers={HEADER: "0" * 64})
    assert answer.status_code == 413
    assert spool.waiting() == []


def test_nothing_but_the_one_path_and_method_is_served(web: TestClient) -> None:
    assert web.get("/health").json() == {"status": "ok"}
    assert web.get(PATH).status_code == 405
    assert web.post("/", content=raw()).status_code == 404


def test_a_body_that_never_comes_is_given_up(spool: Spool) -> None:
    import uvicorn

    app = create_app(SECRET, spool, read_seconds=0.2)
    server = uvicorn.Server(uvicorn.Config(app, host=receiver.HOST, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        listening = server.servers[0].sockets[0]
        address = listening.getsockname()
        assert address[0] == "127.0.0.1"
        with socket.create_connection(address, timeout=5) as line:
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{HEADER}: 00\r\n\r\n"
            line.sendall(head.encode() + b"{")
            assert b"408" in line.recv(200).split(b"\r\n")[0]
    finally:
        server.should_exit = True
        thread.join(5)


def test_old_events_are_forgotten_and_newer_ones_kept(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.put(b"old", event())
    long_after = time.time() + timedelta(hours=60).total_seconds()
    monkeypatch.setattr(time, "time", lambda: long_after)
    spool.put(b"new", event(connector_id="new"))
    assert [one.connection for one in spool.waiting()] == ["new"]
