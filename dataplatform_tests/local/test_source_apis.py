"""The CRM's and the community site's APIs, over HTTP, from real server processes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dataplatform_tests.servers import Servers

pytestmark = pytest.mark.slow

QUERY = "/services/data/v60.0/queryAll"


@pytest.fixture
def crm(servers: Servers) -> Iterator[httpx.Client]:
    entry = servers.services["crm"]
    with httpx.Client(base_url=entry["url"]) as client:
        answer = client.post("/services/oauth2/token", data=_log_in(entry))
        assert answer.json()["instance_url"] == entry["url"]
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def _log_in(entry: dict[str, Any], **changed: str) -> dict[str, str]:
    names = ("client_id", "client_secret", "username", "password")
    return {"grant_type": "password", **{name: entry[name] for name in names}, **changed}


@pytest.fixture
def community(servers: Servers, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    # Each test is a client of its own, so that their requests are counted apart.
    agent = {"User-Agent": f"{request.node.name} {time.time_ns()}"}
    with httpx.Client(base_url=servers.services["community"]["url"], headers=agent) as client:
        yield client


def _read_all(crm: httpx.Client, query: str) -> list[dict[str, Any]]:
    page = crm.get(QUERY, params={"q": query}).raise_for_status().json()
    records = page["records"]
    while not page["done"]:
        assert len(page["records"]) == 2_000
        page = crm.get(page["nextRecordsUrl"]).raise_for_status().json()
        records += page["records"]
    assert len(records) == page["totalSize"]
    return list(records)


def test_an_object_is_read_page_by_page(
    servers: Servers, crm: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi.testclient import TestClient

    from dataplatform.local.sources import crm as module
    from dataplatform.local.sources import crm_store

    whole = _read_all(crm, "SELECT Id, SystemModstamp FROM Contact")
    monkeypatch.setattr(module, "PAGE", 7)
    entry = servers.services["crm"]
    sessions = module.Sessions(*(entry[n] for n in ("client_id", "client_secret", "username")), "p")
    app = module.build_app(crm_store.file_in(servers.project.state / "crm"), sessions)
    small = TestClient(app)
    token = small.post("/services/oauth2/token", data=_log_in(entry, password="p")).json()
    small.headers["Authorization"] = f"Bearer {token['access_token']}"
    page = small.get(QUERY, params={"q": "SELECT Id, SystemModstamp FROM Contact"}).json()
    read, pages = page["records"], 1
    while not page["done"]:
        page = small.get(page["nextRecordsUrl"]).json()
        read, pages = read + page["records"], pages + 1
    assert read == whole
    assert pages == -(-len(whole) // 7)
    stamps = [(r["SystemModstamp"], r["Id"]) for r in whole]
    assert stamps == sorted(stamps)


def test_records_look_like_salesforce(crm: httpx.Client) -> None:
    record = crm.get(
        QUERY, params={"q": "SELECT Id, Email, IsDeleted, Birthdate FROM Contact LIMIT 1"}
    ).json()["records"][0]
    assert set(record) == {"attributes", "Id", "Email", "IsDeleted", "Birthdate"}
    assert record["attributes"]["type"] == "Contact"
    assert len(record["Id"]) == 18
    assert record["IsDeleted"] in (True, False)


def test_deleted_records_come_with_query_all_alone(crm: httpx.Client) -> None:
    counted = {"q": "SELECT COUNT() FROM Lead"}
    everything = crm.get(QUERY, params=counted).json()["totalSize"]
    kept = crm.get(QUERY.removesuffix("All"), params=counted).json()["totalSize"]
    deleted = _read_all(crm, "SELECT Id FROM Lead WHERE IsDeleted = true")
    assert kept == everything - len(deleted)


def test_an_object_describes_its_fields(crm: httpx.Client) -> None:
    described = crm.get("/services/data/v60.0/sobjects/Contact/describe").json()
    types = {field["name"]: field["type"] for field in described["fields"]}
    assert types["Birthdate"] == "date"
    assert types["SystemModstamp"] == "datetime"
    assert types["Id"] == "id"
    assert crm.get("/services/data/v60.0/sobjects/Nope/describe").status_code == 404


def test_without_a_session_nothing_is_told(crm: httpx.Client) -> None:
    crm.headers["Authorization"] = "Bearer stale"
    for path in (QUERY, "/services/data/v60.0/sobjects/Lead/describe", f"{QUERY}/abc"):
        answer = crm.get(path, params={"q": "SELECT Id FROM Lead"})
        assert answer.status_code == 401
        assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "username", "password"])
def test_wrong_credentials_are_refused(servers: Servers, crm: httpx.Client, wrong: str) -> None:
    form = _log_in(servers.services["crm"], **{wrong: "guess"})
    assert crm.post("/services/oauth2/token", data=form).status_code == 400


@pytest.mark.parametrize(
    "place",
    [
        "nonsense",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b'{"q": "SELECT Id FROM Lead"}').decode(),
        base64.urlsafe_b64encode(
            json.dumps({"q": "SELECT Id FROM Lead", "after": ["x"], "seen": 0, "total": 1}).encode()
        ).decode(),
    ],
)
def test_a_made_up_page_is_refused(crm: httpx.Client, place: str) -> None:
    answer = crm.get(f"{QUERY}/{place}")
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_query_that_is_wrong_says_so(crm: httpx.Client) -> None:
    answer = crm.get(QUERY, params={"q": "SELECT Nope FROM Lead"})
    assert answer.status_code == 400
    assert answer.json() == [
        {"errorCode": "INVALID_FIELD", "message": "No such column 'Nope' on entity 'Lead'."}
    ]


def test_lists_come_in_pages_with_a_total_and_links(community: httpx.Client) -> None:
    answer = community.get("/posts", params={"_page": 1, "_limit": 20})
    total = int(answer.headers["X-Total-Count"])
    read = answer.json()
    while "next" in answer.links:
        answer = community.get(answer.links["next"]["url"])
        read += answer.json()
    assert len(read) == total
    assert [post["id"] for post in read] == list(range(1, total + 1))
    assert set(read[0]) == {"userId", "id", "title", "body"}


def test_a_page_holds_ten_and_never_more_than_five_hundred(community: httpx.Client) -> None:
    assert len(community.get("/comments").json()) == 10
    many = community.get("/comments", params={"_limit": 100_000})
    assert "_limit=500" in many.headers["Link"]
    assert len(many.json()) <= 500


def test_a_page_after_the_last_is_empty(community: httpx.Client) -> None:
    answer = community.get("/users", params={"_page": 10_000})
    assert answer.json() == []
    assert "next" not in answer.links


def test_nested_documents_and_their_comments(community: httpx.Client) -> None:
    user = community.get("/users/1").json()
    assert set(user["address"]) == {"street", "suite", "city", "zipcode", "geo"}
    assert set(user["company"]) == {"name", "catchPhrase", "bs"}
    comments = community.get("/comments", params={"postId": 1, "_limit": 500}).json()
    assert all(comment["postId"] == 1 for comment in comments)
    assert community.get("/users/999999").status_code == 404
    assert community.get("/passwords").status_code == 404


def test_an_unchanged_page_is_not_sent_again(community: httpx.Client) -> None:
    first = community.get("/users", params={"_page": 1})
    again = community.get(
        "/users", params={"_page": 1}, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    other = community.get(
        "/users", params={"_page": 2}, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert other.status_code == 200


def test_every_fiftieth_request_is_told_to_wait(community: httpx.Client) -> None:
    answers = [community.get("/users/1") for _ in range(101)]
    refused = [i for i, answer in enumerate(answers, 1) if answer.status_code == 429]
    assert refused == [50, 100]
    assert answers[49].headers["Retry-After"] == "1"


@pytest.mark.parametrize("query", ["_page=0", "_page=x", "_limit=0", "_limit=-1"])
def test_impossible_pages_are_refused(community: httpx.Client, query: str) -> None:
    assert community.get(f"/users?{query}").status_code == 422
