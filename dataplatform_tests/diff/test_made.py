"""Environments made from another one: what they show, what they leave alone, how they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from dagster import AssetMaterialization
from typer.testing import CliRunner, Result

from dataplatform.cli.main import app
from dataplatform.declarations.environment import environment_names
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.made import span
from dataplatform.declarations.project import Project, open_project
from dataplatform.diff.whole import diff
from dataplatform.duckdb_file import warehouse_lock
from dataplatform.environments import made
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.instance import latest_data_version
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform.runtime.home import open_instance
from dataplatform_tests.diff.conftest import tell

THINGS = Relation("marts", "things")


def ran(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(app, ["env", *arguments], input=text, catch_exceptions=False)


def refused(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        ran(*arguments)
    return str(caught.value)


def rows(project: Project, sql: str) -> list[tuple[object, ...]]:
    return open_warehouse(project.environment, project).query(sql, "a test")


def published(project: Project) -> None:
    """Publish the mart as a run does, and record what was made."""
    tell(project, "drop table marts.things")
    group = [Publication(Relation("candidate", "things"), THINGS, data_version="v1")]
    open_warehouse(project.environment, project).published.publish(group, Note("a run"))
    tell(project, "create view staging.stg_view as select * from warehouse.staging.stg_things")
    with open_instance(project) as instance:
        tags = {"dagster/data_version": "v1"}
        instance.report_runless_asset_event(AssetMaterialization(asset_key(THINGS), tags=tags))


@pytest.mark.parametrize("how", ["--defer", "--clone"])
def test_what_is_changed_in_it_is_changed_in_it_alone(project: Project, how: str) -> None:
    published(project)
    said = ran("create", "pr-1", how).output
    verb = "shows" if how == "--defer" else "has a copy of"
    assert said.startswith(f"pr-1 {verb} 5 tables of local (")
    new = open_project(project.root, "pr-1")
    everything = (
        "select (select count(*) from marts.things), (select sum(amount) from candidate.things)"
    )
    assert rows(new, everything) == rows(project, everything) == [(2, 30)]
    warehouse = open_warehouse(new.environment, new)
    # The same version is served, so that a run need not publish it again.
    assert warehouse.published.served()[THINGS].data_version == "v1"
    with open_instance(new) as instance:
        assert latest_data_version(instance, asset_key(THINGS)) == "v1"
    with warehouse.session("a test") as session:
        session.execute("drop view if exists candidate.things" if how == "--defer" else "select 1")
        session.execute("create or replace table candidate.things as select 3 as id, 40 as amount")
    # A view follows what it reads here, not what it reads there.
    with warehouse.session("a test") as session:
        session.execute(f"drop {'view' if how == '--defer' else 'table'} staging.stg_things")
        session.execute("create table staging.stg_things as select 9 as id, 1 as day, 2 as amount")
    group = [Publication(Relation("candidate", "things"), THINGS, data_version="v2")]
    warehouse.published.publish(group, Note("a run"))
    assert rows(new, "select * from marts.things") == [(3, 40)]
    assert rows(new, "select id from staging.stg_view") == [(9,)]
    assert rows(project, everything) == [(2, 30)]
    assert ran("drop", "pr-1", "--yes").output == "pr-1 is dropped; local is as it was.\n"
    assert rows(project, everything) == [(2, 30)]
    assert environment_names(project.root) == ["local", "other"]
    assert not (project.root / ".dataplatform" / "pr-1").exists()


def test_only_what_was_built_in_it_is_compared(project: Project) -> None:
    published(project)
    made.create(project.root, "pr-1", "local", "defer", timedelta(days=1), "anna")
    new = open_project(project.root, "pr-1")
    states = {str(one.table): one.state for one in diff(new, "local", (), open_instance).tables}
    assert set(states.values()) == {"deferred"}
    with open_warehouse(new.environment, new).session("a test") as session:
        session.execute("drop view candidate.things")
        session.execute(
            "create table candidate.things as select id, day, amount + id as amount "
            "from staging.stg_things"
        )
    for here, there in ((new, "local"), (project, "pr-1")):
        found = diff(here, there, ("marts.things",), open_instance)
        (one,) = found.tables
        changed = one.rows.changed if one.rows else 0
        # Readers of the made environment still see the published rows.
        assert (one.state, changed) == (("different", 2) if here is new else ("same", 0))


def test_one_that_failed_while_it_was_made_left_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(made, "_graph", broken)
    with pytest.raises(KeyboardInterrupt):
        made.create(project.root, "pr-1", "local", None, timedelta(days=1), "anna")
    assert not (project.root / ".dataplatform" / "pr-1").exists()
    assert "pr-1" not in environment_names(project.root)


def test_what_a_killed_attempt_left_is_replaced(project: Project) -> None:
    left = project.root / ".dataplatform" / "pr-1"
    left.mkdir()
    (left / "warehouse.duckdb").write_text("half a file")
    assert ran("create", "pr-1").exit_code == 0


def test_those_whose_time_is_over_are_dropped(project: Project) -> None:
    assert ran("expire").output == "No made environment has expired.\n"
    made.create(project.root, "pr-old", "local", "defer", timedelta(hours=1), "anna")
    made.create(project.root, "pr-new", "local", "defer", timedelta(days=9), "anna")
    later = datetime.now(UTC) + timedelta(days=2)
    assert made.expired(project.root) == []
    assert made.expired(project.root, later) == ["pr-old"]
    file = project.root / "config/environments/pr-old.yml"
    year = f"{datetime.now(UTC).year}-"
    file.write_text(file.read_text().replace(f"expires: '{year}", "expires: '1999-", 1))
    assert "pr-old" in ran("expire", text="n\n").output
    assert "pr-old" in environment_names(project.root)
    assert ran("expire", "--yes").output == "pr-old is dropped.\n"
    assert environment_names(project.root) == ["local", "other", "pr-new"]


def test_every_mistake_is_a_sentence(project: Project) -> None:
    assert "'123' cannot be the name of a made environment" in refused("create", "123")
    assert "'../x' cannot be the name" in refused("create", "../x")
    assert "Choose one: --clone" in refused("create", "pr-1", "--clone", "--defer")
    assert "write hours, days or weeks" in refused("create", "pr-1", "--expires", "soon")
    assert "'locl' is not an environment" in refused("create", "pr-1", "--from", "locl")
    assert "No environment 'pr-1' was made" in refused("drop", "pr-1")
    assert "local was not made by" in refused("drop", "local", "--yes")
    made.create(project.root, "pr-1", "local", None, timedelta(days=1), "anna")
    assert "pr-1 is there already" in refused("create", "pr-1")
    assert "make pr-2 from local" in refused("create", "pr-2", "--from", "pr-1")
    assert "Did you mean 'pr-1'?" in refused("drop", "pr-11", "--yes")
    assert ran("drop", "pr-1", text="n\n").exit_code == 1
    assert "pr-1" in environment_names(project.root)


def test_a_base_that_is_gone_or_in_use_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.create(project.root, "pr-1", "local", "defer", timedelta(days=1), "anna")
    file = project.root / ".dataplatform" / "warehouse.duckdb"
    new = open_project(project.root, "pr-1")
    with pytest.raises(duckdb.Error, match="read-only"):
        rows(new, "create table dataplatform_base.staging.mine as select 1")
    hidden = file.rename(file.with_suffix(".hidden"))
    with pytest.raises(UserError, match="is gone: drop this environment"):
        rows(new, "select 1")
    assert "has no tables yet" in refused("create", "pr-2")
    hidden.rename(file)
    with warehouse_lock(file, "a test"):
        assert rows(new, "select count(*) from marts.things") == [(2,)]


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("7d", 168), ("2w", 336), (" 1d ", 24)])
def test_a_time_to_live_is_read(text: str, hours: int) -> None:
    assert span(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "7", "0d", "-1d", "1.5d", "7 days", "99999h"])
def test_what_is_no_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no time to live"):
        span(text)
