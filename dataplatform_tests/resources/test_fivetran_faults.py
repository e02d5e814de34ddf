"""Misfortune between the client and the account: each ends in one sentence, and none hangs."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from dataplatform.resources.fivetran import transport
from dataplatform.resources.fivetran.budget import Budget, OverBudget, budget_of, retry_after
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.transport import Retries
from dataplatform_tests.resources.fivetran_script import client, data, details, refused
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted

Misdeed = Callable[[BaseHTTPRequestHandler], None]


def reset(handler: BaseHTTPRequestHandler) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Length: 500\r\n\r\n{"data": {"it')


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 500\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff this is not HTTP at all\r\n\r\n")


def broken_gzip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(
        b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnot zip"
    )


UNREACHABLE: list[tuple[Misdeed, str]] = [
    (reset, "the connection was refused or broken"),
    (silence, "no answer within 2 s"),
    (hang_up, "the connection was refused or broken"),
    (cut_short, "the connection was refused or broken"),
    (drip, "no answer within 2 s"),
    (nonsense, "the connection was refused or broken"),
    (broken_gzip, "its answer cannot be unpacked"),
]
HASTY = Retries(attempts=1, delay=0.01, factor=1.0, timeout=2.0)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for one answer, and for two seconds only."""
    monkeypatch.setattr("dataplatform_tests.resources.fivetran_script.QUICK", HASTY)


@pytest.mark.parametrize(
    ("misdeed", "said"), UNREACHABLE, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_broken_line_is_tried_again_and_then_told(misdeed: Misdeed, said: str) -> None:
    with scripted(lambda request: Answer(misdeed=misdeed)) as server:
        with pytest.raises(FivetranFailure, match=f"cannot be reached: {said}") as caught:
            client(server.url).get_groups()
        assert caught.value.passing
        assert len(server.requests) == 2


@pytest.mark.parametrize("misdeed", [reset, hang_up, cut_short])
def test_a_line_that_breaks_once_is_not_noticed(misdeed: Misdeed) -> None:
    found = iter([Answer(misdeed=misdeed), data({"items": [{"id": "a"}]})])
    with scripted(lambda request: next(found)) as server:
        assert client(server.url).get_groups() == {"items": [{"id": "a"}]}


@pytest.mark.parametrize("misdeed", [reset, silence])
def test_making_something_is_never_tried_twice_blindly(misdeed: Misdeed) -> None:
    with scripted(lambda request: Answer(misdeed=misdeed)) as server:
        with pytest.raises(FivetranFailure, match="may have been carried out all the same"):
            client(server.url).call("POST", "groups", {"name": "a"})
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "requests"), [(500, 1), (502, 1), (504, 1), (503, 2), (429, 2)])
def test_making_something_is_tried_again_only_where_nothing_was_done(
    status: int, requests: int
) -> None:
    with scripted(lambda request: refused(status, "Error", "oops")) as server:
        with pytest.raises(FivetranFailure, match=f"{status} Error: oops"):
            client(server.url).call("POST", "groups", {"name": "a"})
        assert len(server.requests) == requests


@pytest.mark.parametrize("path", ["connections/c/sync", "connections/c/test", "c/schemas/reload"])
def test_what_may_be_asked_twice_is(path: str) -> None:
    found = iter([Answer(misdeed=reset), refused(500, "Error"), data({})])
    with scripted(lambda request: next(found)) as server:
        client_ = client(server.url)
        client_.retries = Retries(2, 0.01, 1.0, 5.0)
        assert client_.call("POST", path, {}) == {}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "refused GET /v1/groups.* with 400 InvalidInput: no"),
        (401, "Check the environment's fivetran api_key and api_secret"),
        (403, "Check the environment's fivetran api_key and api_secret"),
        (404, "404 InvalidInput: no"),
        (409, "409 InvalidInput: no"),
        (413, "413 InvalidInput: no"),
        (500, "500 InvalidInput: no"),
        (502, "502 InvalidInput: no"),
        (503, "503 InvalidInput: no"),
        (504, "504 InvalidInput: no"),
    ],
)
def test_a_refusal_is_one_sentence_with_the_reason(status: int, said: str) -> None:
    with (
        scripted(lambda request: refused(status, "InvalidInput")) as server,
        pytest.raises(FivetranFailure, match=said) as caught,
    ):
        client(server.url).get_groups()
    assert caught.value.status == status
    assert "\n" not in str(caught.value)


