"""The compose files: what the schema allows, and one set of names for ports, images, settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplatform.runtime.deployed import CODE_PORT, VARIABLES
from dataplatform_tests.deploy.tools import REPOSITORY, run, said

FILES = ("docker-compose.yml", "docker-compose.production.yml")
PRODUCTION = yaml.safe_load((REPOSITORY / FILES[1]).read_text())
TEXT = (REPOSITORY / FILES[1]).read_text()
SERVICES: dict[str, dict[str, Any]] = PRODUCTION["services"]
#: The containers that run the platform's own image.
OURS = ("migrate", "code", "daemon", "webserver", "prune", "webhooks")
_REFERENCE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)")


def _referred(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return set(_REFERENCE.findall("\n".join(lines)))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_the_schema_of_compose_allows_it(validators: Path, file: str) -> None:
    said(validators / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


@pytest.mark.slow
def test_the_schema_refuses_what_compose_would(validators: Path, tmp_path: Path) -> None:
    bad = tmp_path / "compose.yml"
    bad.write_text(TEXT.replace("restart: unless-stopped", "restarts: unless-stopped", 1))
    code, text = run(
        validators / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", bad
    )
    assert code == 1
    assert "restarts" in text


@pytest.mark.parametrize("name", ["production", "staging"])
def test_every_setting_of_an_environment_reaches_every_part(name: str) -> None:
    wanted = _referred((REPOSITORY / f"config/environments/{name}.yml").read_text())
    given = set(PRODUCTION["x-environment"])
    # The first is the project's own, and the private key lies in a file.
    assert wanted - {"PROJECT_ROOT"} <= given, sorted(wanted - given)


def test_every_part_has_the_variables_of_the_deployed_settings() -> None:
    for name in OURS:
        given = set(SERVICES[name]["environment"])
        assert set(VARIABLES) | {"DAGSTER_CODE_HOST"} <= given, name


def test_every_setting_of_the_example_is_handed_on() -> None:
    for name in OURS:
        assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}], name
    example = (REPOSITORY / ".env.example").read_text()
    declared = set(re.findall(r"(?m)^([A-Z][A-Z0-9_]*)=", example))
    # Each container has files and addresses of its own, which no .env may change.
    fixed = {
        name
        for name, value in PRODUCTION["x-environment"].items()
        if "$" not in str(value) and name in declared
    }
    assert fixed == {"SNOWFLAKE_PRIVATE_KEY_PATH"}


def test_what_needs_a_secret_fails_without_it() -> None:
    for name in ("DAGSTER_POSTGRES_PASSWORD", "LAKE_SECRET_KEY", "LOGIN_CLIENT_SECRET"):
        uses = re.findall(r"\$\{" + name + r"([^}]*)\}", TEXT)
        assert uses
        assert all(use.startswith(":?") for use in uses), name


def test_the_example_names_everything_that_must_be_set() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    named = set(re.findall(r"(?m)^(?:# )?([A-Z][A-Z0-9_]*)=", example))
    for file in FILES:
        required = set(re.findall(r"\$\{([A-Z0-9_]+):\?", (REPOSITORY / file).read_text()))
        assert len(required) >= 2
        assert required - named == set(), file


def test_images_are_pinned() -> None:
    for file in FILES:
        for name, service in yaml.safe_load((REPOSITORY / file).read_text())["services"].items():
            image = service["image"]
            if image in ("dataplatform:local",) or image.startswith("${DATAPLATFORM_IMAGE:?"):
                continue
            tag = image.rpartition(":")[2]
            assert re.search(r"\d+\.\d+|\d{4}-\d{2}-\d{2}", tag), f"{name}: {image}"


def test_every_part_restarts_by_itself_and_says_how_it_is() -> None:
    ends_by_itself = {"migrate", "buckets"}
    for name, service in SERVICES.items():
        wanted = "on-failure" if name in ends_by_itself else "unless-stopped"
        assert service["restart"] == wanted, name
    for name in ("code", "daemon", "webserver", "postgres", "minio"):
        assert service_health(name), name


def test_no_part_is_asked_for_the_port_of_another() -> None:
    # The image's own question is for the code location; whoever is something else says so.
    for name in set(OURS) - {"code"}:
        assert "healthcheck" in SERVICES[name], name
        assert "grpc-health-check" not in str(SERVICES[name]["healthcheck"]), name
    assert "/health" in service_health("webhooks")[-1]


def test_no_part_takes_all_of_the_machine_or_more_rights() -> None:
    for name, service in SERVICES.items():
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 4096, name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_development_is_given_what_its_environment_names() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    given = set(yaml.safe_load(text)["services"]["platform"]["environment"])
    wanted = _referred((REPOSITORY / "config/environments/compose.yml").read_text())
    # What has a default in the file need not be given, and the rest is found or made there.
    assert {"LAKE_ENDPOINT", "LAKE_ACCESS_KEY", "LAKE_SECRET_KEY"} <= wanted & given
    optional = {"DATAPLATFORM_DEMO_SEED", "DATAPLATFORM_DEMO_SCALE", "PROJECT_ROOT"}
    assert wanted - optional <= given
    assert given <= wanted | {"DATAPLATFORM_ENV"}


def service_health(name: str) -> list[str]:
    return list(SERVICES[name]["healthcheck"]["test"])


def test_only_the_login_and_the_webhooks_are_reached_and_from_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"login", "webhooks"}
    assert all(port.startswith("127.0.0.1:") for many in ports.values() for port in many)
    assert SERVICES["login"]["environment"]["OAUTH2_PROXY_UPSTREAMS"] == "http://webserver:3000"
    assert "-p" in SERVICES["webserver"]["command"]
    assert "3000" in SERVICES["webserver"]["command"]


def test_the_port_of_the_code_location_is_one_number() -> None:
    workspace = yaml.safe_load((REPOSITORY / "deploy/dagster/workspace.yaml").read_text())
    (server,) = workspace["load_from"]
    assert server["grpc_server"]["port"] == CODE_PORT
    assert str(CODE_PORT) in service_health("code")
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert f'"-p", "{CODE_PORT}"' in dockerfile
    assert re.search(rf"(?m)^EXPOSE .*\b{CODE_PORT}\b", dockerfile)


def test_our_own_containers_may_write_only_where_they_keep_things() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    kept = {volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])}
    assert kept == set(PRODUCTION["volumes"])


def test_the_code_location_is_given_time_to_end_its_runs() -> None:
    assert SERVICES["code"]["stop_grace_period"] == "30m"


def test_what_each_part_waits_for_exists() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            ends = how["condition"] == "service_completed_successfully"
            assert ends == (other in ("migrate", "buckets")), (name, other)
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            # A part that a managed service replaces may be absent.
            absent = SERVICES[other].get("profiles", [])
            assert not absent or how.get("required") is False or absent == service["profiles"]


def test_files_that_are_mounted_exist() -> None:
    for config in PRODUCTION["configs"].values():
        assert (REPOSITORY / config["file"]).is_file()
