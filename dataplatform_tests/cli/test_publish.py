"""``dataplatform publish`` as its users meet it: versions, rollback, release, and every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.duckdb_file import warehouse_lock
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.publication import Note
from dataplatform.runtime.home import open_instance
from dataplatform_tests.resources.publishing_worlds import build, group, read
from dataplatform_tests.transform.conftest import ENVIRONMENT

ORDERS = Relation("marts", "orders")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    file = tmp_path / "config/environments/local.yml"
    file.parent.mkdir(parents=True)
    file.write_text(ENVIRONMENT, encoding="utf-8")
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / ".dataplatform").mkdir()
    return open_project(tmp_path)


def publish(project: Project, number: int) -> None:
    warehouse = open_warehouse(project.environment, project)
    build(warehouse, number)  # type: ignore[arg-type]
    warehouse.published.publish(group(number), Note("a run", run_id=f"{number}00000000"))


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["publish", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(app, ["publish", *arguments], catch_exceptions=False)
    return str(caught.value)


def test_versions_are_listed_and_a_table_goes_back_on_record(project: Project) -> None:
    publish(project, 1)
    publish(project, 2)
    lines = said("--list", "orders").splitlines()
    assert [line.split()[-1] == "served" for line in lines[1:]] == [True, False]
    assert "12" in lines[1] and "11" in lines[2] and "20000000" in lines[1]
    assert len(said().splitlines()) == 7
    out = said("--rollback", "orders", "--why", "Prices are in cents.", "--who", "anna")
    assert "marts.orders serves version" in out and "11 rows" in out
    warehouse = open_warehouse(project.environment, project)
    assert read(warehouse)["orders"] == (1, 11)  # type: ignore[arg-type]
    with open_instance(project) as instance:
        last = latest_materialisations(instance, [asset_key(ORDERS)])[asset_key(ORDERS)]
        assert (last.data_version, last.row_count) == ("build 1", 11)
        event = instance.get_latest_materialization_event(asset_key(ORDERS))
        assert event is not None and event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
        assert metadata["dataplatform/rolled_back_by"].value == "anna"
        assert metadata["dataplatform/rolled_back_why"].value == "Prices are in cents."
    assert "marts.orders was rolled back by anna: Prices are in cents." in said("marts.orders")
    assert "publishes its candidate again" in said("--release", "marts.orders")


def test_what_was_served_and_not_recorded_is_recorded_by_a_repair(project: Project) -> None:
    assert said("--repair") == "Nothing to repair: every publication is complete.\n"
    publish(project, 1)
    assert said("--repair").count("recorded version") == 3
    assert "Nothing to repair" in said("--repair")


def test_every_mistake_is_a_sentence(project: Project) -> None:
    assert said() == "Nothing is published yet: `make run`.\n"
    publish(project, 1)
    assert "marts.order was never published. Did you mean 'marts.orders'?" in refused("order")
    assert "has no earlier version" in refused("--rollback", "orders")
    assert "has no version 'x'" in refused("--rollback", "orders", "--to", "x")
    assert "Nothing of marts.orders is held" in refused("--release", "orders")
    assert "--to names the version of a --rollback" in refused("--to", "x")
    assert "one thing at a time: --list or --repair" in refused("--list", "--repair")


def test_a_warehouse_in_use_is_told_by_who_holds_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    publish(project, 1)
    monkeypatch.setattr("dataplatform.cli.publish._PATIENCE", 0.2)
    file = project.state / "warehouse.duckdb"
    hold = (
        "import sys, pathlib; from dataplatform.duckdb_file import warehouse_lock\n"
        f"with warehouse_lock(pathlib.Path({str(file)!r}), 'a long backfill'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert "is in use by a long backfill (process" in refused("--rollback", "orders")
    finally:
        process.communicate()
    with warehouse_lock(file, "this test", 5):
        assert process.returncode == 0