def test_a_redirection_is_not_followed_with_our_credentials() -> None:
    where = {"Location": "http://example.invalid/"}
    with scripted(lambda request: Answer("", 302, where)) as server:
        with pytest.raises(FivetranFailure, match=r"leads elsewhere: check .* api_url"):
            client(server.url).get_groups()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "<html>busy</html>",
        "[1]",
        '"text"',
        '{"data": "text"}',
        '{"data": 7}',
        '{"data": {',
        "[" * 100_000,
        "\x00",
    ],
    ids=range(8),
)
def test_an_answer_that_is_no_object_is_told(text: str) -> None:
    with (
        scripted(lambda request: Answer(text)) as server,
        pytest.raises(FivetranFailure, match=r"no readable JSON|no JSON object"),
    ):
        client(server.url).get_groups()


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusal_that_is_no_json_is_told(status: int) -> None:
    with (
        scripted(lambda request: Answer("<html>", status)) as server,
        pytest.raises(FivetranFailure, match=f"{status} and no readable JSON"),
    ):
        client(server.url).get_groups()


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 100_000)
    with (
        scripted(lambda request: Answer(" " * 300_000)) as server,
        pytest.raises(FivetranFailure, match="its answer is larger than"),
    ):
        client(server.url).get_groups()


PAGES: list[tuple[Any, str]] = [
    ({"items": [], "next_cursor": "same"}, "broken paging"),
    ({"items": "many"}, "no list of items"),
    ({"items": [1, 2]}, "no list of items"),
    ({"items": None}, "no list of items"),
    ({"items": [], "next_cursor": 3}, "no usable cursor"),
    ({"items": [], "next_cursor": {"a": 1}}, "no usable cursor"),
]


@pytest.mark.parametrize(("page", "said"), PAGES)
@pytest.mark.parametrize("ask", ["groups", "connections"])
def test_broken_paging_is_told(page: Any, said: str, ask: str) -> None:
    with scripted(lambda request: data(page)) as server, pytest.raises(FivetranFailure, match=said):
        if ask == "groups":
            client(server.url).get_groups()
        else:
            client(server.url).list_connectors_for_group("g")


def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataplatform.resources.fivetran.api.MOST_PAGES", 20)
    counted = iter(range(1000))
    with scripted(lambda _: data({"items": [], "next_cursor": str(next(counted))})) as server:
        with pytest.raises(FivetranFailure, match="20 pages of groups and no last one"):
            client(server.url).get_groups()
        assert len(server.requests) == 21


def test_a_page_in_the_middle_may_fail_and_nothing_is_doubled() -> None:
    pages = {None: ("a", "1"), "1": ("b", "2"), "2": ("c", None)}
    failed: set[str] = set()

    def answer(request: Request) -> Answer:
        cursor = request.query.get("cursor")
        if cursor == "1" and cursor not in failed:
            failed.add(cursor)
            return refused(500, "Error")
        item, following = pages[cursor]
        return data({"items": [{"id": item}], "next_cursor": following})

    with scripted(answer) as server:
        found = client(server.url).pages("webhooks")
    assert [item["id"] for item in found] == ["a", "b", "c"]


