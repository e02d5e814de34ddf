"""An environment made from a DuckLake: a catalog of its own that shows the base's tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.diff.found import TableDiff
from dataplatform.diff.places import beside
from dataplatform.diff.sides import Side
from dataplatform.diff.tables import Wanted, compare_tables
from dataplatform.environments import made
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform_tests.resources.lakes import served_lake
from dataplatform_tests.transform.conftest import ENVIRONMENT

pytestmark = pytest.mark.slow

THINGS = Relation("marts", "things")
WANTED = Wanted(THINGS, ("id",))


def compared(here: Project, there: Project) -> TableDiff:
    sides = [Side(p.environment.name, open_warehouse(p.environment, p), p) for p in (here, there)]
    with beside(sides[0], sides[1], WANTED.relations) as both:
        (found,) = compare_tables(both, [WANTED], gone=False)
    return found


def publish(project: Project, version: str) -> None:
    group = [Publication(Relation("candidate", "things"), THINGS, data_version=version)]
    open_warehouse(project.environment, project).published.publish(group, Note("a run"))


def test_a_lake_is_shown_changed_compared_and_dropped(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # dbt's graph of a lake takes another profile; it is copied alike for every warehouse.
    monkeypatch.setattr(made, "_graph", lambda *_: None)
    with served_lake() as settings:
        catalog, files = (
            "".join(f"\n    {name}: {value!r}" for name, value in settings[part].items() if value)
            for part in ("catalog", "files")
        )
        warehouse = f"warehouse:\n  type: ducklake\n  catalog:{catalog}\n  files:{files}\n"
        text = ENVIRONMENT.split("\n", 2)[2]
        file = project.root / "config/environments/lake.yml"
        file.write_text(f"state: .dataplatform/lake\n{warehouse}{text}", encoding="utf-8")
        base = open_project(project.root, "lake")
        with open_warehouse(base.environment, base).session("a test") as session:
            for schema in ("staging", "candidate", "marts"):
                session.execute(f"create schema {schema}")
            session.execute(
                "create table candidate.things as select range::integer as id, 1 as n from range(9)"
            )
            session.execute("create view staging.seen as select * from candidate.things")
        publish(base, "v1")
        with pytest.raises(UserError, match="A DuckLake cannot be cloned"):
            made.create(project.root, "pr-1", "lake", "clone", timedelta(days=1), "anna")
        done = made.create(project.root, "pr-1", "lake", None, timedelta(days=1), "anna")
        assert (done.made.how, done.made.tables) == ("defer", 3)
        new = open_project(project.root, "pr-1")
        assert compared(new, base).state == "deferred"
        changed = open_warehouse(new.environment, new)
        with changed.session("a test") as session:
            assert session.execute("select count(*) from staging.seen") == [(9,)]
            session.execute("drop view candidate.things")
            session.execute(
                "create table candidate.things as "
                "select range::integer as id, range // 8 as n from range(1, 10)"
            )
            assert session.execute("select sum(n) from staging.seen") == [(2,)]
        publish(new, "v2")
        found = compared(new, base).rows
        assert found is not None
        assert (found.added, found.removed, found.changed) == (1, 1, 7)
        back = compared(base, new).rows
        assert back is not None and (back.added, back.removed, back.changed) == (1, 1, 7)
        with open_warehouse(base.environment, base).session("a test") as session:
            assert session.execute("select sum(n) from marts.things") == [(9,)]
        made.drop(project.root, "pr-1")
        with pytest.raises(UserError, match="cannot be opened"):
            open_warehouse(new.environment, new).query("select 1", "a test after the end")
        assert compared(base, open_project(project.root, "local")).state == "different"
