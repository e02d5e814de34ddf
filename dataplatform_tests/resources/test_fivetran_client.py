"""The client against a server that behaves like Fivetran's API, and like its bad days."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.resources.fivetran.client import AccountClient
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.transport import Retries
from dataplatform.resources.fivetran.watch import Patience
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted

QUICK = Retries(attempts=2, delay=0.01, factor=1.0)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def data(value: Any, **more: Any) -> Answer:
    return Answer({"code": "Success", "data": value}, **more)


def refused(status: int, code: str, message: str = "no") -> Answer:
    return Answer({"code": code, "message": message}, status)


def client(url: str, **more: Any) -> AccountClient:
    return AccountClient(url, "key", "secret", retries=QUICK, **more)


def details(**more: Any) -> dict[str, Any]:
    return {
        "id": "live",
        "schema": "raw_salesforce",
        "service": "salesforce",
        "group_id": "group",
        "paused": False,
        "succeeded_at": None,
        "failed_at": None,
        "status": {"setup_state": "connected", "sync_state": "scheduled", "tasks": []},
        **more,
    }


def test_lists_are_read_to_their_last_page() -> None:
    def answer(request: Request) -> Answer:
        if "cursor" not in request.query:
            return data({"items": [{"id": "a", "name": "A"}], "next_cursor": "2"})
        return data({"items": [{"id": "b", "name": "B"}], "next_cursor": None})

    with scripted(answer) as server:
        groups = client(server.url).get_groups()["items"]
        connections = client(server.url).list_connectors_for_group("g")
    assert [group["id"] for group in groups] == ["a", "b"]
    assert [connection["id"] for connection in connections] == ["a", "b"]


def test_a_page_that_comes_again_is_an_error_not_a_loop() -> None:
    with (
        scripted(lambda request: data({"items": [], "next_cursor": "same"})) as server,
        pytest.raises(FivetranFailure, match="broken paging"),
    ):
        client(server.url).get_groups()


def test_a_rate_limit_waits_as_long_as_asked() -> None:
    answers = iter([Answer({}, 429, {"Retry-After": "0"}), data({"items": []})])
    with scripted(lambda request: next(answers)) as server:
        assert client(server.url).get_groups() == {"items": []}


def test_a_rate_limit_that_asks_for_hours_is_told() -> None:
    with scripted(lambda request: Answer({}, 429, {"Retry-After": "7200"})) as server:
        with pytest.raises(FivetranFailure, match="asks to wait 7200 s"):
            client(server.url).get_groups()
        assert len(server.requests) == 1


def test_a_server_error_is_repeated_then_told() -> None:
    with scripted(lambda request: refused(503, "Unavailable", "busy")) as server:
        with pytest.raises(FivetranFailure, match="503 Unavailable: busy"):
            client(server.url).get_groups()
        assert len(server.requests) == 3


def test_wrong_credentials_are_told_at_once() -> None:
    with scripted(lambda request: refused(401, "AuthFailed", "Invalid key")) as server:
        with pytest.raises(FivetranFailure, match="api_key and api_secret"):
            client(server.url).get_groups()
        assert len(server.requests) == 1


def test_no_connection_is_one_sentence_and_a_users_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match="cannot be reached: the connection was refused"):
        client(f"http://127.0.0.1:{port}").get_groups()


@pytest.mark.parametrize("text", ["<html>", "[1]"])
def test_an_answer_that_is_no_json_object_is_told(text: str) -> None:
    with (
        scripted(lambda request: Answer(text)) as server,
        pytest.raises(FivetranFailure, match="no "),
    ):
        client(server.url).get_groups()


def test_current_paths_come_first_and_legacy_ones_serve_as_fallback() -> None:
    def answer(request: Request) -> Answer:
        if request.path.startswith("/v1/connections"):
            return Answer("not found", 404)
        return data(details())

    with scripted(answer) as server:
        speaking = client(server.url)
        speaking.get_connector_details("live")
        speaking.get_connector_details("live")
        paths = [request.path for request in server.requests]
    assert paths == [
        "/v1/connections/live",
        "/v1/connectors/live",
        "/v1/connectors/live",
    ]


def test_a_connection_that_is_not_there_is_no_reason_to_try_legacy_paths() -> None:
    with scripted(lambda request: refused(404, "NotFound_Connection")) as server:
        with pytest.raises(FivetranFailure, match="404"):
            client(server.url).get_connector_details("gone")
        assert len(server.requests) == 1


class Syncing:
    """A connection that syncs when asked, for some polls."""

    def __init__(self, polls: int = 2, fails: bool = False) -> None:
        self.polls, self.fails, self.left = polls, fails, 0
        self.asked: list[str] = []
        self.ended: str | None = None
        self.failed: str | None = None
        self.paused = False
        self.setup = "connected"

    def __call__(self, request: Request) -> Answer:
        if request.path.endswith("/schemas"):
            return data({"schemas": {}})
        if request.method == "PATCH":
            self.asked.append("patch")
            return data({})
        if request.path.endswith("/sync"):
            self.asked.append("sync")
            self.left = self.polls
            return Answer({"code": "Success"})
        state = "scheduled"
        if self.left:
            self.left -= 1
            state = "syncing"
            if self.left == 0:
                stamp = datetime.now(UTC).isoformat()
                self.failed, self.ended = (stamp, self.ended) if self.fails else (None, stamp)
        tasks = [{"code": "x", "message": "the source is on fire"}] if self.fails else []
        return data(
            details(
                paused=self.paused,
                succeeded_at=self.ended,
                failed_at=self.failed,
                status={"setup_state": self.setup, "sync_state": state, "tasks": tasks},
            )
        )


@pytest.fixture
def syncing() -> Iterator[Syncing]:
    yield Syncing()


def test_a_sync_is_asked_for_once_and_its_schedule_left_alone(syncing: Syncing) -> None:
    with scripted(syncing) as server:
        output = client(server.url).sync_and_poll("live")
    assert output is not None
    assert output.connector_details["succeeded_at"] == syncing.ended
    assert syncing.asked == ["sync"]


def test_a_sync_under_way_is_awaited_and_followed_by_one_new_one(
    syncing: Syncing,
) -> None:
    syncing.left = 3
    with scripted(syncing) as server:
        client(server.url).sync_and_poll("live")
    assert syncing.asked == ["sync"]


def test_a_failed_sync_gives_its_reason() -> None:
    with (
        scripted(Syncing(fails=True)) as server,
        pytest.raises(FivetranFailure, match="failed: the source is on fire"),
    ):
        client(server.url).sync_and_poll("live")


def test_a_sync_that_never_ends_is_given_up() -> None:
    with (
        scripted(Syncing(polls=10**6)) as server,
        pytest.raises(FivetranFailure, match="did not end within"),
    ):
        client(server.url, patience=Patience(sync=0.2)).sync_and_poll("live")


def test_a_paused_connection_says_what_to_do(syncing: Syncing) -> None:
    syncing.paused = True
    with (
        scripted(syncing) as server,
        pytest.raises(FivetranFailure, match="is paused: set `paused: false`"),
    ):
        client(server.url).sync_and_poll("live")


def test_a_connection_that_is_not_set_up_says_what_to_do(syncing: Syncing) -> None:
    syncing.setup = "incomplete"
    with scripted(syncing) as server, pytest.raises(FivetranFailure, match="connections apply"):
        client(server.url).sync_and_poll("live")


def test_logical_ids_become_the_accounts_own() -> None:
    with scripted(lambda request: data(details())) as server:
        speaking = client(server.url, resolve_id={"salesforce": "live"}.__getitem__)
        speaking.get_connector_details("salesforce")
        assert server.requests[0].path == "/v1/connections/live"


@pytest.mark.parametrize(
    ("base", "page"),
    [
        ("https://api.fivetran.com/v1/", "https://fivetran.com/dashboard/connections/live"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/v1/connections/live"),
    ],
)
def test_a_connection_has_a_page_to_look_at(base: str, page: str) -> None:
    assert client(base).page_of("live") == page
