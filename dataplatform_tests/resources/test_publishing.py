"""Versions of published tables: kept, bounded, rolled back, and never left half."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform_tests.resources.publishing_worlds import (
    NAMES,
    Autocommitting,
    Killed,
    build,
    group,
    kept,
    read,
)

ORDERS = Relation("marts", "orders")
ANNA = Note("anna", "Prices are in cents.")


@pytest.fixture(params=["duckdb", "autocommitting"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> DuckDBAdapter:
    if request.param == "autocommitting":
        return Autocommitting()
    return DuckDBAdapter(lambda: tmp_path / "warehouse.duckdb")


def publish(warehouse: DuckDBAdapter, number: int, keep: int = 3) -> None:
    build(warehouse, number)
    warehouse.published.publish(group(number, keep=keep), Note("a run", run_id=f"run {number}"))


def served(warehouse: DuckDBAdapter) -> int:
    builds = {number for number, _ in read(warehouse).values()}
    assert len(builds) == 1, builds
    return builds.pop()


def test_versions_are_kept_listed_and_bounded(warehouse: DuckDBAdapter) -> None:
    for number in range(1, 6):
        publish(warehouse, number)
    assert read(warehouse) == dict.fromkeys(NAMES, (5, 15))
    versions = warehouse.published.versions(ORDERS)
    assert [(one.data_version, one.current, one.row_count) for one in versions] == [
        ("build 5", True, 15),
        ("build 4", False, 14),
        ("build 3", False, 13),
    ]
    assert versions[0].run_id == "run 5" and versions[0].published_at > versions[1].published_at
    assert len(kept(warehouse)) == 3 * len(NAMES)
    assert len(warehouse.published.versions()) == 3 * len(NAMES)


def test_a_table_goes_back_and_forth_between_its_versions(warehouse: DuckDBAdapter) -> None:
    for number in (1, 2, 3):
        publish(warehouse, number)
    publisher = warehouse.published
    back, facts = publisher.roll_back(ORDERS, None, ANNA)
    assert (back.data_version, facts.row_count) == ("build 2", 12)
    assert read(warehouse)["orders"] == (2, 12) and read(warehouse)["payments"] == (3, 13)
    now = publisher.served([ORDERS])[ORDERS]
    assert (now.held, now.note.who, now.note.why) == ("build 3", "anna", "Prices are in cents.")
    # Once more back: what is held back is still the build that was refused first.
    publisher.roll_back(ORDERS, None, ANNA)
    assert read(warehouse)["orders"] == (1, 11)
    assert publisher.served([ORDERS])[ORDERS].held == "build 3"
    newest = publisher.versions(ORDERS)[0]
    publisher.roll_back(ORDERS, newest.id, ANNA)
    assert read(warehouse)["orders"] == (3, 13)
    assert publisher.served([ORDERS])[ORDERS].held == ""


def test_the_served_version_is_never_tidied_away(warehouse: DuckDBAdapter) -> None:
    publish(warehouse, 1)
    publish(warehouse, 2)
    warehouse.published.roll_back(ORDERS, None, ANNA)
    for number in (3, 4, 5, 6):
        build(warehouse, number)
        others = [one for one in group(number) if one.target != ORDERS]
        warehouse.published.publish(others, Note())
    assert read(warehouse)["orders"] == (1, 11)
    publish(warehouse, 7)
    assert read(warehouse)["orders"] == (7, 17)


def test_what_is_released_is_held_no_longer(warehouse: DuckDBAdapter) -> None:
    publish(warehouse, 1)
    publish(warehouse, 2)
    warehouse.published.roll_back(ORDERS, None, ANNA)
    released = warehouse.published.release(ORDERS, Note("ben"))
    assert not released.held and read(warehouse)["orders"] == (1, 11)
    assert warehouse.published.served([ORDERS])[ORDERS].held == ""
    with pytest.raises(UserError, match=r"^Nothing of marts\.orders is held back"):
        warehouse.published.release(ORDERS, Note("ben"))


def test_every_mistake_is_a_sentence(warehouse: DuckDBAdapter) -> None:
    publisher = warehouse.published
    with pytest.raises(UserError, match=r"^marts\.orders was never published: nothing was, so far"):
        publisher.roll_back(ORDERS, None, ANNA)
    assert publisher.repair() == [] and publisher.served() == {}
    publish(warehouse, 1)
    for wrong, to, said in (
        ("order", None, r"marts\.order was never published\. Did you mean 'marts\.orders'\?"),
        ("orders", None, r"marts\.orders has no earlier version: \w+ is the oldest that is kept"),
        ("orders", "1999", r"marts\.orders has no version '1999'; it may have been tidied away"),
        ("orders", "2", r"marts\.orders serves version \w+ already"),
    ):
        with pytest.raises(UserError, match=said):
            publisher.roll_back(Relation("marts", wrong), to, ANNA)
    publish(warehouse, 2)
    with pytest.raises(UserError, match=r"'2' begins 2 versions of marts\.orders: write"):
        publisher.roll_back(ORDERS, "2", ANNA)
    with pytest.raises(UserError, match=r"has no table candidate\.nothing"):
        publisher.publish(
            [
                *group(2),
                Publication(Relation("candidate", "nothing"), Relation("marts", "nothing")),
            ],
            Note(),
        )
    assert served(warehouse) == 2


def test_a_table_of_before_becomes_a_version_of_its_own(tmp_path: Path) -> None:
    warehouse = DuckDBAdapter(lambda: tmp_path / "warehouse.duckdb")
    build(warehouse, 1)
    with warehouse.session("an older release") as session:
        session.execute("CREATE SCHEMA marts")
        session.execute("CREATE TABLE marts.orders AS SELECT 0 AS build")
        session.execute("COMMENT ON COLUMN candidate.orders.id IS 'The order.'")
    facts = warehouse.published.publish(group(1), Note())
    assert facts[ORDERS].comments == {"id": "The order."}
    assert served(warehouse) == 1
    shown = warehouse.facts([ORDERS])[ORDERS]
    assert (shown.comments, list(shown.columns)) == ({"id": "The order."}, ["id", "build"])


def statements() -> int:
    """Count the statements of one publication of a group over an earlier one."""
    warehouse = Autocommitting()
    publish(warehouse, 1, keep=1)
    build(warehouse, 2)
    warehouse.said.clear()
    warehouse.published.publish(group(2, keep=1), Note())
    return len(warehouse.said)


def test_a_kill_between_any_two_statements_leaves_all_old_or_all_new() -> None:
    length = statements()
    assert length > 20
    undone = 0
    for lives in range(length):
        warehouse = Autocommitting()
        publish(warehouse, 1, keep=1)
        build(warehouse, 2)
        warehouse.lives = lives
        with pytest.raises(Killed):
            warehouse.published.publish(group(2, keep=1), Note())
        warehouse.lives = None
        said = warehouse.published.repair()
        number = served(warehouse)
        undone += any("undid" in one for one in said)
        assert warehouse.published.repair() == []
        # Nothing is left over, and the next publication finds all in order.
        current = {one.relation.table for one in warehouse.published.versions() if one.current}
        assert current <= kept(warehouse)
        assert {one.data_version for one in warehouse.published.served().values()} == {
            f"build {number}"
        }
        build(warehouse, 3)
        warehouse.published.publish(group(3, keep=1), Note())
        assert served(warehouse) == 3
        assert len(kept(warehouse)) == len(NAMES)
    assert undone


def test_a_kill_between_any_two_statements_of_a_rollback() -> None:
    lives, ended = 0, False
    while not ended:
        warehouse = Autocommitting()
        publish(warehouse, 1)
        publish(warehouse, 2)
        warehouse.lives = lives
        try:
            warehouse.published.roll_back(ORDERS, None, ANNA)
            ended = True
        except Killed:
            pass
        warehouse.lives = None
        warehouse.published.repair()
        number = read(warehouse)["orders"][0]
        assert warehouse.published.served()[ORDERS].data_version == f"build {number}"
        lives += 1
    assert number == 1 and lives > 5


def test_a_living_publication_is_not_undone_by_another_process() -> None:
    warehouse = Autocommitting()
    publish(warehouse, 1)
    build(warehouse, 2)
    warehouse.said.clear()
    warehouse.published.publish(group(2), Note())
    copy = next(place for place, text in enumerate(warehouse.said) if " CLONE " in text)
    build(warehouse, 3)
    # Cut off while it copies: to the next run it may still be alive, to a person it is not.
    warehouse.lives = copy + 1
    with pytest.raises(Killed):
        warehouse.published.publish(group(3), Note())
    warehouse.lives = None
    assert warehouse.published.repair(force=False) == []
    assert len(warehouse.published.repair()) == len(NAMES)
    assert served(warehouse) == 2


def test_the_journal_is_bounded(tmp_path: Path) -> None:
    warehouse = DuckDBAdapter(lambda: tmp_path / "warehouse.duckdb")
    for number in range(1, 60):
        build(warehouse, number, ["orders"])
        warehouse.published.publish(group(number, ["orders"], keep=2), Note())
    (rows,) = warehouse.query("SELECT count(*) FROM dataplatform.publications", "test")
    assert rows[0] <= 51
    assert [one.data_version for one in warehouse.published.versions(ORDERS)] == [
        "build 59",
        "build 58",
    ]


def test_a_version_is_protected_before_anybody_reads_it(warehouse: DuckDBAdapter) -> None:
    seen: list[tuple[str, list[str]]] = []

    def protect(copy: Relation, columns: Mapping[str, str]) -> list[str]:
        seen.append((copy.schema, list(columns)))
        return [f'ALTER TABLE "versions"."{copy.table}" RENAME COLUMN nothing TO something']

    publish(warehouse, 1)
    build(warehouse, 2)
    guarded = [replace(one, protect=protect) for one in group(2)]
    with pytest.raises(UserError, match="cannot be protected as config"):
        warehouse.published.publish(guarded, Note())
    # Nobody was shown a row of what could not be protected.
    assert seen and seen[0][0] == "versions"
    assert served(warehouse) == 1
