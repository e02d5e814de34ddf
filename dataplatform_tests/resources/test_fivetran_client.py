"""The client against a server that behaves like Fivetran's API, and like its bad days."""

from __future__ import annotations

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform_tests.child_server import free_port
from dataplatform_tests.resources.fivetran_script import client, data, details, refused
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted


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
    port = free_port()
    with pytest.raises(UserError, match="cannot be reached: the connection was refused"):
        client(f"http://127.0.0.1:{port}").get_groups()


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


def test_a_connections_log_has_an_address_too() -> None:
    assert client("https://api.fivetran.com").logs_of("live").endswith("/connections/live/logs")
    assert client("http://127.0.0.1:1").logs_of("live").endswith("/connections/live/syncs")
