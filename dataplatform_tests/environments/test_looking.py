"""Where settings come from, how two environments differ, and how one is chosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dataplatform.cli.main import app
from dataplatform.declarations.dot_env import read_dot_env, write_dot_env
from dataplatform.declarations.errors import DeclarationError, UserError
from dataplatform.declarations.project import Project
from dataplatform.declarations.secrets import is_secret_name
from dataplatform.environments.origins import HIDDEN, settings_of
from dataplatform.environments.overview import differences, overviews

FILE = "config/environments/laptop.yml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["env", *arguments])


@pytest.mark.parametrize(
    ("key", "value", "origin"),
    [
        ("warehouse.type", "duckdb", f"{FILE}:2"),
        ("warehouse.path", ".dataplatform/warehouse.duckdb", "default"),
        ("fivetran.group", "laptop", f"{FILE}:8"),
        ("fivetran.api_key", HIDDEN, f"{FILE}:6"),
        ("fivetran.api_secret", HIDDEN, f"{FILE}:7, FT_SECRET from process environment"),
        ("fivetran.destination.config.path", "{root}/w.duckdb", f"{FILE}:12, the project's folder"),
        ("lake.region", "eu-central-1", f"{FILE}:16, REGION is not set: its default"),
        ("lake.access_key", HIDDEN, f"{FILE}:17, file secret key.txt"),
        (
            "lake.secret_key",
            HIDDEN,
            f"{FILE}:18, variables.LAKE_SECRET, INNER_SECRET from .env:2",
        ),
        ("secrets.cache_seconds", "300.0", "default"),
        ("variables.COMMUNITY", "https://community.example", f"{FILE}:26"),
    ],
)
def test_a_setting_tells_where_it_comes_from(
    root: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, origin: str
) -> None:
    monkeypatch.setenv("FT_SECRET", "hush-1")
    (root / ".env").write_text("# mine\nINNER_SECRET=hush-2\n")
    found = {one.key: one for one in settings_of(Project(root, "laptop"))}
    assert found[key].value == value.replace("{root}", str(root))
    assert found[key].origin == origin
    told = json.dumps([vars(one) for one in found.values()])
    for hidden in ("hush-1", "hush-2", "written-key", "key-from-file"):
        assert hidden not in told


def test_what_nobody_sets_is_told(root: Path) -> None:
    found = {one.key: one for one in settings_of(Project(root, "laptop"))}
    assert found["fivetran.api_secret"].value is None
    assert found["fivetran.api_secret"].missing == ("FT_SECRET",)
    assert found["lake.secret_key"].missing == ("INNER_SECRET",)
    by_name = {one.name: one for one in overviews(Project(root, "laptop"))}
    assert by_name["laptop"].missing == ("FT_SECRET", "INNER_SECRET")
    assert by_name["laptop"].chosen
    assert not by_name["server"].chosen


def test_an_environment_that_cannot_be_read_is_listed_with_its_fault(root: Path) -> None:
    (root / "config/environments/broken.yml").write_text("wherehouse: {}\n")
    broken = next(one for one in overviews(Project(root)) if one.name == "broken")
    assert broken.wrong.startswith("config/environments/broken.yml:1: ")
    assert "Did you mean 'warehouse'?" in broken.wrong


def test_differences_tell_of_secrets_only_that_they_differ(root: Path) -> None:
    found = differences(Project(root, "laptop"), Project(root, "server"))
    assert {one.key: (one.first, one.second, one.note) for one in found} == {
        "fivetran.group": ("laptop", "server", ""),
        "fivetran.api_key": (HIDDEN, HIDDEN, "different"),
        "dagster_url": ("http://127.0.0.1:3000", "https://dagster.example", ""),
    }


def test_secrets_written_differently_are_compared_by_value(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "config/environments/server.yml"
    text = file.read_text().replace("other-key", "${SERVER_KEY}")
    file.write_text(text.replace("${file:key.txt}", "${file:missing.txt}"))
    monkeypatch.setenv("SERVER_KEY", "written-key")
    found = {
        one.key: one.note for one in differences(Project(root, "laptop"), Project(root, "server"))
    }
    assert "fivetran.api_key" not in found
    assert found["lake.access_key"] == "not known: one of them cannot be read here"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("api_key", True),
        ("secret_id", True),
        ("access_key", True),
        ("private_key", True),
        ("SALESFORCE_CLIENT_SECRET", True),
        ("NOTIFICATIONS_WEBHOOK_URL", True),
        ("private_key_path", False),
        ("key_file", False),
        ("credentials_file", False),
        ("account", False),
        ("role_id", False),
    ],
)
def test_secrets_are_known_by_their_names(name: str, secret: bool) -> None:
    assert is_secret_name([name], "") is secret


def test_an_address_with_a_log_in_is_a_secret() -> None:
    assert is_secret_name(["url"], "https://user:hush@host/")
    assert not is_secret_name(["url"], "https://host:8080/")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"DATAPLATFORM_ENV=server\n"),
        (b"", b"DATAPLATFORM_ENV=server\n"),
        (b"A=1", b"A=1\nDATAPLATFORM_ENV=server\n"),
        (b"DATAPLATFORM_ENV=laptop\n", b"DATAPLATFORM_ENV=server\n"),
        (
            b"# mine \r\nexport DATAPLATFORM_ENV = 'laptop' \r\nB=\xff\r\n",
            b"# mine \r\nexport DATAPLATFORM_ENV = server \r\nB=\xff\r\n",
        ),
        (
            b"DATAPLATFORM_ENV=a\nDATAPLATFORM_ENV=b\nDATAPLATFORM_ENV=\n",
            b"DATAPLATFORM_ENV=a\nDATAPLATFORM_ENV=server\nDATAPLATFORM_ENV=\n",
        ),
        (b"#DATAPLATFORM_ENV=x\n", b"#DATAPLATFORM_ENV=x\nDATAPLATFORM_ENV=server\n"),
        (b"X_DATAPLATFORM_ENV=x\n", b"X_DATAPLATFORM_ENV=x\nDATAPLATFORM_ENV=server\n"),
    ],
)
def test_dot_env_keeps_every_other_byte(tmp_path: Path, before: bytes | None, after: bytes) -> None:
    file = tmp_path / ".env"
    if before is not None:
        file.write_bytes(before)
        file.chmod(0o640)
    write_dot_env(tmp_path, "DATAPLATFORM_ENV", "server")
    assert file.read_bytes() == after
    assert [one.name for one in tmp_path.iterdir()] == [".env"]
    assert file.stat().st_mode & 0o777 == (0o600 if before is None else 0o640)
    if b"\xff" not in after:
        assert read_dot_env(tmp_path)["DATAPLATFORM_ENV"] == "server"


def test_a_link_to_a_file_elsewhere_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("elsewhere")
    write_dot_env(tmp_path, "B", "2")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "A=1\nB=2\n"


def test_use_writes_and_says_what_goes_before_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".env").write_text("FT_SECRET=x\n")
    told = run("use", "server")
    assert told.exit_code == 0
    assert "The shell's own DATAPLATFORM_ENV=laptop goes before it" in told.output
    assert (root / ".env").read_text() == "FT_SECRET=x\nDATAPLATFORM_ENV=server\n"
    monkeypatch.delenv("DATAPLATFORM_ENV")
    assert "goes before it" not in run("use", "server").output
    assert "→ " in next(line for line in run("list").output.splitlines() if "server" in line)


def test_use_refuses_what_is_not_there_or_not_right(root: Path) -> None:
    wrong = run("use", "sever")
    assert isinstance(wrong.exception, UserError)
    assert "'sever' is not an environment" in str(wrong.exception)
    assert "Did you mean 'server'?" in str(wrong.exception)
    (root / "config/environments/broken.yml").write_text("lake: 1\n")
    assert isinstance(run("use", "broken").exception, DeclarationError)
    assert not (root / ".env").exists()


def test_the_command_line_shows_and_compares(root: Path) -> None:
    shown = run("show", "laptop").output
    assert "fivetran.api_secret" in shown
    assert "FT_SECRET is not set" in shown
    assert "written-key" not in shown
    settings = {one["key"]: one for one in json.loads(run("show", "--json").output)}
    assert settings["fivetran.api_key"]["value"] == HIDDEN
    assert settings["fivetran.api_key"]["written"] == HIDDEN
    found = run("diff", "laptop", "server", "--json")
    assert found.exit_code == 3
    assert {one["key"] for one in json.loads(found.output)} >= {"fivetran.group", "dagster_url"}
    same = run("diff", "laptop", "laptop")
    assert (same.exit_code, same.output) == (0, "laptop and laptop say the same.\n")
    assert {one["name"] for one in json.loads(run("list", "--json").output)} == {"laptop", "server"}


def test_a_size_for_a_pipeline_that_nobody_declares(root: Path) -> None:
    file = root / "config/environments/laptop.yml"
    warehouse = (
        "warehouse:\n  type: snowflake\n  account: a\n  user: u\n  token: t\n  role: R\n"
        "  warehouse: W\n  database: D\n  warehouses:\n    everythin: L\n"
    )
    text = file.read_text().replace("warehouse:\n  type: duckdb\n", warehouse)
    file.write_text(text)
    with pytest.raises(DeclarationError) as caught:
        Project(root, "laptop").check()
    assert str(caught.value) == (
        "config/environments/laptop.yml:10: 'everythin' is not a pipeline. "
        "Did you mean 'everything'?"
    )
    file.write_text(text.replace("everythin:", "everything:"))
    Project(root, "laptop").check()


def test_a_chosen_name_that_none_has_is_told_beneath_the_list(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("list").exit_code == 0
    monkeypatch.setenv("DATAPLATFORM_ENV", "labtop")
    listed = run("list")
    assert "laptop" in listed.output
    assert isinstance(listed.exception, UserError)
    assert "'labtop' is not an environment" in str(listed.exception)
    assert "Did you mean 'laptop'?" in str(listed.exception)
