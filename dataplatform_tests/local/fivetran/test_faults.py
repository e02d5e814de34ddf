"""Misfortune on request: each kind strikes what it should, as often as it should, and no more."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform.local.fivetran.faults import Fault, Faults


def ask(client: TestClient, **fault: Any) -> None:
    assert client.post("/v1/local/faults", json=[fault]).status_code == 201


def test_a_budget_that_is_exhausted(client: TestClient) -> None:
    ask(client, kind="rate_limit", match="GET /v1/groups$", times=2, seconds=7)
    assert client.get("/v1/connections").status_code == 200
    for _ in range(2):
        answer = client.get("/v1/groups")
        assert (answer.status_code, answer.json()["code"]) == (429, "TooManyRequests")
        assert answer.headers["retry-after"] == "7"
    assert client.get("/v1/groups").status_code == 200
    assert client.get("/v1/local/faults").json()["data"]["items"] == []


def test_an_error_of_the_service_changes_nothing(client: TestClient) -> None:
    ask(client, kind="error_500", match="POST /v1/groups")
    answer = client.post("/v1/groups", json={"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "InternalServerError")
    assert client.get("/v1/groups").json()["data"]["items"] == []


def test_a_slow_answer(client: TestClient) -> None:
    ask(client, kind="slow", seconds=0.3)
    before = time.monotonic()
    assert client.get("/v1/groups").status_code == 200
    assert time.monotonic() - before >= 0.3


def test_an_answer_cut_in_the_middle(client: TestClient) -> None:
    ask(client, kind="malformed")
    answer = client.get("/v1/groups")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert client.get("/v1/groups").json()["code"] == "Success"


def test_paging_that_never_ends(client: TestClient) -> None:
    for name in ("a", "b", "c"):
        client.post("/v1/groups", json={"name": name})
    ask(client, kind="broken_paging", for_ever=True)
    cursor, seen = None, []
    for _ in range(10):
        parameters = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        data = client.get("/v1/groups", params=parameters).json()["data"]
        seen += [item["name"] for item in data["items"]]
        cursor = data["next_cursor"]
    assert seen[1:] == [seen[1]] * 9
    client.delete("/v1/local/faults")
    assert "next_cursor" not in client.get("/v1/groups").json()["data"]


def test_a_clock_that_is_wrong(client: TestClient, group: str) -> None:
    path = f"/v1/groups/{group}"
    right = datetime.fromisoformat(client.get(path).json()["data"]["created_at"])
    ask(client, kind="clock_skew", seconds=-90)
    wrong = datetime.fromisoformat(client.get(path).json()["data"]["created_at"])
    assert right - wrong == timedelta(seconds=90)
    assert datetime.fromisoformat(client.get(path).json()["data"]["created_at"]) == right


def test_faults_spare_the_way_out(client: TestClient) -> None:
    ask(client, kind="error_500", for_ever=True)
    assert client.get("/v1/groups").status_code == 500
    assert client.get("/health").status_code == 200
    waiting = client.get("/v1/local/faults").json()["data"]["items"]
    assert waiting == [{"match": "", "kind": "error_500", "times": None, "seconds": 1.0}]
    assert client.delete("/v1/local/faults").status_code == 200
    assert client.get("/v1/groups").status_code == 200


def test_one_impossible_fault_and_none_is_taken(client: TestClient) -> None:
    answer = client.post("/v1/local/faults", json=[{"kind": "slow"}, {"kind": "quick"}])
    assert answer.status_code == 400
    assert client.get("/v1/local/faults").json()["data"]["items"] == []


def test_faults_of_syncs_are_taken_by_kind_and_subject() -> None:
    faults = Faults()
    faults.add(Fault("abc", "reschedule", 2, 5))
    faults.add(Fault("", "fail_half_way"))
    assert faults.take("reschedule", "xyz") is None
    assert faults.take_any(("slow", "reset"), "abc") is None
    assert [faults.take("reschedule", "abc") is not None for _ in range(3)] == [True, True, False]
    assert faults.take("fail_half_way", "anything") == Fault("", "fail_half_way")
    assert faults.waiting() == []
    for wrong in (Fault("", "slow", 1, -1), Fault("", "slow", 1, float("nan"))):
        with pytest.raises(ValueError, match="seconds"):
            faults.add(wrong)
