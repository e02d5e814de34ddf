"""What nobody should send: each ends in the API's envelope with its status, and none hangs."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform_tests.local.fivetran.conftest import connection_body

NOTHING = "Cannot find"


def misuse(name: str, method: str, path: str, body: Any, status: int, code: str, says: str) -> Any:
    return pytest.param(method, path, body, status, code, says, id=name)


def bad(name: str, method: str, path: str, body: Any, says: str) -> Any:
    return misuse(name, method, path, body, 400, "InvalidInput", says)


def gone(name: str, method: str, path: str, body: Any, kind: str) -> Any:
    return misuse(name, method, path, body, 404, f"NotFound_{kind}", NOTHING)


C, G, D, W = "/connections/{c}", "/groups/{g}", "/destinations/{g}", "/webhooks/{w}"
HOOK = {"url": "https://example.invalid/hook", "events": ["sync_end"], "active": False}
TABLE = f"{C}/schemas/public/tables/orders"
CASES = [
    # Groups and destinations.
    bad("group without a name", "POST", "/groups", {}, "'name' is missing"),
    bad("group name of a number", "POST", "/groups", {"name": 1}, "'name' must be a string"),
    bad("group name of signs", "POST", "/groups", {"name": "a;b"}, "letters, digits"),
    bad("group name too long", "POST", "/groups", {"name": "a" * 200}, "letters, digits"),
    bad("group field misspelt", "POST", "/groups", {"nme": "x"}, "Did you mean 'name'?"),
    misuse("group twice", "POST", "/groups", {"name": "local"}, 409, "Conflict", "exists already"),
    gone("no such group", "GET", "/groups/none", None, "Group"),
    gone("no group to change", "PATCH", "/groups/none", {"name": "x"}, "Group"),
    gone("no group to delete", "DELETE", "/groups/none", None, "Group"),
    gone("connections of no group", "GET", "/groups/none/connections", None, "Group"),
    gone("key of no group", "GET", "/groups/none/public-key", None, "Group"),
    misuse("group in use", "DELETE", G, None, 409, "Conflict", "still holds connections"),
    bad("destination without a group", "POST", "/destinations", {"service": "duckdb"}, "missing"),
    bad(
        "destination of another kind",
        "POST",
        "/destinations",
        {"group_id": "{g}", "service": "redshift"},
        "is not served",
    ),
    bad(
        "destination with an odd offset",
        "POST",
        "/destinations",
        {"group_id": "{g}", "service": "duckdb", "time_zone_offset": "noon"},
        "whole hours",
    ),
    gone("no such destination", "GET", "/destinations/none", None, "Destination"),
    gone("no destination to test", "POST", D + "/test", {}, "Destination"),
    # Connections.
    bad("connection of no service", "POST", "/connections", {"group_id": "{g}"}, "'service' is"),
    bad(
        "connection of an unknown service",
        "POST",
        "/connections",
        {"group_id": "{g}", "service": "postgress", "config": {}},
        "Did you mean 'postgres'?",
    ),
    gone(
        "connection in no group",
        "POST",
        "/connections",
        {"group_id": "none", "service": "s3", "config": {"schema": "x"}},
        "Group",
    ),
    misuse(
        "schema that is taken",
        "POST",
        "/connections",
        {"group_id": "{g}", "service": "s3", "config": {"schema": "raw"}},
        409,
        "Conflict",
        "writes to 'raw' already",
    ),
    gone("no such connection", "GET", "/connections/none", None, "Connection"),
    gone("no connection to change", "PATCH", "/connections/none", {}, "Connection"),
    gone("no connection to sync", "POST", "/connections/none/sync", {}, "Connection"),
    gone("no connection to test", "POST", "/connections/none/test", {}, "Connection"),
    gone("schemas of no connection", "GET", "/connections/none/schemas", None, "Connection"),
    bad("unknown field", "PATCH", C, {"sync_freqency": 60}, "Did you mean 'sync_frequency'?"),
    bad("service changed", "PATCH", C, {"service": "s3"}, "Unknown field 'service'"),
    bad("odd frequency", "PATCH", C, {"sync_frequency": 42}, "must be one of 1, 5, 15"),
    bad("frequency in words", "PATCH", C, {"sync_frequency": "15min"}, "must be an integer"),
    bad("frequency of a fraction", "PATCH", C, {"sync_frequency": 60.5}, "must be an integer"),
    bad("daily time, not daily", "PATCH", C, {"daily_sync_time": "14:00"}, "only for"),
    bad(
        "daily time of half an hour",
        "PATCH",
        C,
        {"sync_frequency": 1440, "daily_sync_time": "14:30"},
        "a full hour",
    ),
    bad("unknown delay", "PATCH", C, {"data_delay_sensitivity": "MEDIUM"}, "LOW, NORMAL, HIGH"),
    bad("negative delay", "PATCH", C, {"data_delay_threshold": -1}, "between 0 and"),
    bad("unknown network", "PATCH", C, {"networking_method": "Carrier"}, "Directly, SshTunnel"),
    bad("link without id", "PATCH", C, {"networking_method": "PrivateLink"}, "'private_link_id'"),
    bad("proxy without id", "PATCH", C, {"networking_method": "ProxyAgent"}, "'proxy_agent_id'"),
    bad("trust in words", "PATCH", C, {"trust_certificates": "yes"}, "true or false"),
    bad("config of a list", "PATCH", C, {"config": [1]}, "'config' must be an object"),
    bad("auth of a text", "PATCH", C, {"auth": "x"}, "'auth' must be an object"),
    bad("text without end", "PATCH", C, {"proxy_agent_id": "x" * 20_000}, "longer than 10000"),
    # Syncs.
    misuse("not set up", "POST", C + "/sync", {"force": False}, 409, "Conflict", "is not set up"),
    misuse("forced, not set up", "POST", C + "/force", None, 409, "Conflict", "is not set up"),
    misuse("re-sync, not set up", "POST", C + "/resync", {}, 409, "Conflict", "is not set up"),
    bad("force of a number", "POST", C + "/sync", {"force": 1}, "'force' must be true or false"),
    bad("sync of a field", "POST", C + "/sync", {"table": "x"}, "Unknown field 'table'"),
    bad("scope of a list", "POST", C + "/resync", {"scope": ["x"]}, "'scope' must be an object"),
    bad("scope of texts", "POST", C + "/resync", {"scope": {"a": "b"}}, "an object of lists"),
    bad("scope of numbers", "POST", C + "/resync", {"scope": {"a": [1]}}, "an object of lists"),
    bad("no table", "POST", C + "/schemas/tables/resync", {"a": []}, "at least one table"),
    bad("test of a field", "POST", C + "/test", {"trust": True}, "Unknown field 'trust'"),
    # Schemas.
    bad("handling", "PATCH", C + "/schemas", {"schema_change_handling": "ALLOW"}, "ALLOW_ALL"),
    bad("schemas of a list", "PATCH", C + "/schemas", {"schemas": []}, "must be an object"),
    bad("tables of a list", "PATCH", C + "/schemas/public", {"tables": []}, "must be an object"),
    bad("enabled of a text", "PATCH", TABLE, {"enabled": "no"}, "'enabled' must be true or false"),
    bad("sync mode", "PATCH", TABLE, {"sync_mode": "UPSERT"}, "SOFT_DELETE, HISTORY, LIVE"),
    bad("column's field", "PATCH", TABLE, {"columns": {"a": {"hash": True}}}, "Column 'a'"),
    bad("columns of nothing", "PATCH", TABLE + "/columns", {}, "'columns' is missing"),
    bad("column of a text", "PATCH", TABLE + "/columns/a", {"hashed": "x"}, "true or false"),
    bad("mode of a reload", "POST", C + "/schemas/reload", {"exclude_mode": "ALL"}, "PRESERVE"),
    # Certificates and fingerprints.
    bad("certificate without hash", "POST", C + "/certificates", {"encoded_cert": "x"}, "'hash'"),
    bad(
        "certificate of nonsense",
        "POST",
        C + "/certificates",
        {"hash": "x", "encoded_cert": "bm9uc2Vuc2U="},
        "is no certificate",
    ),
    bad(
        "fingerprint of another key",
        "POST",
        C + "/fingerprints",
        {"hash": "SHA256:x", "public_key": "a2V5"},
        "'hash' is not that of the fingerprint",
    ),
    gone("no such certificate", "GET", C + "/certificates/a/b", None, "Certificate"),
    gone("no such fingerprint", "DELETE", C + "/fingerprints/x", None, "Fingerprint"),
    gone("certificates of nobody", "GET", "/connections/none/certificates", None, "Connection"),
    # Webhooks and metadata.
    bad("webhook to nowhere", "POST", "/webhooks/account", {"events": ["sync_end"]}, "'url' is"),
    bad("insecure webhook", "POST", "/webhooks/account", {**HOOK, "url": "http://a.b/"}, "https"),
    bad("webhook by ftp", "POST", "/webhooks/account", {**HOOK, "url": "ftp://a.b/"}, "https"),
    bad("webhook's port", "POST", "/webhooks/account", {**HOOK, "url": "https://a:x/"}, "address"),
    bad("webhook of no event", "POST", "/webhooks/account", {**HOOK, "events": []}, "at least"),
    bad("unknown event", "POST", "/webhooks/account", {**HOOK, "events": ["sync"]}, "sync_start"),
    bad("events of numbers", "POST", "/webhooks/account", {**HOOK, "events": [1]}, "array of str"),
    gone("webhook of no group", "POST", "/webhooks/group/none", HOOK, "Group"),
    gone("no such webhook", "GET", "/webhooks/none", None, "Webhook"),
    bad("test of no event", "POST", W + "/test", {}, "'event' is missing"),
    bad("test of an unknown event", "POST", W + "/test", {"event": "x"}, "must be one of"),
    gone("no such kind", "GET", "/metadata/connector-types/none", None, "Service"),
    gone("no such user", "GET", "/users/none", None, "User"),
    # The service's own.
    bad("fault of no kind", "POST", "/local/faults", [{"kind": "x"}], "'kind' must be one of"),
    bad("fault of a bad pattern", "POST", "/local/faults", [{"kind": "slow", "match": "("}], "no"),
    bad("faults of an object", "POST", "/local/faults", {}, "a list of faults"),
    bad("fault that takes days", "POST", "/local/faults", [{"kind": "slow", "seconds": 1e9}], "a"),
    bad("fault of no times", "POST", "/local/faults", [{"kind": "slow", "times": 0}], "between"),
    bad("negative budget", "PUT", "/local/limits", {"requests": -1}, "between"),
    bad("syncs of a number", "GET", "/local/connections/{c}/syncs?limit=0", None, "'limit'"),
    bad("syncs of many", "GET", f"/local/connections/{{c}}/syncs?limit={10**30}", None, "'limit'"),
    # Paging.
    bad("limit of nothing", "GET", "/connections?limit=0", None, "'limit' must be between"),
    bad("limit beyond", "GET", "/webhooks?limit=1001", None, "'limit' must be between"),
    bad("limit of a word", "GET", "/groups?limit=ten", None, "'limit'"),
    bad("cursor of nonsense", "GET", "/connections?cursor=%21%21", None, "'cursor'"),
    bad("cursor of zero", "GET", "/users?cursor=MDo=", None, "'cursor'"),
    misuse("unknown path", "GET", "/nothing", None, 404, "NotFound", "/v1/nothing"),
    misuse("slash too many", "GET", "/groups/", None, 404, "NotFound", "/v1/groups/"),
    misuse("wrong method", "PUT", "/groups", {}, 405, "MethodNotAllowed", "PUT /v1/groups"),
]


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for key, name in names.items():
            value = value.replace(f"{{{key}}}", name)
    if isinstance(value, dict):
        return {key: filled(held, names) for key, held in value.items()}
    return value


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """One service for all cases: none of them changes anything, so none disturbs another."""
    from dataplatform.local.fivetran.app import create_app

    with TestClient(create_app(tmp_path_factory.mktemp("state"), "k", "s")) as client:
        client.auth = ("k", "s")
        group = client.post("/v1/groups", json={"name": "local"}).json()["data"]["id"]
        body = connection_body(group, run_setup_tests=False)
        connection = client.post("/v1/connections", json=body).json()["data"]["id"]
        webhook = client.post("/v1/webhooks/account", json=HOOK).json()["data"]["id"]
        yield client, {"g": group, "c": connection, "w": webhook}


def everything(client: TestClient) -> list[Any]:
    paths = ("groups", "connections", "destinations", "webhooks", "local/faults", "local/limits")
    return [client.get(f"/v1/{path}").json() for path in paths]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "says"), CASES)
def test_misuse(
    world: tuple[TestClient, dict[str, str]],
    method: str,
    path: str,
    body: Any,
    status: int,
    code: str,
    says: str,
) -> None:
    client, names = world
    before = everything(client)
    answer = client.request(method, "/v1" + filled(path, names), json=filled(body, names))
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code), said
    assert says in said["message"]
    assert said["message"].endswith((".", "?")) or status in (404, 405)
    assert set(said) == {"code", "message"}
    assert everything(client) == before


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 100_000],
    ids=["open", "list", "text", "bytes", "no number", "half a sign", "deep"],
)
def test_bodies_that_are_no_objects(world: tuple[TestClient, dict[str, str]], raw: bytes) -> None:
    client, _ = world
    answer = client.post("/v1/groups", content=raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Bearer token",
        "Basic !!!",
        "Basic " + base64.b64encode(b"k:wrong").decode(),
        "Basic " + base64.b64encode(b"k").decode(),
        "Basic " + base64.b64encode(b"\xff" * 5_000).decode(),
    ],
    ids=["none", "half", "another kind", "no base64", "wrong", "no secret", "long"],
)
@pytest.mark.parametrize("path", ["/v1/groups", "/openapi.json", "/v1/local/faults", "/nothing"])
def test_bad_credentials(world: tuple[TestClient, dict[str, str]], header: str, path: str) -> None:
    client, _ = world
    answer = client.get(path, headers={"Authorization": header} if header else {}, auth=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "AuthFailed")
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_large_body_without_a_length(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(6):
            yield b" " * 1_000_000

    answer = client.post("/v1/groups", content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "RequestTooLarge")


def test_the_same_connection_made_at_the_same_time(client: TestClient, group: str) -> None:
    body = connection_body(group, run_setup_tests=False)
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(client.post("/v1/connections", json=body).status_code)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [201, 409, 409, 409]


def test_budgets(client: TestClient) -> None:
    assert "x-ratelimit-limit" not in client.get("/v1/groups").headers
    client.put("/v1/local/limits", json={"requests": 3, "setup_tests": 1})
    left = [client.get("/v1/groups").headers["x-ratelimit-remaining"] for _ in range(2)]
    assert left == ["2", "1"]
    assert client.post("/v1/connections/none/test").status_code == 404
    over = client.get("/v1/groups")
    assert (over.status_code, over.json()["code"]) == (429, "TooManyRequests")
    assert 1 <= int(over.headers["retry-after"]) <= 60
    assert over.headers["x-ratelimit-limit"] == "3"
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert client.get("/v1/local/limits").json()["data"]["requests"] == 3
    client.put("/v1/local/limits", json={"setup_tests": 1})
    assert client.get("/v1/groups").status_code == 200
    assert client.post("/v1/connections/none/test").status_code == 404
    assert client.post("/v1/connections/none/test").status_code == 429
    client.put("/v1/local/limits", json={})
    assert client.post("/v1/connections/none/test").status_code == 404
