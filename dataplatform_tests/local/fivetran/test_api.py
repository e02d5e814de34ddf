"""What the service answers: authentication, envelope, paging, both path families, states."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform.local.fivetran.app import create_app
from dataplatform.local.fivetran.store import UNREAD, Store, later_than
from dataplatform_tests.local.fivetran.conftest import connection_body


def test_health_needs_no_credentials_and_all_else_does(client: TestClient) -> None:
    client.auth = None
    assert client.get("/health").status_code == 200
    for header in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"k:wrong").decode()},
    ):
        answer = client.get("/v1/groups", headers=header)
        assert answer.status_code == 401
        assert answer.json()["code"] == "AuthFailed"
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.get("/docs").status_code == 401


def test_groups_and_destinations(client: TestClient, group: str, tmp_path: Path) -> None:
    assert client.get(f"/v1/groups/{group}").json()["data"]["name"] == "local"
    again = client.post("/v1/groups", json={"name": "local"})
    assert (again.status_code, again.json()["code"]) == (409, "Conflict")
    body = {"group_id": group, "service": "duckdb", "config": {"path": str(tmp_path / "w.duckdb")}}
    made = client.post("/v1/destinations", json=body)
    assert made.status_code == 201
    assert made.json()["data"]["id"] == group
    assert made.json()["data"]["setup_status"] == "connected"
    assert client.get(f"/v1/destinations/{group}").json()["data"]["service"] == "duckdb"
    assert client.patch(f"/v1/groups/{group}", json={"name": "other"}).status_code == 200
    assert client.delete(f"/v1/groups/{group}").status_code == 200
    assert client.get(f"/v1/groups/{group}").json()["code"] == "NotFound_Group"
    assert client.get(f"/v1/destinations/{group}").status_code == 404


def test_both_path_families_show_the_same(client: TestClient, group: str, connection: str) -> None:
    new = client.get(f"/v1/connections/{connection}").json()
    assert new == client.get(f"/v1/connectors/{connection}").json()
    assert new["data"]["config"]["password"] == "******"
    assert new["data"]["schema"] == "raw"
    for path in ("connections", "connectors"):
        assert len(client.get(f"/v1/{path}").json()["data"]["items"]) == 1
        assert len(client.get(f"/v1/groups/{group}/{path}").json()["data"]["items"]) == 1
    assert client.delete(f"/v1/connectors/{connection}").status_code == 200
    assert client.get(f"/v1/connections/{connection}").json()["code"] == "NotFound_Connection"


def test_lists_come_in_pages(client: TestClient, group: str) -> None:
    for number in range(5):
        body = connection_body(group, run_setup_tests=False)
        body["config"]["schema_prefix"] = f"raw_{number}"
        assert client.post("/v1/connections", json=body).status_code == 201
    seen, cursor = [], None
    while True:
        parameters = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        data = client.get(f"/v1/groups/{group}/connections", params=parameters).json()["data"]
        seen += [item["schema"] for item in data["items"]]
        cursor = data.get("next_cursor")
        if cursor is None:
            break
    assert seen == [f"raw_{number}" for number in range(5)]


def test_patch_keeps_masked_secrets_and_the_schedule(client: TestClient, connection: str) -> None:
    path = f"/v1/connections/{connection}"
    change = {"paused": True, "sync_frequency": 60, "config": {"password": "******"}}
    data = client.patch(path, json=change | {"run_setup_tests": False}).json()["data"]
    assert (data["paused"], data["sync_frequency"]) == (True, 60)
    assert data["status"]["sync_state"] == "paused"
    assert client.patch(path, json={"schedule_type": "manual"}).json()["code"] == "Success"
    answer = client.post(f"{path}/sync", json={"force": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "Conflict")
    assert "is paused" in answer.json()["message"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sync_frequency": 7}, "'sync_frequency' must be one of"),
        ({"sync_frequency": True}, "'sync_frequency' must be an integer"),
        ({"schedule_type": "hourly"}, "'schedule_type' must be one of auto, manual"),
        ({"paused": "yes"}, "'paused' must be true or false"),
        ({"config": []}, "'config' must be an object"),
        ({"config": {"schema_prefix": "elsewhere"}}, "cannot be changed"),
    ],
)
def test_impossible_changes_are_refused_and_change_nothing(
    client: TestClient, connection: str, change: dict[str, Any], says: str
) -> None:
    path = f"/v1/connections/{connection}"
    before = client.get(path).json()
    answer = client.patch(path, json={"paused": True, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert says in answer.json()["message"]
    assert client.get(path).json() == before


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"service": "postgress"}, 400, "Did you mean 'postgres'?"),
        ({"config": {}}, 400, "'config.schema_prefix' is missing"),
        ({"config": "x"}, 400, "'config' must be an object"),
        ({"group_id": "nowhere"}, 404, "Cannot find group with id 'nowhere'"),
    ],
)
def test_impossible_connections_are_refused(
    client: TestClient, group: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post("/v1/connections", json=connection_body(group) | body)
    assert answer.status_code == status
    assert says in answer.json()["message"]


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff"])
def test_bodies_that_are_no_objects(client: TestClient, raw: bytes) -> None:
    answer = client.post("/v1/groups", content=raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")


def test_unknown_paths_and_bad_paging(client: TestClient) -> None:
    assert client.get("/v1/nothing").json()["code"] == "NotFound"
    assert client.put("/v1/groups").json()["code"] == "MethodNotAllowed"
    assert client.get("/v1/groups?limit=0").json()["code"] == "InvalidInput"
    assert client.get("/v1/groups?limit=x").json()["code"] == "InvalidInput"
    assert client.get("/v1/groups?cursor=x").json()["code"] == "InvalidInput"
    assert client.post("/v1/groups", content=b"x" * 5_000_001).status_code == 413


def test_unreachable_source_is_told_without_its_secret(client: TestClient, group: str) -> None:
    data = client.post("/v1/connections", json=connection_body(group)).json()["data"]
    assert data["status"]["setup_state"] == "incomplete"
    assert "cannot be reached" in data["status"]["tasks"][0]["message"]
    path = f"/v1/connections/{data['id']}"
    assert client.get(f"{path}/schemas").json()["code"] == "NotFound_SchemaConfig"
    assert client.post(f"{path}/schemas/reload").status_code == 400
    assert client.post(f"{path}/sync").status_code == 409
    assert "pass-word" not in client.get(path).text


def test_state_survives_a_restart_and_an_interrupted_sync_has_failed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with TestClient(create_app(state, "k", "s")) as first:
        first.auth = ("k", "s")
        group = first.post("/v1/groups", json={"name": "g"}).json()["data"]["id"]
        body = connection_body(group, run_setup_tests=False)
        identifier = first.post("/v1/connections", json=body).json()["data"]["id"]
    store = Store(state)
    store.start_sync(identifier, {"status": "SYNCING", "started_at": "x"})
    store.close()
    with TestClient(create_app(state, "k", "s")) as second:
        second.auth = ("k", "s")
        data = second.get(f"/v1/connections/{identifier}").json()["data"]
        assert data["failed_at"] is not None
        assert data["status"]["tasks"][0]["code"] == "interrupted"
        syncs = second.get(f"/v1/local/connections/{identifier}/syncs").json()["data"]["items"]
        assert [sync["status"] for sync in syncs] == ["FAILED"]
    assert oct((state / "service.sqlite").stat().st_mode)[-3:] == "600"


def test_times_strictly_increase() -> None:
    future = "2999-01-01T00:00:00.000000Z"
    assert later_than(future, None) == "2999-01-01T00:00:00.000001Z"


def test_an_outline_leaves_out_the_tables_and_is_not_put_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tables: dict[str, Any] = {"schemas": {"public": {"tables": {}}}}
    whole = store.put("connection", {"id": "a", "paused": False, "schema_config": tables})
    store.put("connection", {"id": "b", "paused": True, "schema_config": None})
    assert store.every("connection")[0] == store.get("connection", "a") == whole
    outlines = store.outlines("connection")
    assert [held["schema_config"] for held in outlines] == [UNREAD, None]
    assert [held["paused"] for held in outlines] == [False, True]
    with pytest.raises(ValueError, match="outline"):
        store.put("connection", outlines[0])
    store.change("connection", "a", lambda held: held.update(schema_config=None))
    assert store.outlines("connection")[0]["schema_config"] is None


def test_a_state_folder_of_an_older_service_is_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "service.sqlite")) as old:
        old.execute(
            "CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, "
            "position INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id))"
        )
        body = '{"id": "a", "schema_config": {"schemas": {}}}'
        old.execute("INSERT INTO documents VALUES ('connection', 'a', 1, ?)", [body])
        old.commit()
    store = Store(tmp_path)
    held = store.get("connection", "a")
    assert held == {"id": "a", "schema_config": {"schemas": {}}}
    store.put("connection", held)
    assert store.outlines("connection") == [{"id": "a", "schema_config": UNREAD}]
    assert store.get("connection", "a") == held
