"""Two environments of one small project: DuckDB files with a few models' tables in each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.project import Project, open_project
from dataplatform.duckdb_file import open_duckdb
from dataplatform_tests.transform.conftest import (
    ENVIRONMENT,
    MODELS,
    PROFILES,
    PROJECT,
    SCHEMA_MACRO,
    SOURCES,
)

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: things
version: 1.0.0
status: active
team: [{username: anna@example.com, role: owner}]
schema:
  - name: things
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}
      - {name: day, logicalType: date}
      - {name: amount, logicalType: integer, classification: restricted}
"""
ROWS = "(values (1, date '2025-01-01', 10), (2, date '2025-01-02', 20)) t(id, day, amount)"


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder, parsed by dbt once for all tests; they work on copies."""
    folder = tmp_path_factory.mktemp("parsed")
    other = ENVIRONMENT.replace(".dataplatform/warehouse", ".dataplatform/other/warehouse")
    files = {
        "config/environments/local.yml": ENVIRONMENT,
        "config/environments/other.yml": f"state: .dataplatform/other\n{other}",
        "config/contracts/marts/things.yml": CONTRACT,
        "dbt_project/dbt_project.yml": PROJECT,
        "dbt_project/profiles.yml": PROFILES,
        "dbt_project/macros/schema.sql": SCHEMA_MACRO,
        "dbt_project/models/staging/sources.yml": SOURCES,
        "dbt_project/models/staging/stg_things.sql": (
            "select id, day, amount from {{ source('raw_shop', 'things') }}"
        ),
        "dbt_project/models/marts/things.sql": (
            "select id, day, amount from {{ ref('stg_things') }}"
        ),
        "dbt_project/models/marts/totals.sql": "select sum(amount) as t from {{ ref('things') }}",
        "dbt_project/models/marts/alone.sql": "select 1 as one",
        "dbt_project/models/marts/daily.sql": "select 1 as two",
        "dbt_project/models/models.yml": MODELS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    load_graph(open_project(folder, "local"))
    return folder


@pytest.fixture
def project(parsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose environments ``local`` and ``other`` are DuckDB files with equal tables."""
    root = tmp_path / "project"
    shutil.copytree(parsed, root)
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(root))
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    found = open_project(root)
    for environment in ("local", "other"):
        tell(
            open_project(root, environment),
            "create schema staging",
            "create schema candidate",
            "create schema marts",
            f"create table staging.stg_things as select * from {ROWS}",
            f"create table candidate.things as select * from {ROWS}",
            f"create table marts.things as select * from {ROWS}",
            "create table marts.totals as select 30 as t",
        )
    return found


def tell(project: Project, *statements: str) -> None:
    """Run statements in the warehouse file of a project's environment."""
    declared = project.environment.warehouse
    path = project.root / declared.path  # type: ignore[union-attr]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_duckdb(path, purpose="a test") as connection:
        for statement in statements:
            connection.execute(statement)