def test_the_older_spelling_of_the_cursor_is_followed_too() -> None:
    def answer(request: Request) -> Answer:
        return data(
            {"items": [request.query], "nextCursor": None if request.query.get("cursor") else "2"}
        )

    with scripted(answer) as server:
        assert len(client(server.url).pages("groups")) == 2
        assert server.requests[0].query["limit"] == "1000"


def test_legacy_paths_list_connections_where_the_current_ones_are_unknown() -> None:
    def answer(request: Request) -> Answer:
        if "connections" in request.path:
            return Answer("no such path", 404)
        return data({"items": [details()]})

    with scripted(answer) as server:
        assert len(client(server.url).list_connectors_for_group("g")) == 1
        assert server.requests[-1].path == "/v1/groups/g/connectors"


# How fast an account may be asked


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Iterator[Clock]:
    yield Clock()


@pytest.mark.parametrize(
    "names",
    [("X-Rate-Limit", "X-Rate-Limit-Remaining"), ("X-RateLimit-Limit", "X-RateLimit-Remaining")],
)
def test_the_last_requests_of_an_hour_are_spread(clock: Clock, names: tuple[str, str]) -> None:
    budget = Budget(clock, clock.sleep)
    budget.learn(200, dict(zip(names, ("3600", "1000"), strict=True)))
    for _ in range(3):
        budget.wait()
    assert clock.slept == []
    budget.learn(200, dict(zip(names, ("3600", "10"), strict=True)))
    for _ in range(4):
        budget.wait()
    assert clock.slept == pytest.approx([1.0, 1.0, 1.0])
    budget.learn(200, dict(zip(names, ("3600", "3000"), strict=True)))
    budget.wait()
    assert len(clock.slept) == 3


def test_a_budget_that_is_used_up_slows_down_and_never_stops(clock: Clock) -> None:
    budget = Budget(clock, clock.sleep)
    budget.learn(200, {"X-Rate-Limit": "10", "X-Rate-Limit-Remaining": "0"})
    budget.wait()
    budget.wait()
    assert clock.slept == [60.0]


def test_a_budget_that_is_soon_filled_again_is_spread_until_then(clock: Clock) -> None:
    budget = Budget(clock, clock.sleep)
    told = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "6"}
    budget.learn(200, told)
    budget.wait()
    budget.wait()
    assert clock.slept == [3.0]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Rate-Limit": "many", "X-Rate-Limit-Remaining": "0"},
        {"X-Rate-Limit": "0", "X-Rate-Limit-Remaining": "0"},
        {"X-Rate-Limit": "-5", "X-Rate-Limit-Remaining": "1"},
        {"X-Rate-Limit-Remaining": "0"},
        {},
    ],
)
def test_headers_that_make_no_sense_are_passed_over(clock: Clock, headers: dict[str, str]) -> None:
    budget = Budget(clock, clock.sleep)
    assert budget.learn(200, headers) is None
    budget.wait()
    budget.wait()
    assert clock.slept == []


def test_what_one_client_is_told_to_wait_all_wait(clock: Clock) -> None:
    budget = Budget(clock, clock.sleep)
    assert budget.learn(429, {"Retry-After": "7"}) == 7.0
    budget.wait()
    assert clock.slept == [7.0]
    budget.wait()
    assert clock.slept == [7.0]


def test_too_long_a_wait_is_refused_until_it_is_over(clock: Clock) -> None:
    budget = Budget(clock, clock.sleep)
    budget.learn(429, {"Retry-After": "3600"})
    with pytest.raises(OverBudget):
        budget.wait()
    clock.now += 3601
    budget.wait()
    assert clock.slept == []


def test_clients_of_one_key_share_a_budget_and_others_do_not() -> None:
    assert budget_of("http://a", "key") is budget_of("http://a", "key")
    assert budget_of("http://a", "key") is not budget_of("http://a", "other")
    assert budget_of("http://a", "key") is not budget_of("http://b", "key")


