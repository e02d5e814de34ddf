"""docker-compose.yml, read as Compose reads it: no engine runs here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from dataplatform.declarations.environment import load_environment

ROOT = Path(__file__).parents[2]
SERVICE_KEYS = {
    "image", "build", "command", "environment", "ports", "volumes", "healthcheck", "depends_on",
    "init",
}  # fmt: skip


def _compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def test_services_images_ports_and_volumes() -> None:
    compose = _compose()
    assert set(compose) == {"name", "services", "volumes"}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9._-]+", service["image"]), name
        assert not service["image"].endswith(":latest")
        for port in service["ports"]:
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
        for other in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][other]


def test_the_platform_is_given_what_its_environment_asks_for() -> None:
    platform = _compose()["services"]["platform"]
    given = platform["environment"]
    environment = load_environment(ROOT, given["DATAPLATFORM_ENV"])
    text = (ROOT / "config/environments/compose.yml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+)[:}]", text)) - {"PROJECT_ROOT"}
    assert asked - set(given) == {"DATAPLATFORM_DEMO_SEED"}
    assert set(given) - asked == {"DATAPLATFORM_ENV"}
    assert environment.local is not None and environment.local.object_store is None
    minio = _compose()["services"]["minio"]
    assert given["LAKE_ENDPOINT"] == f"http://minio:{minio['ports'][0].split(':')[-1]}"
    assert (ROOT / platform["build"]["dockerfile"]).exists()
