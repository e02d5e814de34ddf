"""What goes wrong between the service and Salesforce's API: sessions, cursors, limits, fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from dataplatform.local.fivetran import schema_config
from dataplatform.local.fivetran.model import SyncFailure, SyncRescheduled, Table
from dataplatform.local.fivetran.services import salesforce_api
from dataplatform.local.fivetran.services.salesforce import SalesforceService
from dataplatform.local.fivetran.services.salesforce_api import SalesforceApi

CONFIG = {
    "domain": "http://crm.test",
    "client_id": "id",
    "client_secret": "secret",
    "username": "user",
    "password": "a-password",
}
PAGE = 3
Answer = httpx.Response
Fault = Callable[[str], Answer | None]


def error(status: int, code: str, message: str = "said so") -> Answer:
    return Answer(status, json=[{"errorCode": code, "message": message}])


class Org:
    """An organisation with one object, told at the level of its answers."""

    def __init__(self) -> None:
        self.fields = [
            {"name": "Id", "type": "id"},
            {"name": "Name", "type": "string"},
            {"name": "Score__c", "type": "double", "calculated": True},
            {"name": "MailingAddress", "type": "address"},
            {"name": "MailingCity", "type": "string"},
            {"name": "Photo", "type": "base64"},
            {"name": "IsDeleted", "type": "boolean"},
            {"name": "SystemModstamp", "type": "datetime"},
        ]
        self.records = [self.record(number) for number in range(8)]
        self.asked: list[str] = []
        self.logins = 0
        self.token = ""
        # Each is asked before an answer is given and may give its own.
        self.faults: list[Fault] = []

    def record(self, number: int, **more: Any) -> dict[str, Any]:
        stamp = f"2025-01-{number + 1:02}T00:00:00.000+0000"
        return {"Id": f"00{number}", "Name": f"N{number}", "MailingCity": None,
                "IsDeleted": number == 7, "SystemModstamp": stamp, **more}  # fmt: skip

    def request(self, method: str, url: str, **options: Any) -> Answer:
        parts = urlsplit(url)
        path = parts.path.removeprefix("/services/")
        self.asked.append(path)
        for fault in list(self.faults):
            answer = fault(path)
            if answer is not None:
                return answer
        if path == "oauth2/token":
            self.logins += 1
            self.token = f"token {self.logins}"
            return Answer(200, json={"access_token": self.token, "instance_url": "http://in.test"})
        if options["headers"]["Authorization"] != f"Bearer {self.token}":
            return error(401, "INVALID_SESSION_ID")
        path = path.removeprefix("data/v60.0/")
        if path == "sobjects":
            return Answer(
                200, json={"sobjects": [{"name": "Contact"}, {"name": "X", "queryable": False}]}
            )
        if path.endswith("/describe"):
            return Answer(200, json={"fields": self.fields})
        begin = 0
        if path.startswith("queryAll/"):
            begin = int(path.rpartition("/")[2])
        else:
            self.soql = parse_qs(parts.query)["q"][0]
        records = self.records[begin : begin + PAGE]
        done = begin + PAGE >= len(self.records)
        body: dict[str, Any] = {"totalSize": len(self.records), "done": done, "records": records}
        if not done:
            body["nextRecordsUrl"] = f"/services/data/v60.0/queryAll/{begin + PAGE}"
        return Answer(200, json=body)


def once(path: str, *answers: Answer | Exception) -> Fault:
    """Give each answer once, where a path begins so."""
    waiting = list(answers)

    def fault(asked: str) -> Answer | None:
        if not waiting or not asked.startswith(path):
            return None
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fault


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Iterator[Org]:
    made = Org()
    monkeypatch.setattr(httpx, "request", made.request)
    monkeypatch.setattr(salesforce_api.time, "sleep", lambda _: None)
    yield made


def read(org: Org, folder: Path, cursor: dict[str, Any] | None = None) -> tuple[Table, list[Any]]:
    """Discover and extract; return the table and the records that would land."""
    import duckdb

    service = SalesforceService("raw_salesforce", CONFIG)
    offered = service.discover()
    (table,) = schema_config.selected(schema_config.merged(None, offered), offered)
    service.extract([table], {table.label: cursor} if cursor else {}, folder)
    return table, duckdb.sql(f"FROM ({service._select(table)}) ORDER BY id").fetchall()


QUERY, NEXT = "data/v60.0/queryAll", "data/v60.0/queryAll/"


@pytest.mark.parametrize(
    "fault",
    [
        once(NEXT, error(401, "INVALID_SESSION_ID")),
        once(NEXT, error(400, "INVALID_QUERY_LOCATOR")),
        once(NEXT, Answer(404)),
        once(NEXT + "6", error(400, "INVALID_QUERY_LOCATOR"), error(400, "INVALID_QUERY_LOCATOR")),
        once(NEXT, error(503, "SERVER_UNAVAILABLE"), error(503, "SERVER_UNAVAILABLE")),
        once(NEXT, Answer(429, headers={"Retry-After": "1"}), Answer(500)),
        once(NEXT, httpx.ReadTimeout("slow"), httpx.ConnectError("reset")),
        once("oauth2", Answer(503)),
    ],
)
def test_passing_faults_lose_and_double_nothing(org: Org, tmp_path: Path, fault: Fault) -> None:
    org.faults.append(fault)
    _, rows = read(org, tmp_path)
    assert [row[0] for row in rows] == [record["Id"] for record in org.records]


def test_an_expired_session_goes_on_at_the_page_where_it_was(org: Org, tmp_path: Path) -> None:
    org.faults.append(once(NEXT + "3", error(401, "INVALID_SESSION_ID")))
    read(org, tmp_path)
    assert org.logins == 2
    assert [path[len(NEXT) :] for path in org.asked if path.startswith(QUERY)] == [
        "",
        "3",
        "3",
        "6",
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (error(400, "INVALID_QUERY_LOCATOR"), "lost the pages of a query 3 times"),
        (error(401, "INVALID_SESSION_ID", "Session expired"), "refuses .*: Session expired"),
        (Answer(503), "refuses .*: HTTP 503"),
        (error(400, "INVALID_FIELD", "No such column"), "No such column"),
        (Answer(200, text="<html>"), "is not the JSON it documents"),
        (Answer(200, json={"done": True}), "is not the JSON it documents"),
        (Answer(200, json={"done": False, "records": []}), "does not say where"),
    ],
)
def test_lasting_faults_end_in_a_sentence(
    org: Org, tmp_path: Path, answer: Answer, sentence: str
) -> None:
    org.faults.append(lambda path: answer if path.startswith(NEXT) else None)
    with pytest.raises(SyncFailure, match=sentence) as failed:
        read(org, tmp_path)
    assert "a-password" not in str(failed.value)
    assert len(org.asked) < 30


def test_used_up_requests_put_the_sync_off(org: Org, tmp_path: Path) -> None:
    org.faults.append(once(QUERY, error(403, "REQUEST_LIMIT_EXCEEDED")))
    with pytest.raises(SyncRescheduled, match="has answered all requests") as put_off:
        read(org, tmp_path)
    assert put_off.value.seconds == 3600


def test_a_log_in_without_a_token(org: Org) -> None:
    org.faults.append(once("oauth2", Answer(200, json={})))
    with pytest.raises(SyncFailure, match="answered the log-in"):
        SalesforceApi(CONFIG).log_in()


def test_formulas_and_compound_fields_are_left_out(org: Org, tmp_path: Path) -> None:
    table, _ = read(org, tmp_path)
    assert [column.source for column in table.columns] == [
        "Id", "Name", "MailingCity", "IsDeleted", "SystemModstamp"
    ]  # fmt: skip
    assert table.deleted_by == "is_deleted"
    assert "Score__c" not in org.soql


def test_a_new_field_reads_every_record_again(org: Org, tmp_path: Path) -> None:
    table, _ = read(org, tmp_path)
    cursor = {"mark": "2025-01-08T00:00:00+00:00", "signature": table.signature}
    read(org, tmp_path, cursor)
    assert "WHERE SystemModstamp > 2025-01-07T23:50:00.000Z" in org.soql
    org.fields.append({"name": "Nick__c", "type": "string"})
    org.records[0]["Nick__c"] = "Ann"
    table, rows = read(org, tmp_path, cursor)
    assert "WHERE" not in org.soql
    assert table.columns[-1].name == "nick_c"
    assert rows[0][-1] == "Ann"


def test_a_record_that_moves_to_a_later_page_counts_once(org: Org, tmp_path: Path) -> None:
    org.records.append(org.record(1, Name="changed", SystemModstamp="2025-02-01T00:00:00.000Z"))
    _, rows = read(org, tmp_path)
    assert len(rows) == 8
    assert rows[1][:2] == ("001", "changed")


def test_the_mark_never_goes_back(org: Org, tmp_path: Path) -> None:
    service = SalesforceService("raw_salesforce", CONFIG)
    (table,) = service.discover()
    later = {"mark": "2026-01-01T00:00:00+00:00", "signature": table.signature}
    service.extract([table], {table.label: later}, tmp_path)
    assert service._marks[table.label] == later["mark"]
    org.records.clear()
    service.extract([table], {table.label: later}, tmp_path)
    assert service._marks[table.label] == later["mark"]
    assert json.loads((tmp_path / "0.jsonl").read_text() or "null") is None
