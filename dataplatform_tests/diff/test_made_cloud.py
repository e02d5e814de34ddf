"""Environments made in the stand-ins for Snowflake and BigQuery: cloned, shown, compared, gone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.diff.found import TableDiff
from dataplatform.diff.places import beside
from dataplatform.diff.sides import Side
from dataplatform.diff.tables import Wanted, compare_tables
from dataplatform.environments import made, made_file
from dataplatform.keys import Relation
from dataplatform.local.bigquery import BigQuery
from dataplatform.local.server import Server
from dataplatform.local.snowflake import Snowflake
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform_tests.child_server import child, free_port, inner_ports
from dataplatform_tests.transform.conftest import ENVIRONMENT

pytestmark = pytest.mark.slow

THINGS = Relation("marts", "things")
WANTED = (
    Wanted(THINGS, ("id",), frozenset({"name"})),
    Wanted(Relation("staging", "bag")),
    Wanted(Relation("staging", "seen"), ("id",)),
)
KINDS: dict[str, type[Server]] = {"snowflake": Snowflake, "bigquery": BigQuery}
#: The same rows in each dialect: numbers, a double, a date, a text with signs, what is missing.
_ROW = "select {0} as id, {1} as name, cast({2} as {double}) as n, date '2025-01-0{3}' as day"
ROWS = ((1, "'a'", 1.5, 1), (2, "'it''s'", 0.1, 2), (3, "null", 1e9, 3), (4, "'d'", 4, 4))
CHANGED = ((1, "'b'", 1.5, 1), (2, "'it''s'", 0.1, 9), (3, "null", 1e9, 3), (5, "'e'", 5, 5))


@pytest.fixture(
    scope="module", params=["snowflake", pytest.param("bigquery", marks=pytest.mark.prove)]
)
def warehouse(request: pytest.FixtureRequest) -> Iterator[str]:
    """The ``warehouse`` block of an environment whose server runs."""
    kind = KINDS[request.param]
    folder = Path(tempfile.mkdtemp(prefix="made-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = kind(
            request.param, folder, free_port(), kind.make_credentials(), inner_ports(kind)
        )
        stack.enter_context(child(server))
        told = server.record()
        if kind is Snowflake:
            settings = {name: told[name] for name in ("host", "port", "user", "password")} | {
                "account": "local",
                "role": "R",
                "warehouse": "W",
                "database": "ANALYTICS",
                "protocol": "http",
            }
        else:
            settings = {"project": "local", "token": told["token"], "endpoint": told["url"]}
        lines = "".join(f"  {name}: {value!r}\n" for name, value in settings.items())
        pool = "  made_in: [local-pr-a]\n" if kind is BigQuery else ""
        yield f"warehouse:\n  type: {request.param}\n{lines}{pool}"


@pytest.fixture
def base(project: Project, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    # dbt's graph takes another profile; it is copied alike for every warehouse.
    monkeypatch.setattr(made, "_graph", lambda *_: None)
    text = ENVIRONMENT.split("\n", 2)[2]
    file = project.root / "config/environments/cloud.yml"
    file.write_text(f"state: .dataplatform/cloud\n{warehouse}{text}", encoding="utf-8")
    found = open_project(project.root, "cloud")
    opened = open_warehouse(found.environment, found)
    with opened.session("a test") as session:
        session.execute(opened.swap.schema("marts"))
    fill(found, ROWS)
    publish(found, "v1")
    return found


def rows(project: Project, listed: tuple[tuple[object, ...], ...]) -> str:
    engine = project.environment.warehouse.engine
    double = "float64" if engine == "bigquery" else "double"
    text = " union all ".join(_ROW.format(*row, double=double) for row in listed)
    return text.replace("''s", "\\'s") if engine == "bigquery" else text


def fill(project: Project, listed: tuple[tuple[object, ...], ...]) -> None:
    opened = open_warehouse(project.environment, project)
    session: Any
    with opened.session("a test") as session:
        for name in ("candidate.things", "staging.bag", "snapshots.kept"):
            relation = Relation(*name.split("."))
            session.execute(opened.swap.schema(relation.schema))
            if opened.swap.kind(session, relation) == "VIEW":
                session.execute(f"drop view {opened.swap.name(relation)}")
            made_of = rows(project, listed)
            session.execute(f"create or replace table {opened.swap.name(relation)} as {made_of}")
        seen = Relation("staging", "seen")
        if opened.swap.kind(session, seen) is None:
            whole = opened.swap.name(Relation("candidate", "things"))
            if project.environment.warehouse.type == "bigquery":
                # As dbt writes it: the stand-in looks up what is not named in full elsewhere.
                whole = f"`{session.client.project}`.{whole}"
            session.execute(f"create view {opened.swap.name(seen)} as select * from {whole}")


def publish(project: Project, version: str) -> None:
    group = [Publication(Relation("candidate", "things"), THINGS, data_version=version)]
    open_warehouse(project.environment, project).published.publish(group, Note("a run"))


def compared(here: Project, there: Project) -> dict[str, TableDiff]:
    sides = [Side(p.environment.name, open_warehouse(p.environment, p), p) for p in (here, there)]
    relations = [relation for one in WANTED for relation in one.relations]
    with beside(sides[0], sides[1], relations) as both:
        # No file was written: one statement asked both sides.
        assert both.dialect == here.environment.warehouse.engine
        return {str(one.table): one for one in compare_tables(both, WANTED, gone=False)}


def query(project: Project, relation: Relation, what: str = "count(*)") -> object:
    opened = open_warehouse(project.environment, project)
    return opened.query(f"select {what} from {opened.swap.name(relation)}", "a test")[0][0]


@pytest.mark.parametrize("how", ["clone", pytest.param("defer", marks=pytest.mark.prove)])
def test_one_is_made_changed_compared_and_dropped(
    base: Project, project: Project, how: str
) -> None:
    done = made.create(base.root, "pr-1", "cloud", how, timedelta(days=1), "anna")
    assert (done.made.how, done.made.tables) == (how, 5)
    new = open_project(base.root, "pr-1")
    opened = open_warehouse(new.environment, new)
    states = {name: one.state for name, one in compared(new, base).items()}
    assert set(states.values()) <= {"same", "deferred"}
    # The stand-in for BigQuery forgets what a statement says of a view.
    marked = how == "defer" and base.environment.warehouse.type == "snowflake"
    assert (states["staging.bag"] == "deferred") is marked
    # The same version is served, so that a run need not publish it again.
    assert opened.published.served()[THINGS].data_version == "v1"
    fill(new, CHANGED)
    publish(new, "v2")
    found = compared(new, base)
    # The same rows in two files of DuckDB differ alike.
    fill(open_project(base.root, "local"), CHANGED)
    fill(open_project(base.root, "other"), ROWS)
    publish(open_project(base.root, "other"), "v1")
    alike = compared(open_project(base.root, "local"), open_project(base.root, "other"))
    for name in ("marts.things", "staging.bag"):
        one, other = found[name].rows, alike[name].rows
        assert one is not None and other is not None
        counts = [
            (x.before, x.after, x.added, x.removed, x.changed, x.by_column) for x in (one, other)
        ]
        assert counts[0] == counts[1]
        assert [(s.kind, s.key, s.values) for s in one.samples] == [
            (s.kind, s.key, s.values) for s in other.samples
        ]
    keyed = found["marts.things"].rows
    assert keyed is not None and (keyed.added, keyed.removed, keyed.changed) == (1, 1, 2)
    assert keyed.by_column == {"name": 1, "day": 1}
    assert query(new, THINGS, "max(id)") == 5 and query(base, THINGS, "max(id)") == 4
    if how == "clone":
        # What was published is gone back from, to a version that came from the base.
        opened.published.roll_back(THINGS, None, Note("anna"))
        assert query(new, THINGS, "max(id)") == 4
    made.drop(base.root, "pr-1")
    assert query(base, THINGS) == 4 and query(base, Relation("staging", "seen")) == 4
    assert made_file.made_environments(base.root) == {}
    assert made.create(base.root, "pr-2", "cloud", None, timedelta(days=1), "a").made.how == "clone"
    if base.environment.warehouse.type == "bigquery":
        with pytest.raises(UserError, match="Each of local-pr-a holds datasets"):
            made.create(base.root, "pr-3", "cloud", None, timedelta(days=1), "anna")
    made.drop(base.root, "pr-2")
