"""Every path the service has: in the document, the same in both families, answered as it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform.local.fivetran.app import create_app
from dataplatform_tests.local.fivetran.conftest import connection_body

NEW, OLD = "/v1/connections", "/v1/connectors"
# What the API documents and connections as code calls.
NEEDED = """
GET,POST /v1/groups | GET,PATCH,DELETE /v1/groups/{} | GET /v1/groups/{}/connections
GET /v1/groups/{}/public-key | GET /v1/groups/{}/service-account
GET,POST /v1/destinations | GET,PATCH,DELETE /v1/destinations/{} | POST /v1/destinations/{}/test
GET,POST /v1/destinations/{}/certificates | GET,DELETE /v1/destinations/{}/certificates/{}
GET,POST /v1/destinations/{}/fingerprints | GET,DELETE /v1/destinations/{}/fingerprints/{}
GET,POST /v1/connections | GET,PATCH,DELETE /v1/connections/{} | POST /v1/connections/{}/sync
POST /v1/connections/{}/force | POST /v1/connections/{}/resync | GET /v1/connections/{}/state
POST /v1/connections/{}/test | POST /v1/connections/{}/schemas/tables/resync
GET,PATCH /v1/connections/{}/schemas | POST /v1/connections/{}/schemas/reload
PATCH /v1/connections/{}/schemas/{} | PATCH /v1/connections/{}/schemas/{}/tables/{}
GET,PATCH /v1/connections/{}/schemas/{}/tables/{}/columns
PATCH /v1/connections/{}/schemas/{}/tables/{}/columns/{}
GET,POST /v1/connections/{}/certificates | GET,DELETE /v1/connections/{}/certificates/{}
GET,POST /v1/connections/{}/fingerprints | GET,DELETE /v1/connections/{}/fingerprints/{}
GET /v1/metadata/connector-types | GET /v1/metadata/connector-types/{} | GET /v1/users
GET /v1/webhooks | POST /v1/webhooks/account | POST /v1/webhooks/group/{}
GET,PATCH,DELETE /v1/webhooks/{} | POST /v1/webhooks/{}/test
GET /v1/local/connections/{}/syncs | POST,DELETE /v1/local/faults
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[tuple[str, str]], Any]:
    """Every method and path that is routed, and the document that is served."""
    app = create_app(tmp_path_factory.mktemp("state"), "k", "s")
    with TestClient(app) as client:
        document = client.get("/openapi.json", auth=("k", "s")).json()
    found: set[tuple[str, str]] = set()
    for route in app.routes:
        # FastAPI keeps an included router whole, with its routes inside.
        inner = getattr(route, "effective_candidates", None)
        for one in inner() if callable(inner) else [route]:
            if one.path != "/openapi.json":
                found |= {(m, _plain(one.path)) for m in one.methods if m != "HEAD"}
    return found, document