def test_threads_of_one_account_wait_together(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    learned = threading.Event()
    learn = Budget.learn

    def noted(self: Budget, status: int, headers: Mapping[str, str]) -> float | None:
        asked = learn(self, status, headers)
        learned.set()
        return asked

    monkeypatch.setattr(Budget, "learn", noted)

    def answer(request: Request) -> Answer:
        times.append(time.monotonic())
        if len(times) == 1:
            return Answer({}, 429, {"Retry-After": "1"})
        return data({"items": []})

    with scripted(answer) as server:
        first = threading.Thread(target=client(server.url).get_groups)
        first.start()
        assert learned.wait(60)
        client(server.url).get_groups()
        first.join()
    assert len(times) == 3
    assert min(times[1:]) - times[0] >= 0.99


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("Wed, 99 Nov 2026 10:00:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
    ],
)
def test_a_time_to_wait_is_read_or_passed_over(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds


def test_a_date_to_wait_for_is_read_by_the_servers_own_clock() -> None:
    now = datetime.now(UTC) + timedelta(days=400)
    later = now + timedelta(seconds=30)
    headers = {"Date": format_datetime(now), "Retry-After": format_datetime(later)}
    assert retry_after(headers) == pytest.approx(30.0, abs=1.0)


# Records that cannot be read

BAD_DETAILS: list[tuple[dict[str, Any], str]] = [
    ({"id": None}, "'id' is missing"),
    ({"schema": 7}, "'schema' is '7'"),
    ({"service": ""}, "'service' is ''"),
    ({"group_id": None}, "'group_id' is missing"),
    ({"paused": "no"}, "'paused' is 'no'"),
    ({"status": None}, "'status' is missing"),
    ({"status": "fine"}, "'status' is 'fine'"),
    ({"status": {"sync_state": "scheduled"}}, "'status.setup_state' is missing"),
    ({"status": {"setup_state": "connected"}}, "'status.sync_state' is missing"),
    ({"succeeded_at": "yesterday"}, "'succeeded_at' is 'yesterday'"),
    ({"failed_at": 12}, "'failed_at' is '12'"),
]


@pytest.mark.parametrize(("wrong", "said"), BAD_DETAILS)
def test_a_record_that_cannot_be_read_names_the_field(wrong: dict[str, Any], said: str) -> None:
    with (
        scripted(lambda request: data(details(**wrong))) as server,
        pytest.raises(FivetranFailure, match=said),
    ):
        client(server.url).look("live")


@pytest.mark.parametrize(
    "schemas",
    [
        {"schemas": []},
        {"schemas": {"a": 1}},
        {"schemas": {"a": {"tables": [1]}}},
        {"schemas": {"a": {"tables": {"t": 1}}}},
    ],
)
def test_a_schema_config_that_cannot_be_read_is_told(schemas: Any) -> None:
    # An empty list is what some languages write for an empty object; that one is read.
    with scripted(lambda request: data(schemas)) as server:
        if schemas == {"schemas": []}:
            assert client(server.url).get_schema_config_for_connector("live")["schemas"] == {}
            return
        with pytest.raises(FivetranFailure, match=r"'schemas\.a"):
            client(server.url).get_schema_config_for_connector("live")


def test_a_schema_config_without_its_lesser_fields_is_completed() -> None:
    with scripted(
        lambda request: data({"schemas": {"a": {"tables": {"t": {}}}, "b": {}}})
    ) as server:
        found = client(server.url).get_schema_config_for_connector("live")["schemas"]
    assert found["a"]["tables"]["t"] == {"enabled": True, "name_in_destination": "t"}
    assert found["b"]["tables"] == {}


def test_no_schema_config_yet_is_an_empty_one_where_that_is_allowed() -> None:
    with scripted(lambda request: refused(404, "NotFound_SchemaConfig")) as server:
        assert client(server.url).get_schema_config_for_connector("live", False) == {}
        with pytest.raises(FivetranFailure, match="404"):
            client(server.url).get_schema_config_for_connector("live")
