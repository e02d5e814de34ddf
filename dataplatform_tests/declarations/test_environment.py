"""Choosing an environment and resolving what its texts refer to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dataplatform.declarations.errors import DeclarationError, UserError
from dataplatform.declarations.local_services import read_services
from dataplatform.declarations.project import open_project

LOCAL = "config/environments/local.yml"


def start_servers(root: Path, **servers: dict[str, object]) -> None:
    (root / ".dataplatform").mkdir(exist_ok=True)
    (root / ".dataplatform" / "services.json").write_text(json.dumps(servers))


def set_variables(root: Path, lines: str) -> None:
    path = root / LOCAL
    path.write_text(path.read_text().replace("variables:\n", f"variables:\n{lines}", 1))


def test_texts_stay_raw_until_they_are_used(root: Path) -> None:
    environment = open_project(root).environment
    assert environment.name == "local"
    assert environment.fivetran.api_url == "${local:fivetran.url}"
    with pytest.raises(UserError) as caught:
        environment.resolve(environment.fivetran.api_url)
    assert str(caught.value) == ("The local servers are not running: start them with `make start`.")


def test_servers_fields_through_variables(root: Path) -> None:
    start_servers(root, postgres={"host": "127.0.0.1", "port": 5555, "password": "0123"})
    environment = open_project(root).environment
    assert environment.resolve("${PRODUCTION_DB_HOST}:${PRODUCTION_DB_PORT}") == "127.0.0.1:5555"
    resolved = environment.resolve_all(
        {
            "port": "${PRODUCTION_DB_PORT}",
            "password": "${PRODUCTION_DB_PASSWORD}",
            "deep": ["$${x}"],
        }
    )
    assert resolved == {"port": 5555, "password": "0123", "deep": ["${x}"]}


def test_one_server_alone_is_down(root: Path) -> None:
    start_servers(root, postgres={"host": "127.0.0.1"})
    with pytest.raises(UserError, match="local servers are not running"):
        open_project(root).environment.resolve("${local:fivetran.url}")


def test_a_record_that_outlived_its_server(root: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    start_servers(root, postgres={"host": "127.0.0.1", "pid": ended.pid})
    with pytest.raises(UserError, match="'postgres' has ended: start it with `make start`"):
        open_project(root).environment.resolve("${local:postgres.host}")


def test_broken_record_of_the_servers(root: Path) -> None:
    (root / ".dataplatform").mkdir()
    (root / ".dataplatform" / "services.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read: run `make restart`"):
        read_services(root / ".dataplatform")


def test_where_a_value_comes_from(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(root, "  FROM_FILE: written\n")
    (root / ".env").write_text(
        "# comment\nFROM_DOT_ENV='kept apart'\nFROM_BOTH=file\nexport FROM_EXPORT=1\nEMPTY=\n"
    )
    monkeypatch.setenv("FROM_SHELL", "shell")
    monkeypatch.setenv("FROM_BOTH", "shell")
    monkeypatch.setenv("FROM_FILE", "shell")
    resolve = open_project(root).environment.resolve
    assert resolve("${FROM_FILE}") == "written"
    assert resolve("${FROM_SHELL}") == "shell"
    assert resolve("${FROM_BOTH}") == "shell"
    assert resolve("${FROM_DOT_ENV}") == "kept apart"
    assert resolve("${FROM_EXPORT}") == "1"
    assert resolve("${EMPTY:-else}") == "else"
    assert resolve("${NOWHERE:-}") == ""
    assert resolve("${NOWHERE:-a:-b}") == "a:-b"
    assert resolve("${PROJECT_ROOT}/x") == f"{root}/x"


def test_a_variable_may_pass_on_its_own_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(root, "  PASSED_ON: x${PASSED_ON}\n  ONE: ${TWO}\n  TWO: ${ONE}\n")
    monkeypatch.setenv("PASSED_ON", "shell")
    environment = open_project(root).environment
    assert environment.resolve("${PASSED_ON}") == "xshell"
    with pytest.raises(DeclarationError, match="in a circle: ONE → TWO → ONE"):
        environment.resolve("${ONE}")


def test_scale_of_the_demo_comes_from_the_shell(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_project(root).environment.demo.scale == 0.1
    monkeypatch.setenv("DATAPLATFORM_DEMO_SCALE", "0.02")
    monkeypatch.setenv("DATAPLATFORM_DEMO_SEED", "7")
    demo = open_project(root).environment.demo
    assert (demo.scale, demo.seed) == (0.02, 7)
    monkeypatch.setenv("DATAPLATFORM_DEMO_SCALE", "lots")
    with pytest.raises(DeclarationError, match=r"demo\.scale must be a number, not 'lots'"):
        _ = open_project(root).environment


def test_a_secret_is_never_part_of_a_message(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PASSWORT", "hunter2")
    with pytest.raises(UserError) as caught:
        open_project(root).environment.resolve("${CRM_PASSWORD}")
    assert "hunter2" not in str(caught.value)


def test_local_references_need_local_servers(root: Path) -> None:
    path = root / LOCAL
    text = path.read_text()
    path.write_text(text[: text.index("local:\n  postgres")] + text[text.index("demo:") :])
    with pytest.raises(DeclarationError, match="needs the section 'local' in this environment"):
        _ = open_project(root).environment


def test_the_project_s_own_file_may_choose_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "config/environments/other.yml").write_text((root / LOCAL).read_text())
    (root / ".env").write_text("DATAPLATFORM_ENV=other\n")
    assert open_project(root).environment.name == "other"
    monkeypatch.setenv("DATAPLATFORM_ENV", "local")
    assert open_project(root).environment.name == "local"


def test_the_example_sets_every_name_that_production_needs() -> None:
    """Whoever copies it is told of no name later that it does not show."""
    import re

    repository = open_project().root
    written = set(re.findall(r"^#? ?([A-Z_]+)=", (repository / ".env.example").read_text(), re.M))
    for name in ("staging", "production"):
        text = (repository / f"config/environments/{name}.yml").read_text()
        for folder in ("connections", "extracts"):
            for path in (repository / "config" / folder).glob("*.yml"):
                text += path.read_text()
        own = set(re.findall(r"^  ([A-Z_]+):", text, re.M)) | {"NAME", "PROJECT_ROOT"}
        assert set(re.findall(r"\$\{([A-Z_]+)[}:]", text)) - own <= written
