"""What ``doctor --live`` tries: the list, how each trial is judged, that nothing is pretended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlglot
from moto import mock_aws
from snowflake.connector.errors import ProgrammingError
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.declarations.project import Project
from dataplatform.environments import live, trials
from dataplatform.environments.live import NO_ACCOUNT, try_live
from dataplatform.environments.trials import Trial, lines
from dataplatform_tests.resources.snowflake_script import Connector

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_documentation_has_exactly_this_list() -> None:
    page = (REPOSITORY / "docs/stand-ins.md").read_text()
    section = page.split("## What only an account can show")[1].split("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("- ")] == lines()
    assert len(set(lines())) == len(lines())


@pytest.mark.parametrize("trial", [*trials.SNOWFLAKE, *trials.BIGQUERY], ids=lambda one: one.name)
def test_a_trial_stays_in_its_own_schema_and_is_judged_once(trial: Trial) -> None:
    judged = [trial.gives, trial.fails, trial.shows]
    assert sum(one is not None for one in judged) == 1
    dialect = trial.service.lower()
    for statement in trial.statements:
        sql = statement.replace("{s}", "scratch")
        # The parser takes this for another warehouse's statement of that name.
        if not (dialect == "snowflake" and "ROW ACCESS POLICY" in sql):
            assert sqlglot.parse_one(sql, dialect=dialect) is not None
        changed = re.match(r"(?:CREATE|ALTER|DROP|UNDROP|DELETE|MERGE|INSERT|GRANT)\b", sql)
        if changed:
            assert "scratch" in sql


def snowflake(root: Path) -> Project:
    file = root / "config/environments/laptop.yml"
    warehouse = (
        "warehouse: {type: snowflake, account: acme, user: u, password: hush, role: R, "
        "warehouse: W, database: D}"
    )
    file.write_text(file.read_text().replace("warehouse:\n  type: duckdb", warehouse))
    return Project(root, "laptop")


def answer(_: int, sql: str) -> list[Any]:
    """Answer as Snowflake is expected to."""
    if sql == "SELECT 1 / 0":
        raise ProgrammingError(msg="Division by zero", errno=100051)
    if sql.startswith("INSERT") and "'abc'" in sql:
        raise ProgrammingError(msg="String 'abc' is too long", errno=100078)
    for one in trials.SNOWFLAKE:
        if re.sub(r"\{s\}", "", one.statements[-1]) == re.sub(r"dataplatform_probe_\w{8}", "", sql):
            return [(one.gives if one.gives is not None else one.shows or "R",)]
    return []


def test_an_account_that_does_as_it_should_shows_every_line(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = Connector(answers=answer)
    monkeypatch.setattr("snowflake.connector.connect", connector)
    found = live._in_sql(snowflake(root), "snowflake", trials.SNOWFLAKE)
    assert [one.name for one in found if not one.good] == []
    assert len(found) == len(trials.SNOWFLAKE)
    schema = connector.statements[0].removeprefix("CREATE SCHEMA ")
    assert connector.statements[-2:] == [
        f"DROP SCHEMA IF EXISTS {schema} CASCADE",
        f"DROP SCHEMA IF EXISTS {schema}_clone CASCADE",
    ]


def test_an_account_that_does_otherwise_is_told_line_by_line(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def otherwise(_: int, sql: str) -> list[Any]:
        if "MASKING" in sql:
            raise ProgrammingError(msg="Unsupported feature 'MASKING'.", errno=2)
        return [(99,)] if sql.startswith(("SELECT", "SHOW", "LIST")) else []

    monkeypatch.setattr("snowflake.connector.connect", Connector(answers=otherwise))
    found = live._in_sql(snowflake(root), "snowflake", trials.SNOWFLAKE)
    by_name = {one.name.removeprefix("Snowflake: "): one for one in found}
    assert by_name["logs in with the role, warehouse and database"].good
    assert not any(one.good for name, one in by_name.items() if not name.startswith("logs in"))
    assert by_name["division by zero is an error"].seen == "it gave 99 where it must fail."
    assert "instead of 2" in by_name["UNDROP brings a table back"].seen
    assert "Unsupported feature" in by_name["a masking policy hides values"].seen


def test_an_account_that_cannot_be_opened_is_told_on_every_line(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opens(_: int) -> None:
        raise ProgrammingError(msg="Incorrect username or password", errno=390100)

    monkeypatch.setattr("snowflake.connector.connect", Connector(opens=opens))
    found = live._in_sql(snowflake(root), "snowflake", trials.SNOWFLAKE)
    assert {one.condition for one in found} == {"refused"}
    assert all("the user or the password is wrong" in one.seen for one in found)


@pytest.fixture
def bucket(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("INNER_SECRET", "hush")
    file = root / "config/environments/laptop.yml"
    file.write_text(file.read_text().replace("  endpoint: http://127.0.0.1:2\n", ""))
    with mock_aws():
        boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        ).create_bucket(Bucket="raw")
        yield Project(root, "laptop")


def test_a_bucket_of_amazon_is_tried_and_left_empty(bucket: Project) -> None:
    found = live._s3(bucket)
    assert [(one.name, one.condition) for one in found] == [
        ("Amazon S3: an object is put only where there is none of its name", "ok"),
        ("Amazon S3: an object is read as it was put, and deleted", "ok"),
    ]
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    assert client.list_objects_v2(Bucket="raw")["KeyCount"] == 0


def test_where_there_is_no_account_nothing_is_shown(root: Path) -> None:
    found = try_live(Project(root, "laptop"))
    assert [f"- {one.name}" for one in found] == lines()
    assert all(one.seen.startswith(NO_ACCOUNT) for one in found)
    assert not any(one.good for one in found)


def test_the_command_says_that_there_is_no_account(root: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--live"])
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last == (
        f"laptop: 0 shown, 0 not as expected, {len(lines())} not tried, "
        "because there is no account."
    )


def test_a_stand_in_is_no_account() -> None:
    found = try_live(Project(REPOSITORY, "local-snowflake"))
    told = {one.seen for one in found if one.name.startswith("Snowflake")}
    assert told == {f"{NO_ACCOUNT}the environment local-snowflake runs a stand-in."}
