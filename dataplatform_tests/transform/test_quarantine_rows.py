"""Rows in quarantine, looked at and brought back: every case, on a warehouse without dbt."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform.transform.quarantine import Quarantine
from dataplatform.transform.replays import last_replays
from dataplatform_tests.transform.conftest import ENVIRONMENT
from dataplatform_tests.transform.test_quarantine import CONTRACT

TABLE = Relation("staging", "stg_things")


class Store:
    """A project with a table, its quarantine and its contract."""

    def __init__(self, root: Path) -> None:
        for name, text in {
            "config/environments/local.yml": ENVIRONMENT,
            "config/contracts/staging/stg_things.yml": CONTRACT.replace(
                "      - name: day\n",
                "      - name: day\n        classification: Confidential\n",
            ),
            "dbt_project/models/staging/stg_things.sql": "select 1 as id",
        }.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.project = open_project(root)
        (root / ".dataplatform").mkdir()
        self.warehouse: Warehouse = open_warehouse(self.project.environment, self.project)
        self.run(
            "create schema staging; create schema quarantine; "
            "create table staging.stg_things (id bigint, day date, amount bigint); "
            "create table quarantine.staging__stg_things (id bigint, day date, amount bigint, "
            "_rule varchar, _quarantined_at timestamptz, _run_id varchar, _key varchar, "
            "_original varchar, _replayed_at timestamp)"
        )

    def run(self, sql: str) -> list[tuple[object, ...]]:
        """Run SQL in the warehouse."""
        return self.warehouse.query(sql, "a test")

    def good(self, *rows: tuple[int | None, int | None]) -> None:
        """Put rows into the table."""
        for number, amount in rows:
            self.run(
                f"insert into staging.stg_things values ({number or 'null'}, date '2025-01-01', "
                f"{'null' if amount is None else amount})"
            )

    def set_aside(self, *rows: tuple[int | None, int | None]) -> None:
        """Put rows into quarantine, as the test of the contract does."""
        for number, amount in rows:
            key = f"'{number}'" if number else "'row ' || md5('x')"
            self.run(
                "insert into quarantine.staging__stg_things values "
                f"({number or 'null'}, date '2025-01-01', "
                f"{'null' if amount is None else amount}, 'amount_is_small', "
                f"now(), 'run 12345678', {key}, md5('{number} {amount}'), null)"
            )

    def table(self) -> list[tuple[object, ...]]:
        """Return the table's rows."""
        return self.run("select id, amount from staging.stg_things order by id, amount")

    @property
    def quarantine(self) -> Quarantine:
        """Its quarantines, as a person meets them."""
        return Quarantine(self.project, self.warehouse)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    return Store(tmp_path)


def test_rows_that_keep_the_rule_now_go_back_and_the_others_stay(store: Store) -> None:
    store.good((1, 10))
    store.set_aside((2, 25), (3, 9999), (4, None), (5, 20))
    done = store.quarantine.replay("stg_things", "anna")
    assert (done.returned, done.settled, done.waiting) == (2, 0, 2)
    assert store.table() == [(1, 10), (2, 25), (5, 20)]
    (left,) = store.quarantine.waiting()
    assert (left.relation, left.rows, left.replayed) == (TABLE, 2, 2)
    # Once more changes nothing.
    again = store.quarantine.replay("stg_things", "anna")
    assert (again.returned, again.settled, again.waiting) == (0, 0, 2)
    assert store.table() == [(1, 10), (2, 25), (5, 20)]


def test_rows_repaired_at_their_source_are_settled_and_never_doubled(store: Store) -> None:
    store.good((2, 10), (3, 20))
    # The second was repaired here too, and the source has the last word on it.
    store.set_aside((2, 9999), (3, 25), (4, 9999))
    done = store.quarantine.replay("stg_things", "anna")
    assert (done.returned, done.settled, done.waiting) == (0, 2, 1)
    assert store.table() == [(2, 10), (3, 20)]


