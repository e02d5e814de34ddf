"""From one environment to another: gates, a build that fails, tables that are wrong, and a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetMaterialization,
    DagsterInstance,
)
from typer.testing import CliRunner

from dataplatform.cli import promote as command
from dataplatform.cli.main import app
from dataplatform.cli.promote_facts import undeclared_changes
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.diff.found import DIFFERENT, ONLY_HERE, ONLY_THERE, Diff, RowsDiff, TableDiff
from dataplatform.keys import Relation, asset_key
from dataplatform.promotion import gates, record
from dataplatform.promotion.carry_out import alone, promote, undo_killed
from dataplatform.promotion.promised import promised
from dataplatform.promotion.record import Promotion
from dataplatform.resources.instance import latest_data_version
from dataplatform.resources.parity_record import ParityRecord, files_fingerprint, keep_parity
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform.runtime.home import open_instance
from dataplatform_tests.diff.conftest import parsed, project, tell  # noqa: F401

THINGS, TOTALS = Relation("marts", "things"), Relation("marts", "totals")
NOTE = Note("anna", "It is right.")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    found = DagsterInstance.ephemeral()
    yield found
    found.dispose()


@pytest.fixture
def target(project: Project) -> Project:  # noqa: F811
    """The environment ``other``, which serves a first version of two marts."""
    other = open_project(project.root, "other")
    tell(other, "drop table marts.things", "drop table marts.totals")
    tell(other, "create table candidate.totals as select 30 as t")
    publish(other, "v1", THINGS, TOTALS)
    return other


def warehouse(of: Project) -> Warehouse:
    return open_warehouse(of.environment, of)


def publish(of: Project, version: str, *tables: Relation) -> None:
    group = [Publication(Relation("candidate", t.table), t, data_version=version) for t in tables]
    warehouse(of).published.publish(group, Note("a run"))


def building(of: Project, statement: str, *tables: Relation) -> Callable[[], list[str]]:
    def build() -> list[str]:
        tell(of, statement)
        publish(of, "v2", *tables)
        return []

    return build


def things(of: Project) -> list[tuple[object, ...]]:
    return warehouse(of).query("select id, amount from marts.things order by id", "a test")


GOOD = "update candidate.things set amount = 11 where id = 1"
#: Breaks the contract's primary key.
BAD = "insert into candidate.things select * from candidate.things"


def test_a_good_one_is_served_and_written_down(target: Project, instance: DagsterInstance) -> None:
    done = promote(target, instance, [THINGS], "local", "abc", NOTE, building(target, GOOD, THINGS))
    assert (done.state, things(target)) == ("done", [(1, 11), (2, 20)])
    (told,) = record.read(warehouse(target))
    assert (told.source, told.target, told.digest) == ("local", "other", "abc")
    assert (told.who, told.why, told.state) == ("anna", "It is right.", "done")
    assert told.ended and told == done


def test_tables_that_look_wrong_go_back_by_themselves(
    target: Project, instance: DagsterInstance
) -> None:
    build = building(target, BAD, THINGS, TOTALS)
    done = promote(target, instance, [THINGS, TOTALS], "local", "abc", NOTE, build)
    assert done.state == "undone" and "marts.things breaks the rule" in done.said
    assert "marts.totals serves version" in done.said
    assert things(target) == [(1, 10), (2, 20)]
    served = warehouse(target).published.served()
    assert {one.data_version for one in served.values()} == {"v1"}
    # The next run does not publish again what was undone.
    assert served[THINGS].held == "v2"
    assert latest_data_version(instance, asset_key(THINGS)) == "v1"


@pytest.mark.parametrize("how", ["told", "raised"])
def test_a_build_that_fails_changes_nothing(
    target: Project, instance: DagsterInstance, how: str
) -> None:
    def build() -> list[str]:
        publish(target, "v2", TOTALS)
        if how == "raised":
            raise UserError("The warehouse stayed in use.")
        return ["dbt_build failed."]

    done = promote(target, instance, [THINGS, TOTALS], "local", "abc", NOTE, build)
    assert done.state == "undone"
    assert done.said.startswith(
        "The warehouse stayed in use." if how == "raised" else "dbt_build failed."
    )
    served = warehouse(target).published.served()
    assert {one.data_version for one in served.values()} == {"v1"}


@pytest.mark.parametrize("published", [(), (THINGS,), (THINGS, TOTALS)], ids=len)
def test_one_that_was_killed_is_undone_by_the_next(
    target: Project, instance: DagsterInstance, published: tuple[Relation, ...]
) -> None:
    def build() -> list[str]:
        tell(target, GOOD)
        publish(target, "v2", *published)
        raise Killed

    with pytest.raises(Killed):
        promote(target, instance, [THINGS, TOTALS], "local", "abc", NOTE, build)
    assert record.read(warehouse(target))[0].state == "started"
    with alone(target):
        said = undo_killed(target, instance)
        assert undo_killed(target, instance) == []
    assert [one.split()[0] for one in said if one.endswith(" again.")] == [*map(str, published)]
    assert things(target) == [(1, 10), (2, 20)]
    (told,) = record.read(warehouse(target))
    assert told.state == "undone" and "ended before it did" in told.said


def test_a_table_that_is_new_has_nothing_to_go_back_to(
    target: Project, instance: DagsterInstance
) -> None:
    alone_, new = Relation("marts", "alone"), "create table candidate.alone as select 1 as one"
    build = building(target, new, alone_)
    done = promote(target, instance, [alone_], "local", "abc", NOTE, build)
    assert done.state == "done"
    tell(target, "delete from candidate.alone")

    def failing() -> list[str]:
        publish(target, "v3", alone_)
        return ["It failed."]

    mine = Promotion("local", "other", "x", "anna", "", {Relation("marts", "daily"): ""})
    record.write(warehouse(target), mine)
    done = promote(target, instance, [alone_], "local", "abc", NOTE, failing)
    assert "marts.alone serves version" in done.said


def test_two_at_once_are_refused(target: Project) -> None:
    with (
        alone(target),
        pytest.raises(UserError, match="Another promotion to other is under way"),
        alone(target),
    ):
        pass


def difference(*tables: TableDiff) -> Diff:
    return Diff("local", "other", tables)


def test_only_what_consumers_read_is_promoted() -> None:
    rows = RowsDiff(("id",), 2, 3, added=1)
    found = difference(
        TableDiff(THINGS, THINGS, DIFFERENT, rows),
        TableDiff(TOTALS, TOTALS, ONLY_HERE),
        TableDiff(Relation("marts", "old"), TOTALS, ONLY_THERE),
        TableDiff(Relation("staging", "stg_things"), THINGS, DIFFERENT, rows),
    )
    assert [one.table for one in gates.promoted(found)] == [THINGS, TOTALS]


def test_approval_is_of_exactly_one_difference() -> None:
    rows = RowsDiff(("id",), 2, 3, added=1)
    found = difference(TableDiff(THINGS, THINGS, DIFFERENT, rows))
    assert gates.approval_gate(found, found.digest).open
    assert f"--approve {found.digest}" in gates.approval_gate(found, "").against[0]
    assert "is not this difference" in gates.approval_gate(found, "abc").against[0]
    other = difference(TableDiff(THINGS, THINGS, DIFFERENT, RowsDiff(("id",), 2, 4, added=2)))
    assert other.digest != found.digest


def test_what_was_not_built_from_these_files_is_refused(
    project: Project,  # noqa: F811
    instance: DagsterInstance,
) -> None:
    models = gates.above(project, [TOTALS])
    assert {str(one) for one in models} == {
        "candidate.totals",
        "candidate.things",
        "staging.stg_things",
    }
    assert len(gates.built_gate(project, instance, models).against) == 3
    for node in load_graph(project).nodes:
        code = "other" if node.table == "things" else node.code_version
        tags = {"dagster/code_version": code, "dagster/data_version": "v1"}
        event = AssetMaterialization(asset_key(node.relation), tags=tags)
        instance.report_runless_asset_event(event)
    told = "built in local from other code: DATAPLATFORM_ENV=local dataplatform run."
    assert gates.built_gate(project, instance, models).against == (f"candidate.things was {told}",)


@pytest.mark.parametrize("severity", [AssetCheckSeverity.ERROR, AssetCheckSeverity.WARN])
def test_a_broken_error_rule_closes_a_gate_and_a_warning_does_not(
    project: Project,  # noqa: F811
    instance: DagsterInstance,
    severity: AssetCheckSeverity,
) -> None:
    stg = Relation("staging", "stg_things")
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=asset_key(stg),
            check_name="id_is_there",
            passed=False,
            metadata={},
            severity=severity,
        )
    )
    gate = gates.rules_gate(project, instance, [stg])
    assert gate.open == (severity == AssetCheckSeverity.WARN)
    if not gate.open:
        assert gate.against == (
            "staging.stg_things breaks the rule id_is_there in local: mend it and run again.",
        )


def test_a_promised_column_must_be_there(project: Project) -> None:  # noqa: F811
    gone = ("amount is gone (it was INTEGER)", "note is gone (it was VARCHAR)")
    found = difference(TableDiff(THINGS, THINGS, DIFFERENT, RowsDiff((), 1, 1), gone))
    assert gates.contracts_gate(project, found).against == (
        "marts.things has no column amount, which its contract promises.",
    )
    none = difference(TableDiff(TOTALS, TOTALS, DIFFERENT, RowsDiff((), 1, 1, added=1)))
    assert "marts.totals has no contract" in gates.contracts_gate(project, none).against[0]


def test_engines_of_two_kinds_must_have_been_compared(project: Project) -> None:  # noqa: F811
    file = project.root / "config/environments/local.yml"
    lake = "warehouse: {type: ducklake, catalog: {host: h, user: u, password: p, database: d}, "
    lake += "files: {url: 's3://x/', access_key: a, secret_key: b}}"
    text = file.read_text(encoding="utf-8").split("\n", 2)[2]
    file.with_name("team.yml").write_text(f"{lake}\n{text}", encoding="utf-8")
    team = open_project(project.root, "team")
    assert gates.parity_gate(project, open_project(project.root, "other")).open
    todo = "run `dataplatform parity --engines duckdb,ducklake`."
    never = f"duckdb and ducklake were never compared: {todo}"
    assert gates.parity_gate(project, team).against == (never,)

    def compared(*engines: str, equal: bool = True) -> str:
        files = files_fingerprint(project)
        keep_parity(project, ParityRecord(engines, equal, files, "today", 1, 1))
        return " ".join(gates.parity_gate(project, team).against)

    assert compared("duckdb", "snowflake") == never
    assert compared("ducklake", "duckdb", equal=False).startswith("ducklake and duckdb differed")
    assert compared("ducklake", "snowflake", "duckdb") == ""
    model = project.dbt / "models/marts/things.sql"
    model.write_text(model.read_text() + " -- changed", encoding="utf-8")
    assert "The files changed" in gates.parity_gate(project, team).against[0]


def test_a_promise_broken_since_the_last_promotion_must_be_declared(
    target: Project, instance: DagsterInstance
) -> None:
    assert undeclared_changes(target, [THINGS]) == []
    promote(target, instance, [THINGS], "local", "abc", NOTE, building(target, GOOD, THINGS))
    assert undeclared_changes(target, [THINGS]) == []
    file = target.root / "config/contracts/marts/things.yml"
    gone = "      - {name: day, logicalType: date}\n"
    shorter = file.read_text(encoding="utf-8").replace(gone, "")
    file.write_text(shorter, encoding="utf-8")
    (said,) = undeclared_changes(open_project(target.root, "other"), [THINGS])
    assert said.startswith("config/contracts/marts/things.yml: day is gone. 1 breaking change")
    assert "from 1.0.0 to 2.0.0" in said
    assert undeclared_changes(open_project(target.root, "other"), [TOTALS]) == []
    gate = gates.contracts_gate(target, difference(), [said])
    assert gate.against == (said,)
    file.write_text(shorter.replace("1.0.0", "2.0.0"), encoding="utf-8")
    changed = open_project(target.root, "other")
    assert undeclared_changes(changed, [THINGS]) == []
    # What is promised now is what the next change is held against.
    done = promote(changed, instance, [THINGS], "local", "b", NOTE, building(changed, GOOD, THINGS))
    assert done.state == "done" and promised(warehouse(changed))[THINGS].version == "2.0.0"


def test_the_command_finishes_what_was_killed(
    target: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ran(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["promote", *arguments], catch_exceptions=False)
        return done.exit_code, done.output

    with pytest.raises(UserError, match="Say --to"):
        ran("--resume")
    assert ran("--resume", "--to", "other")[1].startswith("Nothing to finish")
    mine = Promotion("local", "other", "x", "anna", "", {THINGS: "", TOTALS: ""})
    record.write(warehouse(target), mine)
    monkeypatch.setattr(command, "_build", lambda of, tables: building(of, GOOD, *tables)())
    code, said = ran("--resume", "--to", "other")
    assert (code, said) == (0, "done         from local: 2 tables\n")
    assert things(target) == [(1, 11), (2, 20)]
    record.write(warehouse(target), Promotion("local", "other", "x", "eve", "", {THINGS: ""}))
    monkeypatch.setattr(command, "_build", lambda of, tables: ["dbt_build failed."])
    assert ran("--resume", "--to", "other")[0] == 1
    assert record.read(warehouse(target))[0].state == "undone"


def test_the_command_shows_gates_and_promotes_what_was_approved(
    project: Project,  # noqa: F811
    target: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAPLATFORM_ENV", "local")
    project = open_project(project.root, "local")

    def ran(*arguments: str) -> tuple[int, str]:
        line = ["promote", "--to", "other", "--no-drift", *arguments]
        done = CliRunner().invoke(app, line, catch_exceptions=False)
        return done.exit_code, done.output

    assert ran("--log") == (0, "Nothing was ever promoted to other.\n")
    assert "serve the same marts" in ran("--from", "local")[1]
    tell(project, GOOD)
    code, said = ran("--from", "local")
    assert code == 3 and "candidate.things was never built in local: " in said
    with open_instance(project) as records:
        for node in load_graph(project).nodes:
            tags = {"dagster/code_version": node.code_version, "dagster/data_version": "v1"}
            records.report_runless_asset_event(
                AssetMaterialization(asset_key(node.relation), tags=tags)
            )
    code, said = ran("--from", "local", "--dry-run")
    digest = said.split("--approve ")[1].split(".")[0]
    assert (code, ran("--from", "local", "--dry-run", "--approve", digest)[0]) == (3, 0)
    assert things(target) == [(1, 10), (2, 20)]
    monkeypatch.setattr(command, "_build", lambda of, tables: building(of, GOOD, *tables)())
    code, said = ran("--from", "local", "--approve", digest, "--who", "eve")
    assert (code, things(target)) == (0, [(1, 11), (2, 20)])
    assert "done" in said
    code, said = ran("--log")
    assert "eve" in said and digest in said and "done: 1 tables" in said
    with pytest.raises(UserError, match="Say --from and --to"):
        ran()
