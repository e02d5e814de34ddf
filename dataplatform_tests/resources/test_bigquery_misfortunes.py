"""What goes wrong with BigQuery: one clear sentence, tried again where that helps, no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.auth import exceptions as auth
from google.oauth2 import service_account

from dataplatform import bigquery_jobs
from dataplatform.declarations.errors import UserError
from dataplatform.local.bigquery import _account
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted

TOKEN = "ya29.hush-hush"
SETTINGS = {
    "type": "bigquery", "project": "acme", "location": "EU", "token": TOKEN,
    "maximum_bytes_billed": 1000,
}  # fmt: skip
Script = Callable[[Request], Answer]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def _refused(status: int, reason: str, words: str) -> Answer:
    error = {"code": status, "message": words, "errors": [{"reason": reason, "message": words}]}
    return Answer({"error": error}, status)


def _done(request: Request) -> Answer:
    """Answer as a query of one row does."""
    fields = {"fields": [{"name": "n", "type": "INTEGER"}]}
    number = (request.body or {}).get("jobReference", {}).get("jobId", "j")
    reference = {"projectId": "acme", "jobId": number, "location": "EU"}
    if request.method == "POST":
        table = {"projectId": "acme", "datasetId": "_anon", "tableId": "t"}
        return Answer({
            "jobReference": reference, "status": {"state": "DONE"},
            "configuration": {"query": {"query": "select 1", "destinationTable": table}},
            "statistics": {"query": {"statementType": "SELECT"}},
        })  # fmt: skip
    rows = [{"f": [{"v": "1"}]}]
    return Answer({"jobReference": reference, "jobComplete": True, "schema": fields,
                   "rows": rows, "totalRows": "1"})  # fmt: skip


def _failed(request: Request, reason: str, words: str) -> Answer:
    """Answer as a job does that was taken and failed."""
    found = _done(request)
    if request.method == "POST":
        wrong = {"reason": reason, "message": words}
        found.body["status"] = {"state": "DONE", "errorResult": wrong, "errors": [wrong]}
        return found
    return _refused(400, reason, words)


def _sentence(script: Script, **more: Any) -> tuple[str, int]:
    """Ask one query and return the sentence and how many jobs were sent."""
    with scripted(script) as server:
        warehouse = BigQueryAdapter(lambda: {**SETTINGS, "endpoint": server.url, **more})
        with pytest.raises(UserError) as caught:
            warehouse.query("select 1", "x")
        sent = sum(one.method == "POST" for one in server.requests)
    text = str(caught.value)
    assert text.startswith("The BigQuery project 'acme' ")
    assert "\n" not in text
    assert text.endswith((".", ")"))
    assert "hush" not in text
    return text, sent


@pytest.mark.parametrize(
    ("status", "reason", "words", "told"),
    [
        (403, "accessDenied", ("Access Denied: Project acme: User does not have "
         "bigquery.jobs.create permission in project acme."),
         "does not give us bigquery.jobs.create: grant roles/bigquery.jobUser"),
        (403, "accessDenied", ("Access Denied: Table acme:raw.t: Permission "
         "bigquery.tables.getData denied"), "grant roles/bigquery.dataViewer"),
        (403, "accessDenied", "VPC Service Controls: Request is prohibited",
         "A role is missing (`dataplatform env validate` says which)"),
        (403, "accessNotConfigured", "BigQuery API has not been used in project 1 before.",
         "gcloud services enable bigquery.googleapis.com --project acme"),
        (403, "billingNotEnabled", "Billing has not been enabled for this project.",
         "has no billing account"),
        (403, "quotaExceeded", ("Quota exceeded: Your project exceeded quota for free query bytes "
         "scanned."), "has used up a quota: "),
        (400, "bytesBilledLimitExceeded", ("Query exceeded limit for bytes billed: 1000. 10485760 "
         "or higher required."), "refused a query before it cost anything: "),
        (400, "invalid", "Location mars does not support this operation.",
         "knows no location 'EU': EU, US or a region"),
        (400, "invalid", "Invalid value: Location mars is invalid", "knows no location"),
        (404, "notFound", "Not found: Dataset acme:raw was not found in location EU",
         "has no dataset 'raw' in EU: it was never made, or lies in another location"),
        (404, "notFound", "Not found: Project acme", "its name may be wrong"),
        (400, "invalidQuery", ("Cannot read and write in different locations: source: US, "
         "destination: EU"), "keeps these datasets in different locations"),
        (400, "invalidQuery", ("Could not serialize access to table acme:raw.t due to concurrent "
         "update"), "somebody changed the same table meanwhile: run it again"),
        (400, "resourcesExceeded", "Resources exceeded during query execution: Not enough memory.",
         "has too little memory for the query"),
        (403, "responseTooLarge", "Response too large to return.", "has an answer too large"),
        (403, "policyViolation", "Organization policy forbids.", "is kept from this by a policy"),
        (400, "tableUnavailable", "Table is being restored.", "a table that cannot be read now"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_stays_wrong_is_told_and_asked_once(
    status: int, reason: str, words: str, told: str
) -> None:
    text, sent = _sentence(lambda request: _refused(status, reason, words))
    assert told in text
    assert sent == 1


@pytest.mark.parametrize(
    ("reason", "words", "told"),
    [
        ("stopped", "Job execution was cancelled: User requested cancellation", "cancelled it"),
        ("stopped", "Job timed out after 3600s", "or it ran longer than it may"),
        ("bytesBilledLimitExceeded", ("Query exceeded limit for bytes billed: 1000. 99999 or "
         "higher required."), "or raise maximum_bytes_billed"),
        ("invalid", "Provided Schema does not match Table acme:raw.t. Field n has changed type.",
         "cannot put the file into the table: Provided Schema does not match"),
        ("invalid", "Error while reading data, error message: Parquet column 'n' has type INT32",
         "The table is as it was."),
        ("accessDenied", "Access Denied: Permission bigquery.tables.updateData denied on table",
         "grant roles/bigquery.dataEditor"),
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_a_job_that_fails_is_told(reason: str, words: str, told: str) -> None:
    text, sent = _sentence(lambda request: _failed(request, reason, words))
    assert told in text
    assert sent == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (_refused(429, "rateLimitExceeded", "Exceeded rate limits: too many jobs."),
         "was asked too often, and again in vain"),
        (_refused(403, "rateLimitExceeded", "Exceeded rate limits."), "was asked too often"),
        (_refused(500, "internalError", "An internal error occurred."), "cannot be reached"),
        (_refused(500, "backendError", "Error encountered during execution."), "cannot be reached"),
        (_refused(503, "backendError", "Visibility check was unavailable."), "cannot be reached"),
        (_refused(502, "badGateway", "Bad Gateway"), "cannot be reached"),
        (Answer(misdeed=lambda handler: handler.connection.close()), "cannot be reached"),
    ],
    ids=("429", "403 too often", "500", "500 backend", "503", "502", "hangs up"),
)  # fmt: skip
def test_what_may_pass_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, wrong: Answer, told: str
) -> None:
    left = [wrong, wrong]

    def mends(request: Request) -> Answer:
        return left.pop() if left and request.method == "POST" else _done(request)

    with scripted(mends) as server:
        warehouse = BigQueryAdapter(lambda: {**SETTINGS, "endpoint": server.url})
        assert warehouse.query("select 1", "x") == [(1,)]
        jobs = [
            one.body["jobReference"]["jobId"] for one in server.requests if one.method == "POST"
        ]
    # The same job each time: one that was taken though its answer was lost is not done twice.
    assert len(jobs) == 3 and len(set(jobs)) == 1
    monkeypatch.setattr(bigquery_jobs, "PATIENCE_SECONDS", 0.01)
    assert told in _sentence(lambda request: wrong)[0]


def test_a_job_that_the_service_failed_is_sent_again() -> None:
    failures = [("backendError", "Try again."), ("jobInternalError", "Try again.")]

    def mends(request: Request) -> Answer:
        if request.method == "POST" and failures:
            return _failed(request, *failures.pop())
        return _done(request)

    with scripted(mends) as server:
        warehouse = BigQueryAdapter(lambda: {**SETTINGS, "endpoint": server.url})
        assert warehouse.query("select 1", "x") == [(1,)]
        jobs = {
            one.body["jobReference"]["jobId"] for one in server.requests if one.method == "POST"
        }
    assert len(jobs) == 3
    text, sent = _sentence(lambda request: _failed(request, "backendError", "Still."))
    assert "cannot be reached: Still." in text
    assert sent == 3


def test_the_sql_s_own_errors_stay_as_they_are() -> None:
    words = "Unrecognized name: certificate at [1:8]"
    with scripted(lambda request: _refused(400, "invalidQuery", words)) as server:
        warehouse = BigQueryAdapter(lambda: {**SETTINGS, "endpoint": server.url})
        with pytest.raises(Exception, match="Unrecognized name: certificate") as caught:
            warehouse.query("select certificate", "x")
    assert not isinstance(caught.value, UserError)


def test_a_token_that_has_expired_is_told() -> None:
    text, _ = _sentence(lambda request: _refused(401, "authError", "Invalid Credentials"))
    assert "refuses the token: it has expired or was withdrawn; fetch a new one." in text


@pytest.mark.parametrize(
    ("account", "words", "told"),
    [
        (None, "('invalid_grant: Invalid JWT Signature.', {'error': 'invalid_grant'})",
         ("refuses the key file {key}: the key was deleted, its account disabled, or this "
         "machine's clock is wrong.")),
        ("loader@acme.iam", ("('Unable to acquire impersonated credentials', '403: "
         "iam.serviceAccounts.getAccessToken denied')"), "is not opened as loader@acme.iam: grant"),
    ],
    ids=("key", "impersonation"),
)  # fmt: skip
def test_credentials_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, account: str | None, words: str, told: str
) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(_account("http://127.0.0.1:9/token")), encoding="utf-8")

    def refused(self: Any, request: Any) -> None:
        raise auth.RefreshError(words)

    monkeypatch.setattr(service_account.Credentials, "refresh", refused)
    text, sent = _sentence(_done, token=None, key_file=str(key), impersonate=account)
    assert told.format(key=key) in text
    assert sent == 0


@pytest.mark.parametrize("content", [None, "{", '{"type": "authorized_user"}'])
def test_a_key_file_that_is_none_is_told(tmp_path: Path, content: str | None) -> None:
    key = tmp_path / "key.json"
    if content is not None:
        key.write_text(content, encoding="utf-8")
    warehouse = BigQueryAdapter(lambda: {**SETTINGS, "token": None, "key_file": str(key)})
    with pytest.raises(UserError, match=r"The BigQuery key file .* cannot be read: ") as caught:
        warehouse.query("select 1", "x")
    assert "\n" not in str(caught.value)


def test_a_machine_without_credentials_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(scopes: Any) -> Any:
        raise auth.DefaultCredentialsError("none were found")

    monkeypatch.setattr("google.auth.default", nothing)
    with pytest.raises(UserError, match="give the environment's warehouse a key_file or a token"):
        BigQueryAdapter(lambda: {**SETTINGS, "token": None}).query("select 1", "x")


def test_an_address_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_jobs, "PATIENCE_SECONDS", 0.01)
    warehouse = BigQueryAdapter(lambda: {**SETTINGS, "endpoint": "http://127.0.0.1:9"})
    with pytest.raises(UserError, match="'acme' cannot be reached: "):
        warehouse.query("select 1", "x")