def test_a_key_that_is_repaired_is_told_anew(store: Store) -> None:
    store.good((1, 10))
    store.set_aside((None, 20))
    store.run("update quarantine.staging__stg_things set id = 1")
    assert store.quarantine.replay("stg_things", "anna").settled == 1
    store.set_aside((None, 20))
    store.run("update quarantine.staging__stg_things set id = 6")
    assert store.quarantine.replay("stg_things", "anna").returned == 1
    assert store.table() == [(1, 10), (6, 20)]


def test_a_column_that_the_table_lost_is_left_behind(store: Store) -> None:
    store.run("alter table staging.stg_things drop column day")
    store.set_aside((2, 25))
    assert store.quarantine.replay("stg_things", "anna").returned == 1
    assert store.table() == [(2, 25)]


def test_a_replay_that_fails_changes_nothing(store: Store) -> None:
    store.run("alter table staging.stg_things alter amount set data type tinyint")
    store.run("alter table quarantine.staging__stg_things alter id set data type varchar")
    store.set_aside((2, 25))
    store.run("update quarantine.staging__stg_things set id = 'two'")
    with pytest.raises(Exception, match="Could not convert"):
        store.quarantine.replay("stg_things", "anna")
    assert store.table() == [] and store.quarantine.waiting()[0].rows == 1


def test_a_replay_makes_the_next_build_another_one(store: Store) -> None:
    present = {Relation("dataplatform", "replays")}
    assert last_replays(store.warehouse, set()) == {}
    store.set_aside((2, 25), (3, 9999))
    store.quarantine.replay("stg_things", "anna")
    first = last_replays(store.warehouse, present)
    assert set(first) == {TABLE}
    store.quarantine.replay("stg_things", "anna")
    assert last_replays(store.warehouse, present) == first


def test_what_is_classified_is_masked(store: Store) -> None:
    store.set_aside((2, 9999))
    columns, rows = store.quarantine.show("stg_things", 5)
    shown = dict(zip(columns, rows[0], strict=True))
    assert (shown["day"], shown["amount"], shown["_key"]) == ("***", 9999, "2")
    assert "_original" not in shown


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["quarantine", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_commands_and_every_mistake_are_sentences(store: Store) -> None:
    def refused(*arguments: str) -> str:
        with pytest.raises(UserError) as caught:
            CliRunner().invoke(app, ["quarantine", *arguments], catch_exceptions=False)
        return str(caught.value)

    assert said("list") == "Nothing is in quarantine.\n"
    for verb in ("replay", "drop"):
        more = ("--yes",) if verb == "drop" else ()
        sentence = "Nothing of staging.stg_things waits in quarantine."
        assert refused(verb, "stg_things", *more) == sentence
    store.set_aside((2, 9999), (3, 25))
    assert "amount_is_small (2)" in said("list")
    assert "2  breaks amount_is_small" in said("show", "stg_things")
    assert refused("show", "stg_thing") == (
        "Nothing of stg_thing was ever set aside. Did you mean 'staging.stg_things'?"
    )
    out = said("replay", "staging.stg_things")
    assert "1 rows went back, 0 were there already as good rows, 1 still wait." in out
    assert said("drop", "stg_things", "--yes") == "1 rows deleted.\n"
    assert said("show", "stg_things") == "Nothing of stg_things waits in quarantine.\n"
    store.set_aside((2, 9999))
    store.run("drop table staging.stg_things")
    assert refused("replay", "stg_things") == (
        "staging.stg_things is not there to take its rows back: build it first."
    )
    store.run("drop schema quarantine cascade")
    assert refused("show", "stg_things") == (
        "Nothing is in quarantine, of stg_things or of any other table."
    )


def test_without_its_contract_nothing_says_what_is_good(store: Store) -> None:
    store.set_aside((2, 25))
    (store.project.root / "config/contracts/staging/stg_things.yml").unlink()
    store.project = open_project(store.project.root)
    with pytest.raises(UserError, match=r"^No contract is about staging\.stg_things any more"):
        store.quarantine.replay("stg_things", "anna")