def _plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_every_route_is_in_the_document(served: tuple[set[tuple[str, str]], Any]) -> None:
    routed, document = served
    told = {
        (method.upper(), _plain(path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert len(routed) > 80
    assert routed == told
    assert document["security"] == [{"basic": []}]


def test_all_that_is_needed_is_served(served: tuple[set[tuple[str, str]], Any]) -> None:
    routed, _ = served
    for line in re.split(r"[|\n]", NEEDED.strip()):
        methods, path = line.split()
        for method in methods.split(","):
            assert (method, path) in routed, line


def test_both_families_have_the_same_routes(served: tuple[set[tuple[str, str]], Any]) -> None:
    routed, _ = served
    new = {(m, p.removeprefix(NEW)) for m, p in routed if p.startswith(NEW)}
    old = {(m, p.removeprefix(OLD)) for m, p in routed if p.startswith(OLD)}
    assert new == old
    assert len(new) > 25


def test_the_document_describes_bodies_and_refusals(
    served: tuple[set[tuple[str, str]], Any],
) -> None:
    _, document = served
    create = document["paths"][NEW]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"group_id", "service"}
    assert body["properties"]["sync_frequency"]["enum"][-1] == 1440
    assert {"201", "400", "401", "404", "409", "429"} <= set(create["responses"])
    assert document["paths"]["/health"]["get"]["security"] == []


def test_what_a_connection_shows(client: TestClient, group: str) -> None:
    body = connection_body(
        group,
        run_setup_tests=False,
        sync_frequency=1440,
        daily_sync_time="14:00",
        data_delay_sensitivity="CUSTOM",
        data_delay_threshold=120,
        networking_method="ProxyAgent",
        proxy_agent_id="agent",
        auth={"client_access": {"client_secret": "hidden"}},
    )
    made = client.post(NEW, json=body)
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["daily_sync_time"], data["data_delay_threshold"]) == ("14:00", 120)
    assert (data["networking_method"], data["proxy_agent_id"]) == ("ProxyAgent", "agent")
    assert data["auth"] == {"client_access": {"client_secret": "******"}}
    assert data["status"]["setup_state"] == "incomplete"
    assert data["status"]["sync_state"] == "scheduled"
    assert "hidden" not in made.text
    path = f"{NEW}/{data['id']}"
    hourly = client.patch(path, json={"sync_frequency": 60}).json()["data"]
    assert hourly["daily_sync_time"] is None
    listed = client.get(NEW, params={"group_id": group, "schema": "raw"}).json()["data"]["items"]
    assert [item["id"] for item in listed] == [data["id"]]
    assert client.get(NEW, params={"schema": "other"}).json()["data"]["items"] == []
    assert client.get(f"{path}/state").json()["data"] == {"state": {}}


def test_a_list_goes_on_although_items_went_meanwhile(client: TestClient) -> None:
    ids = [client.post("/v1/groups", json={"name": f"g{n}"}).json()["data"]["id"] for n in range(4)]
    first = client.get("/v1/groups", params={"limit": 2}).json()["data"]
    client.delete(f"/v1/groups/{ids[1]}")
    second = client.get("/v1/groups", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [g["id"] for g in second.json()["data"]["items"]] == ids[2:]
    assert "next_cursor" not in second.json()["data"]


def test_metadata_users_and_keys(client: TestClient, group: str) -> None:
    kinds = client.get("/v1/metadata/connector-types", params={"limit": 2}).json()["data"]
    assert len(kinds["items"]) == 2
    assert kinds["next_cursor"]
    postgres = client.get("/v1/metadata/connector-types/postgres").json()["data"]
    assert postgres["config"]["properties"]["password"] == {"format": "password"}
    assert "schema_prefix" in postgres["config"]["required"]
    user = client.get("/v1/users").json()["data"]["items"][0]
    assert client.get(f"/v1/users/{user['id']}").json()["data"] == user
    assert client.get(f"/v1/groups/{group}/users").json()["data"]["items"] == [user]
    key = client.get(f"/v1/groups/{group}/public-key").json()["data"]["public_key"]
    assert key.startswith("ssh-ed25519 AAAA")
    assert client.get(f"/v1/groups/{group}/public-key").json()["data"]["public_key"] == key
    account = client.get(f"/v1/groups/{group}/service-account").json()["data"]
    assert account["service_account"].endswith("gserviceaccount.com")
    assert client.get("/v1/account/info").json()["data"]["account_id"] == "local"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json;version=2", 200),
        ("application/json; version=1", 200),
        ("text/html, application/json;q=0.9, */*;q=0.8", 200),
        ("application/json;version=3", 406),
        ("text/html", 406),
    ],
)
def test_versions_of_the_api(client: TestClient, accept: str, status: int) -> None:
    answer = client.get("/v1/groups", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.json()["code"] == ("Success" if status == 200 else "NotAcceptable")


def test_webhooks_trust_and_switches_survive_a_restart(tmp_path: Path) -> None:
    hook = {"url": "https://example.invalid/x", "events": ["sync_end"], "active": False}
    with TestClient(create_app(tmp_path, "k", "s")) as first:
        first.auth = ("k", "s")
        group = first.post("/v1/groups", json={"name": "g"}).json()["data"]["id"]
        made = first.post("/v1/webhooks/account", json={**hook, "secret": "hidden"})
        first.put(f"/v1/local/groups/{group}/platform-log", json={"enabled": False})
    with TestClient(create_app(tmp_path, "k", "s")) as second:
        second.auth = ("k", "s")
        held = second.get(f"/v1/webhooks/{made.json()['data']['id']}").json()["data"]
        assert held == made.json()["data"]
        assert held["secret"] == "******"
