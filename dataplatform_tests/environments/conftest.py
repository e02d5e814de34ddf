"""A small project with two environments that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest

LAPTOP = """\
warehouse:
  type: duckdb

fivetran:
  api_url: http://127.0.0.1:1
  api_key: written-key
  api_secret: ${FT_SECRET}
  group: laptop
  destination:
    service: duckdb
    config:
      path: ${PROJECT_ROOT}/w.duckdb

lake:
  endpoint: http://127.0.0.1:2
  region: ${REGION:-eu-central-1}
  access_key: ${file:key.txt}
  secret_key: ${LAKE_SECRET}
  buckets:
    raw: raw
    staging: staging
    curated: curated

variables:
  LAKE_SECRET: ${INNER_SECRET}
  COMMUNITY: https://community.example
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with the environments ``laptop`` and ``server``."""
    for name in ("DATAPLATFORM_ENV", "FT_SECRET", "INNER_SECRET", "REGION", "SERVER_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "config" / "environments"
    folder.mkdir(parents=True)
    (folder / "laptop.yml").write_text(LAPTOP)
    server = LAPTOP.replace("group: laptop", "group: server").replace("written-key", "other-key")
    server += "dagster_url: https://dagster.example\n"
    (folder / "server.yml").write_text(server)
    (tmp_path / "key.txt").write_text("key-from-file\n")
    (tmp_path / "dbt_project").mkdir()
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    monkeypatch.setenv("DATAPLATFORM_ENV", "laptop")
    return tmp_path
