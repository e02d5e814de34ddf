"""The dbt project on two engines and on all: the same rows, the same verdicts."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.cli.parity import build_all, show
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.duckdb_file import open_duckdb
from dataplatform.parity.outcome import outcome_of
from dataplatform.parity.stage import engines, stage
from dataplatform.resources.parity_record import files_fingerprint, last_parity
from dataplatform_tests.servers import copy_project
from dataplatform_tests.transform.company import at, small_company
from dataplatform_tests.transform.raw_tables import sync


@pytest.fixture
def project() -> Iterator[Project]:
    """A project whose warehouse holds the raw tables of the small company."""
    # Not pytest's own folder: PostgreSQL runs as a user who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="parity-"))
    copied = open_project(copy_project(folder).root, "local")
    copied.state.mkdir(parents=True, exist_ok=True)
    with open_duckdb(copied.state / "warehouse.duckdb", purpose="test") as connection:
        sync(connection, small_company(), at("2026-01-01 06:00"))
    yield copied
    shutil.rmtree(folder, ignore_errors=True)


def compared(project: Project, names: list[str]) -> tuple[bool, str]:
    """Build on some engines and return whether nothing differs, and what was printed."""
    screen = io.StringIO()
    outcome = outcome_of(project, build_all(project, names))
    show(Console(file=screen, width=160, highlight=False), outcome)
    return outcome.equal, screen.getvalue()


@pytest.mark.slow
def test_two_engines_give_the_same(project: Project) -> None:
    same, printed = compared(project, ["duckdb", "ducklake"])
    assert same, printed
    assert "candidate.fact_orders" in printed and "not built" not in printed
    assert not (project.state / "parity" / "ducklake").exists()


@pytest.mark.prove
def test_every_engine_gives_the_same(project: Project) -> None:
    same, printed = compared(project, list(engines(project)))
    assert same, printed


@pytest.mark.prove
def test_what_one_engine_makes_otherwise_is_shown_with_its_expression(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is wrong on one engine: the rows, both expressions, exit code, the record."""
    file = project.dbt / "models" / "staging" / "postgres" / "stg_production_customers.sql"
    text, right = file.read_text(encoding="utf-8"), "{{ clean_name('first_name') }}"
    function = "{{ 'lower' if target.name == 'ducklake' else 'upper' }}"
    assert right in text
    wrong = text.replace(right, f"{function}({{{{ clean_text('first_name') }}}})")
    file.write_text(wrong, encoding="utf-8")
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(project.root))
    monkeypatch.setenv("COLUMNS", "200")
    ran = CliRunner().invoke(app, ["parity", "--engines", "duckdb,ducklake"])
    assert ran.exit_code == 3, ran.output
    assert "staging.stg_production_customers only on ducklake: first_name=" in ran.output, (
        ran.output
    )
    assert "first_name is made by" in ran.output
    assert "    duckdb: UPPER(NULLIF(TRIM(" in ran.output
    assert "    ducklake: LOWER(NULLIF(TRIM(" in ran.output
    record = last_parity(project)
    assert record is not None and not record.equal
    assert record.files == files_fingerprint(project)


def test_only_the_servers_of_the_warehouse_are_asked_for(project: Project) -> None:
    folder = project.root / "staged"
    lake = stage(project, "ducklake", folder).environment.local
    assert lake is not None
    assert sorted(lake.model_dump(exclude_none=True)) == ["object_store", "postgres"]
    plain = stage(project, "duckdb", folder).environment
    assert plain.local is not None
    assert plain.local.model_dump(exclude_none=True) == {}
    assert plain.warehouse.type == "duckdb"


def test_an_unknown_engine_is_refused_with_the_nearest(project: Project) -> None:
    with pytest.raises(UserError, match=r"'duckdbs' is not an engine.* Did you mean 'duckdb'"):
        build_all(project, ["ducklake", "duckdbs"])
    with pytest.raises(UserError, match="two engines or more"):
        build_all(project, ["duckdb"])


def test_missing_inputs_are_named(project: Project) -> None:
    with open_duckdb(project.state / "warehouse.duckdb", purpose="test") as connection:
        connection.execute("DROP TABLE raw_community.posts")
    with pytest.raises(UserError, match=r"has no raw_community\.posts: run `make run` first"):
        build_all(project, ["duckdb", "ducklake"])
