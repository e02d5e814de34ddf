"""What ``env validate`` tries: each probe on something real, each way in which it goes wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from moto import mock_aws
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.environments import probes, probes_services, probes_warehouse
from dataplatform.environments.probing import (
    Finding,
    Missing,
    NotUsed,
    Probe,
    Refused,
    run_probes,
)
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.child_server import free_port
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted


def rewrite(root: Path, **changes: str) -> Project:
    file = root / "config/environments/laptop.yml"
    text = file.read_text()
    for old, new in changes.items():
        text = text.replace(old.replace("__", ": "), new)
    file.write_text(text)
    return Project(root, "laptop")


def raising(error: Exception) -> Any:
    def look() -> str:
        raise error

    return look


@pytest.mark.parametrize(
    ("error", "condition", "seen", "advice"),
    [
        (Missing("not set: A.", "Set it."), "missing", "not set: A.", "Set it."),
        (Refused("no.", "Ask."), "refused", "no.", "Ask."),
        (NotUsed("nothing"), "not used", "nothing", ""),
        (UserError("in use."), "refused", "in use.", ""),
        (ValueError("\nfirst\nsecond"), "refused", "ValueError: first", ""),
        (RuntimeError(), "refused", "RuntimeError: no reason given", ""),
    ],
)
def test_each_end_of_a_probe_is_a_line(
    error: Exception, condition: str, seen: str, advice: str
) -> None:
    (found,) = run_probes([Probe("x", raising(error))], 5)
    assert (found.condition, found.seen, found.advice) == (condition, seen, advice)
    assert found.good == (condition == "not used")


def test_probes_run_side_by_side_and_within_a_limit() -> None:
    all_began = threading.Barrier(5)

    def together() -> str:
        all_began.wait()
        return "done"

    def hangs() -> str:
        time.sleep(60)
        return "never"

    found = run_probes([*[Probe(str(n), together) for n in range(5)], Probe("last", hangs)], 2.0)
    assert [one.seen for one in found[:5]] == ["done"] * 5
    assert found[5].condition == "refused"
    assert found[5].seen == "gave no answer within 2 s."


def test_a_warehouse_that_is_not_there_yet_is_not_made(root: Path) -> None:
    project = Project(root, "laptop")
    assert "the first run makes it" in probes_warehouse.connect(project)
    assert "the first run makes it" in probes_warehouse.write(project)
    assert not (root / ".dataplatform").exists()


def test_a_warehouse_is_written_and_left_as_it_was(root: Path) -> None:
    project = Project(root, "laptop")
    warehouse = open_warehouse(project.environment, project)
    warehouse.query("CREATE SCHEMA kept", "test")
    assert probes_warehouse.connect(project) == "duckdb answers"
    assert probes_warehouse.write(project).startswith("may make, change, read and drop")
    left = warehouse.query("SELECT schema_name FROM information_schema.schemata", "test")
    assert not [name for (name,) in left if name.startswith(probes_warehouse.PREFIX)]
    assert ("kept",) in left


@pytest.mark.parametrize(
    ("refused", "doing", "kind", "advice"),
    [
        ("CREATE SCHEMA", "make a schema", "snowflake", "GRANT CREATE SCHEMA ON DATABASE DB TO"),
        ("CREATE TABLE", "make a table in a schema of its own", "bigquery", "bigquery.dataEditor"),
        ("UPDATE", "change its own table", "ducklake", "write below s3://w/"),
        ("SELECT n", "read its own table", "duckdb", "Make the file and its folder writable"),
    ],
)
def test_a_right_that_lacks_is_named_and_nothing_is_left(
    root: Path, monkeypatch: pytest.MonkeyPatch, refused: str, doing: str, kind: str, advice: str
) -> None:
    sent: list[str] = []

    class Session:
        def execute(self, sql: str) -> list[tuple[Any, ...]]:
            sent.append(sql)
            if sql.startswith(refused):
                raise RuntimeError("\nInsufficient privileges\nmore")
            return []

    @contextmanager
    def session(*_: object) -> Iterator[Session]:
        yield Session()

    settings: Mapping[str, Any] = {
        **{"type": kind, "database": "DB", "role": "R", "project": "P"},
        "files": {"url": "s3://w/"},
    }
    project = Project(root, "laptop")
    monkeypatch.setattr(probes_warehouse, "_settings", lambda _: settings)
    monkeypatch.setattr(probes_warehouse, "_not_made_yet", lambda *_: None)
    monkeypatch.setattr(
        probes_warehouse, "open_warehouse", lambda *_: SimpleNamespace(session=session)
    )
    pretended = SimpleNamespace(environment=SimpleNamespace(warehouse=SimpleNamespace(type=kind)))
    with pytest.raises(Refused) as caught:
        probes_warehouse.write(pretended)  # type: ignore[arg-type]
    assert str(caught.value) == f"may not {doing}: Insufficient privileges"
    assert advice in caught.value.advice
    assert sent[-1].startswith("DROP SCHEMA IF EXISTS dataplatform_probe_")
    assert project.environment.name == "laptop"


def test_a_warehouse_whose_secret_is_not_set(root: Path) -> None:
    project = rewrite(root, **{"type__duckdb": "type: duckdb\n  path: ${FT_SECRET}/w.duckdb"})
    with pytest.raises(Missing, match=r"laptop\.yml:3: FT_SECRET is not set") as caught:
        probes_warehouse.connect(project)
    assert caught.value.advice == "Set it, or write it into .env."


@pytest.fixture
def buckets(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("INNER_SECRET", "hush")
    project = rewrite(root, **{"  endpoint: http://127.0.0.1:2\n": ""})
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        client.create_bucket(Bucket="raw")
        yield project


def test_a_bucket_is_tried_with_an_object_that_goes_again(buckets: Project) -> None:
    assert probes_services.bucket(buckets, "raw") == "raw: put, get, delete"
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    assert client.list_objects_v2(Bucket="raw")["KeyCount"] == 0


def test_a_bucket_that_is_not_there(buckets: Project) -> None:
    with pytest.raises(Missing, match="there is no bucket staging") as caught:
        probes_services.bucket(buckets, "staging")
    assert "lake.buckets.staging" in caught.value.advice


def test_a_bucket_that_nobody_answers_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNER_SECRET", "hush")
    with pytest.raises(Refused, match=r"raw cannot be written to: .*127\.0\.0\.1:2") as caught:
        probes_services.bucket(Project(root, "laptop"), "raw")
    assert "s3:PutObject" in caught.value.advice
    assert "hush" not in str(caught.value)


def smtp_at(root: Path, port: int, login: str = "") -> Project:
    file = root / "config/environments/laptop.yml"
    smtp = f"{{host: 127.0.0.1, port: {port}, sender: a@example.com{login}}}"
    file.write_text(file.read_text() + f"notifications:\n  smtp: {smtp}\n")
    return Project(root, "laptop")


@pytest.fixture
def mail_port() -> Iterator[int]:
    def known(_: object, __: object, ___: object, mechanism: object, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=good, handled=False)

    controller = Controller(
        object(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=known,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    yield controller.port
    controller.stop()


def test_mail_is_tried_without_sending_one(root: Path, mail_port: int) -> None:
    project = smtp_at(root, mail_port, ", username: u, password: right")
    assert probes_services.mail(project) == f"127.0.0.1:{mail_port} takes the log-in"


def test_mail_that_refuses_the_log_in(root: Path, mail_port: int) -> None:
    with pytest.raises(Refused, match="refuses the log-in"):
        probes_services.mail(smtp_at(root, mail_port, ", username: u, password: wrong"))


def test_mail_that_nobody_answers_and_that_is_not_used(root: Path) -> None:
    with pytest.raises(NotUsed):
        probes_services.mail(Project(root, "laptop"))
    with pytest.raises(Refused, match=r"127\.0\.0\.1:9 cannot be used"):
        probes_services.mail(smtp_at(root, 9))


@pytest.mark.parametrize(("status", "good"), [(200, True), (400, True), (404, False), (403, False)])
def test_a_webhook_is_asked_and_nothing_is_posted(root: Path, status: int, good: bool) -> None:
    with scripted(lambda _: Answer(status=status)) as server:
        file = root / "config/environments/laptop.yml"
        file.write_text(file.read_text() + f"notifications: {{webhook_url: '{server.url}/hook'}}\n")
        if good:
            assert "answers" in probes_services.webhook(Project(root, "laptop"))
        else:
            with pytest.raises(Refused, match=f"HTTP {status}"):
                probes_services.webhook(Project(root, "laptop"))
        assert not [one for one in server.requests if one.method == "POST"]


def test_fivetran_is_asked_for_the_group(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FT_SECRET", "hush")

    def answer(request: Request) -> Answer:
        items: list[dict[str, str]] = []
        if request.path.endswith("/groups"):
            items = [{"id": "g1", "name": "laptop"}]
        return Answer({"code": "Success", "data": {"items": items, "next_cursor": None}})

    with scripted(answer) as server:
        project = rewrite(root, **{"http://127.0.0.1:1\n": f"{server.url}\n"})
        assert probes_services.fivetran(project) == "group laptop with 0 connections"
        project = rewrite(root, **{"group__laptop": "group: other"})
        with pytest.raises(Missing, match="the account has no group 'other'") as caught:
            probes_services.fivetran(project)
        assert caught.value.advice == (
            "Run `DATAPLATFORM_ENV=laptop dataplatform connections apply`."
        )


def test_fivetran_that_refuses_the_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FT_SECRET", "hush")
    with scripted(lambda _: Answer({"code": "Unauthorized"}, 401)) as server:
        project = rewrite(root, **{"http://127.0.0.1:1\n": f"{server.url}\n"})
        (found,) = run_probes([Probe("fivetran", lambda: probes_services.fivetran(project))], 20)
    assert found.condition == "refused"
    assert "401" in found.seen or "Unauthorized" in found.seen
    assert "hush" not in found.seen


def test_local_servers_that_do_not_run(root: Path) -> None:
    with pytest.raises(NotUsed):
        probes._servers(Project(root, "laptop"))
    file = root / "config/environments/laptop.yml"
    file.write_text(file.read_text() + "local:\n  crm: {port: auto}\n")
    project = Project(root, "laptop")
    with pytest.raises(Missing, match="not running") as caught:
        probes._servers(project)
    assert caught.value.advice == "Run `DATAPLATFORM_ENV=laptop make start`."
    (root / ".dataplatform").mkdir()
    record = root / ".dataplatform/services.json"
    record.write_text(json.dumps({"crm": {"url": "http://127.0.0.1:9"}}))
    with pytest.raises(Missing, match="down: crm"):
        probes._servers(project)
    with scripted(lambda _: Answer()) as server:
        record.write_text(json.dumps({"crm": {"url": server.url}}))
        assert probes._servers(project) == "1 answer"


def test_secrets_in_stores_are_read_once_each(root: Path) -> None:
    project = Project(root, "laptop")
    assert probes._secrets(project) == "all 1 can be read"
    (root / "key.txt").unlink()
    with pytest.raises(UserError, match=r"laptop\.yml:17: The file key\.txt"):
        rewrite(root)
        from dataplatform.secret_stores import reading

        reading._opened.clear()
        probes._secrets(project)


def test_the_command_line_ends_with_one_where_something_lacks(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [Probe("a", lambda: "fine"), Probe("b", raising(Missing("not there.", "Get it.")))]
    monkeypatch.setattr(probes, "probes_of", lambda _: told)
    monkeypatch.setattr("dataplatform.cli.env._storage", lambda _: "kept")
    result = CliRunner().invoke(app, ["env", "validate"])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].split()[:3] == ["ok", "a", "fine"]
    assert lines[1].split()[:4] == ["missing", "b", "not", "there."]
    assert lines[2].strip() == "Get it."
    assert lines[4].startswith("laptop: 2 of 3 as needed")
    found = json.loads(CliRunner().invoke(app, ["env", "validate", "--json"]).output)
    assert [Finding(**one).condition for one in found] == ["ok", "missing", "ok"]
    monkeypatch.setattr(probes, "probes_of", lambda _: told[:1])
    assert CliRunner().invoke(app, ["env", "validate"]).exit_code == 0
