"""``dataplatform diff`` as its users meet it: what it tells, writes, refuses and exits with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterInstance
from typer.testing import CliRunner, Result

from dataplatform.cli.main import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.diff.places import beside
from dataplatform.diff.sides import Side
from dataplatform.diff.tables import compare_tables, wanted_tables
from dataplatform.diff.whole import diff
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.diff.conftest import tell


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["diff", *arguments], catch_exceptions=False)


def refused(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        ran(*arguments)
    return str(caught.value)


def change(project: Project) -> None:
    tell(
        project,
        "update candidate.things set amount = 11 where id = 1",
        "insert into candidate.things values (3, date '2025-01-03', 30)",
        "alter table staging.stg_things add column note varchar",
        "create schema if not exists snapshots",
    )


def test_equal_environments_do_not_differ(project: Project) -> None:
    done = ran("--against", "other")
    assert done.exit_code == 0
    assert done.output == "Nothing differs between local and other.\n"


def test_what_differs_is_told_by_table_and_column_and_written_for_people(
    project: Project, tmp_path: Path
) -> None:
    change(project)
    markdown, page = tmp_path / "out" / "diff.md", tmp_path / "diff.html"
    done = ran("--against", "other", "--markdown", str(markdown), "--html", str(page))
    assert done.exit_code == 3
    lines = done.output.splitlines()
    # The mart that a dashboard reads comes before the table that only models read.
    assert lines[1].split()[:6] == ["marts.things", "2", "3", "1", "added,", "1"]
    assert "board, curated.things" in lines[1]
    assert lines[2].split()[0] == "staging.stg_things" and "1 column" in lines[2]
    assert "  marts.things: amount differs in 1 rows" in lines
    # The amount is classified: neither side's value is shown.
    assert "    id=1: amount *** → ***" in lines
    assert "  staging.stg_things: column note is new (VARCHAR)" in lines
    text = markdown.read_text(encoding="utf-8")
    assert "| marts.things | 2 | 3 | 1 | 0 | 1 |" in text
    assert "| added | id=3, day=2025-01-03, amount=*** |" in text
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>") and 'id="marts.things"' in html


def test_a_program_reads_the_same_and_a_digest_of_exactly_that(project: Project) -> None:
    change(project)
    first = json.loads(ran("--against", "other", "--json").output)
    assert first["tables"][0]["by_column"] == {"amount": 1}
    assert first["tables"][0]["exposures"] == ["board"]
    assert json.loads(ran("--against", "other", "--json").output)["digest"] == first["digest"]
    tell(project, "delete from candidate.things where id = 2")
    assert json.loads(ran("--against", "other", "--json").output)["digest"] != first["digest"]


def test_tables_of_one_side_only_are_told(project: Project) -> None:
    tell(project, "create table candidate.alone as select 1 as one")
    tell(
        open_project(project.root, "other"),
        "create table marts.forgotten as select 1 as x",
        "create table marts.daily as select 2 as two",
    )
    found = {str(one.table): one.state for one in _diff(project).different}
    assert found == {"marts.alone": "new", "marts.daily": "gone", "marts.forgotten": "gone"}
    only = ran("--against", "other", "--select", "alone", "--json").output
    assert [one["table"] for one in json.loads(only)["tables"]] == ["marts.alone"]


def test_other_projects_and_files_can_be_compared_with(project: Project) -> None:
    file = project.root / ".dataplatform" / "other" / "warehouse.duckdb"
    assert ran("--against", str(file)).exit_code == 0
    change(project)
    assert ran("--against", str(file), "--select", "marts.*").exit_code == 3
    assert "one warehouse" in refused("--against", str(project.root))


def test_every_mistake_is_a_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Did you mean 'other'?" in refused("--against", "othr")
    assert "No table is called 'thing'. Did you mean 'things'?" in refused(
        *("--against", "other", "--select", "thing")
    )
    blocked = project.root / "file"
    blocked.write_text("")
    said = refused("--against", "other", "--markdown", str(blocked / "diff.md"))
    assert "cannot be written" in said
    (project.root / ".dataplatform/other/warehouse.duckdb").unlink()
    assert "other has nothing to compare" in refused("--against", "other")


def test_warehouses_that_no_engine_reaches_at_once_are_compared_as_files(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project)
    other = open_project(project.root, "other")
    sides = [
        Side(p.environment.name, open_warehouse(p.environment, p), p) for p in (project, other)
    ]
    monkeypatch.setattr(Side, "type", property(lambda side: side.name))
    wanted = wanted_tables(project)
    relations = [relation for one in wanted for relation in one.relations]
    with beside(sides[0], sides[1], relations) as both:
        found = {str(one.table): one for one in compare_tables(both, wanted)}
    rows = found["marts.things"].rows
    assert rows is not None and (rows.added, rows.changed) == (1, 1)
    assert found["staging.stg_things"].columns == ("note is new (VARCHAR)",)


def test_checks_that_say_something_else_are_told(project: Project) -> None:
    instances = {name: DagsterInstance.ephemeral() for name in ("local", "other")}

    @contextmanager
    def records(of: Project) -> Iterator[DagsterInstance]:
        yield instances[of.environment.name]

    for name, passed in (("local", False), ("other", True)):
        for check, result in (("amount_is_small", passed), ("day_is_there", True)):
            instances[name].report_runless_asset_event(
                AssetCheckEvaluation(
                    asset_key=asset_key(Relation("candidate", "things")),
                    check_name=check,
                    passed=result,
                    metadata={},
                    severity=AssetCheckSeverity.ERROR,
                )
            )
    found = diff(project, "other", (), records)
    (only,) = found.checks
    assert (only.table, only.name) == ("candidate.things", "amount_is_small")
    assert (only.before, only.after, found.same) == ("passed", "failed", False)
    for instance in instances.values():
        instance.dispose()


def _diff(project: Project):  # type: ignore[no-untyped-def]
    from dataplatform.runtime.home import open_instance

    return diff(project, "other", (), open_instance)
