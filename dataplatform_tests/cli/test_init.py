"""A new project: sound as it is written, and never written over something."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dataplatform.cli import init
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    monkeypatch.delenv("DATAPLATFORM_PROJECT", raising=False)


def test_new_project_is_sound(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(init.command)
    result = CliRunner().invoke(app, [str(tmp_path / "mine")])
    assert result.exit_code == 0, result.output
    assert f"DATAPLATFORM_PROJECT={tmp_path / 'mine'} dataplatform run" in result.output
    project = open_project(tmp_path / "mine")
    project.check()
    assert project.relations == {
        Relation("raw_postgres_public", "customers"),
        Relation("staging", "stg_customers"),
        Relation("candidate", "customers_by_country"),
        Relation("marts", "customers_by_country"),
        Relation("curated", "customers_by_country"),
    }
    assert (project.dbt / "macros" / "generate_schema_name.sql").is_file()
    assert (project.dbt / "tests/contracts/contract_customers_by_country.sql").is_file()
    assert str(tmp_path / "mine") in (project.root / "README.md").read_text()


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    assert init.create(tmp_path).root == tmp_path


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: name a new folder"):
        init.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UserError, match="is a file: name a folder"):
        init.create(tmp_path / "notes.txt")


def test_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(init.FILES, "config/pipelines/daily.yml", "owner: nobody\n")
    with pytest.raises(UserError):
        init.create(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.prove
def test_dbt_reads_the_new_project(tmp_path: Path) -> None:
    from dataplatform.declarations.dbt_project import load_graph

    load_graph(init.create(tmp_path / "mine"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_new_project_runs_to_its_published_mart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On real servers: the demo's rows, a sync, dbt, the contract, the published table."""
    project = init.create(tmp_path / "mine")
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(project.root))
    from dagster import DagsterInstance

    from dataplatform.definitions import build_definitions
    from dataplatform.duckdb_file import open_duckdb
    from dataplatform.ingestion.apply import apply_connections
    from dataplatform.local import supervisor
    from dataplatform.local.sources.demo import seed_if_asked

    supervisor.start(project)
    try:
        seed_if_asked(project)
        apply_connections(project, tell=lambda change: None)
        job = build_definitions(project).resolve_implicit_global_asset_job_def()
        with DagsterInstance.ephemeral(str(tmp_path)) as instance:
            result = job.execute_in_process(instance=instance)
        verdicts = result.get_asset_check_evaluations()
    finally:
        supervisor.stop(project)

    assert result.success
    assert verdicts and all(one.passed for one in verdicts)
    with open_duckdb(
        project.state / "warehouse.duckdb", purpose="test", read_only=True
    ) as warehouse:
        rows = warehouse.execute("select sum(customer_count) from marts.customers_by_country")
        assert rows.fetchone() == (1000,)
