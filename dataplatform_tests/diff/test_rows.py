"""Rows of two tables, compared by SQL, held against the same compared one by one in Python."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import duckdb
import pytest

from dataplatform.diff import asking as module
from dataplatform.diff.asking import Pair
from dataplatform.diff.expressions import words_of
from dataplatform.diff.found import RowsDiff
from dataplatform.diff.rows import compare_rows
from dataplatform.resources.warehouse.duckdb import DuckDBSession

COLUMNS = {"id": "INTEGER", "name": "VARCHAR", "price": "DECIMAL(10,2)", "score": "DOUBLE"}
Row = tuple[Any, ...]


def compared(
    here: Sequence[Row],
    there: Sequence[Row],
    key: Sequence[str] = ("id",),
    masked: Sequence[str] = (),
    other_types: dict[str, str] | None = None,
) -> RowsDiff:
    types = {name: (kind, (other_types or {}).get(name, kind)) for name, kind in COLUMNS.items()}
    with duckdb.connect() as connection:
        for side, (table, many) in enumerate((("a", here), ("b", there))):
            listed = ", ".join(f"{name} {kinds[side]}" for name, kinds in types.items())
            connection.execute(f"CREATE TABLE {table} ({listed})")
            if many:
                places = ", ".join(["(?, ?, ?, ?)"] * len(many))
                values = [value for row in many for value in row]
                connection.execute(f"INSERT INTO {table} VALUES {places}", values)
        pair = Pair("a", "b", {n: (n, n) for n in COLUMNS}, types, key, masked)
        return compare_rows(DuckDBSession(connection), pair, words_of("duckdb"))


def made(number: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    return [
        (
            one,
            chance.choice(["a", "b", "", None, "é 'quoted'"]),
            chance.choice([None, 1.5, 2.25, -3]),
            chance.choice([None, 0.1, float("inf"), 1e300, 0.0]),
        )
        for one in range(number)
    ]


def changed(rows: Sequence[Row], seed: int, share: float) -> list[Row]:
    chance = random.Random(seed)
    found: list[Row] = []
    for row in rows:
        roll = chance.random()
        if roll < share / 3:
            continue
        new = list(row)
        if roll < share:
            place = chance.randrange(1, 4)
            new[place] = {1: "new", 2: 9.99, 3: 7.5}[place]
        found.append(tuple(new))
    extra = int(len(rows) * share / 4)
    return [*found, *((len(rows) + one, "more", 1.0, 2.0) for one in range(extra))]


@pytest.mark.parametrize("few", [0, module.FEW], ids=["all rows joined", "few drawers"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_rows_with_a_key_are_matched_by_it(
    seed: int, share: float, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEW", few)
    there = made(400, seed)
    here = changed(there, seed + 10, share)
    found = compared(here, there)
    mine, theirs = ({row[0]: row for row in rows} for rows in (here, there))
    both = mine.keys() & theirs.keys()
    by_column = Counter(
        name
        for key in both
        for name, a, b in zip(COLUMNS, mine[key], theirs[key], strict=True)
        if a != b
    )
    assert (found.before, found.after) == (len(there), len(here))
    assert found.added == len(mine.keys() - theirs.keys())
    assert found.removed == len(theirs.keys() - mine.keys())
    assert found.changed == sum(mine[key] != theirs[key] for key in both)
    assert dict(found.by_column) == dict(by_column)
    assert found.same == (here == there)
    kinds = Counter(sample.kind for sample in found.samples)
    for kind in ("added", "removed", "changed"):
        assert min(1, getattr(found, kind)) <= kinds[kind] <= min(5, getattr(found, kind))
    for sample in found.samples:
        key = int(sample.key["id"])
        assert (key in mine, key in theirs) == (sample.kind != "removed", sample.kind != "added")


@pytest.mark.parametrize("seed", range(4))
def test_rows_without_a_key_are_counted_as_often_as_they_occur(seed: int) -> None:
    chance = random.Random(seed)
    there = [(chance.randrange(4), chance.choice("ab"), 1, None) for _ in range(200)]
    here = [(chance.randrange(5), chance.choice("ab"), 1, None) for _ in range(210)]
    found = compared(here, there, key=())
    mine, theirs = Counter(here), Counter(there)
    assert found.added == sum((mine - theirs).values())
    assert found.removed == sum((theirs - mine).values())
    assert found.changed == 0 and found.key == ()


def test_a_key_that_is_none_is_said_to_be_and_rows_are_counted() -> None:
    there = [(1, "a", 1, None), (1, "b", 1, None), (2, "c", 1, None)]
    here = [(1, "a", 1, None), (1, "x", 1, None), (2, "c", 1, None)]
    found = compared(here, there)
    assert (found.added, found.removed, found.changed) == (1, 1, 0)
    assert found.note == "id does not tell the rows apart: whole rows were counted."
    empty = compared([(None, "a", 1, None)], [(None, "b", 1, None)])
    assert (empty.added, empty.removed) == (1, 1) and empty.note


def test_doubles_that_agree_to_nine_digits_are_equal() -> None:
    there = [(1, "a", 1, 0.1 + 0.2), (2, "a", 1, 1.0)]
    here = [(1, "a", 1, 0.3), (2, "a", 1, 1.00001)]
    found = compared(here, there)
    assert (found.changed, dict(found.by_column)) == (1, {"score": 1})
    assert (compared(here[:1], there[:1], key=()).same, compared(here, there, key=()).added) == (
        True,
        1,
    )


def test_classified_values_are_not_shown() -> None:
    there = [(1, "anna@example.com", 1, None), (2, "b", 1, None)]
    here = [(1, "eve@example.com", 2, None), (3, "carl@example.com", 1, None)]
    for key in (("id",), ()):
        found = compared(here, there, key=key, masked=("name",))
        assert "example.com" not in str(found.samples)
    by_kind = {one.kind: one for one in compared(here, there, masked=("name",)).samples}
    assert by_kind["changed"].values == {"name": ("***", "***"), "price": ("1.00", "2.00")}
    assert by_kind["added"].key == {"id": "3", "name": "***", "price": "1.00", "score": "null"}
    assert "***" in str(compared(here, there, masked=("id",)).samples[0].key)


@pytest.mark.parametrize(
    ("types", "same"),
    [({"id": "BIGINT"}, True), ({"price": "DOUBLE"}, True), ({"score": "VARCHAR"}, False)],
)
def test_a_column_of_another_type_is_compared_by_value(types: dict[str, str], same: bool) -> None:
    rows = [(1, "a", 1.5, 2.0), (2, "b", 2.5, 4.0)]
    other = [(1, "a", 1.5, 2.0), (2, "b", 2.5, "4" if "score" in types else 4.0)]
    assert compared(rows, other, other_types=types).same == same


def test_a_row_is_shown_by_no_more_than_its_beginning() -> None:
    found = compared([(1, "x" * 500, 1, None)], [(1, "y", 1, None)])
    (sample,) = found.samples
    assert sample.values == {"name": ("y", "x" * 80)}


def test_tables_without_a_common_column_are_counted() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE a AS SELECT 1 AS x FROM range(5)")
        connection.execute("CREATE TABLE b AS SELECT 1 AS y FROM range(3)")
        pair = Pair("a", "b", {}, {}, ())
        found = compare_rows(DuckDBSession(connection), pair, words_of("duckdb"))
    assert (found.before, found.after, found.added, found.removed) == (3, 5, 2, 0)
