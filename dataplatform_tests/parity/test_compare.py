"""What parity calls a difference, on files that two engines might have written."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dataplatform.diff.tables import Wanted
from dataplatform.keys import Relation
from dataplatform.parity.build import Built
from dataplatform.parity.compare import (
    TableDifference,
    compare_builds,
    compare_verdicts,
    loose,
)
from dataplatform.parity.trace import expression_of

RELATION = Relation("candidate", "things")
ROWS = "SELECT i AS id, CAST(i AS DECIMAL(9, 2)) AS amount, i / 3 AS share FROM range(5) AS t(i)"
TYPES = {"id": "bigint", "amount": "decimal(9,2)", "share": "double"}


def differ(
    folder: Path,
    other: str,
    types: dict[str, str] | None = None,
    *,
    key: tuple[str, ...] = (),
    volatile: tuple[str, ...] = (),
    masked: tuple[str, ...] = (),
) -> TableDifference:
    """Compare the rows above with those of another query."""
    sides = []
    for name, sql, kinds in (("one", ROWS, TYPES), ("two", other, types or TYPES)):
        file = folder / f"{name}.parquet"
        duckdb.sql(f"COPY ({sql}) TO '{file}' (FORMAT parquet)")
        sides.append(Built(name, files={RELATION: file}, types={RELATION: kinds}))
    wanted = Wanted(RELATION, key, frozenset(masked), frozenset(volatile))
    (found,) = compare_builds(sides[0], sides[1], {RELATION: wanted})
    return found


@pytest.mark.parametrize(
    "same",
    [
        f"{ROWS} ORDER BY id DESC",
        ROWS.replace("i / 3", "i / 3 * (1 + 1e-10)"),
        ROWS.replace("DECIMAL(9, 2)", "DECIMAL(18, 4)"),
        ROWS.replace("i AS id", "CAST(i AS DECIMAL(38, 0)) AS ID"),
    ],
    ids=["order", "last digits of a float", "wider decimal", "whole numbers and case of names"],
)
def test_what_only_looks_different_is_equal(tmp_path: Path, same: str) -> None:
    assert differ(tmp_path, same).equal


@pytest.mark.parametrize(
    ("column", "kind", "same"),
    [("amount", "decimal", True), ("id", "decimal", False), ("share", "decimal", False)],
)
def test_a_decimal_that_tells_no_digits_is_any_decimal(
    tmp_path: Path, column: str, kind: str, same: bool
) -> None:
    assert differ(tmp_path, ROWS, {**TYPES, column: kind}).equal is same


@pytest.mark.parametrize(
    ("other", "missing", "extra"),
    [
        (f"{ROWS} LIMIT 4", 1, 0),
        (f"{ROWS} UNION ALL SELECT 1, 1.00, 1 / 3", 0, 1),
        (ROWS.replace("i / 3", "i / 3 * (1 + 1e-6)"), 4, 4),
        (ROWS.replace("CAST(i AS", "CAST(i + 0.01 AS"), 5, 5),
        (ROWS.replace("CAST(i AS", "CAST(nullif(i, 2) AS"), 1, 1),
    ],
    ids=["a row less", "a row twice", "a float beyond the tolerance", "a cent", "a NULL"],
)
def test_rows_that_differ_are_counted(tmp_path: Path, other: str, missing: int, extra: int) -> None:
    found = differ(tmp_path, other)
    assert (found.found.removed, found.found.added, found.equal) == (missing, extra, False)


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (ROWS, (0, 0, 0)),
        (f"{ROWS} LIMIT 4", (1, 0, 0)),
        (ROWS.replace("range(5)", "range(6)"), (0, 1, 0)),
        (ROWS.replace("i / 3", "i / 3 * (1 + 1e-6)"), (0, 0, 4)),
        (ROWS.replace("i / 3", "i / 3 * (1 + 1e-10)"), (0, 0, 0)),
        (f"{ROWS} UNION ALL SELECT 1, 1.00, 1 / 3", (0, 1, 0)),
    ],
    ids=["equal", "a row less", "a row more", "a float beyond", "a float within", "a key twice"],
)
def test_rows_with_a_key_are_paired_by_it(
    tmp_path: Path, other: str, counts: tuple[int, int, int]
) -> None:
    found = differ(tmp_path, other, key=("id",)).found
    assert (found.removed, found.added, found.changed) == counts


def test_a_changed_row_is_shown_with_both_values(tmp_path: Path) -> None:
    other = ROWS.replace("CAST(i AS", "CAST(i + CAST(i = 3 AS INTEGER) AS")
    found = differ(tmp_path, other, key=("id",))
    (shown,) = found.found.samples
    assert (shown.key, shown.values) == ({"id": "3"}, {"amount": ("3", "4")})
    assert found.traced == ("amount",)
    hidden = differ(tmp_path, other, key=("id",), masked=("amount",)).found.samples[0]
    assert hidden.values == {"amount": ("***", "***")}


def test_without_a_key_the_columns_that_differ_come_first(tmp_path: Path) -> None:
    wide = ", ".join(f"0 AS w{n}" for n in range(9))
    rows = f"SELECT {wide}, i AS id FROM range(3) AS t(i)"
    sides = []
    for name, sql in (("one", rows), ("two", rows.replace("i AS id", "i + (i = 2)::INT AS id"))):
        file = tmp_path / f"{name}.parquet"
        duckdb.sql(f"COPY ({sql}) TO '{file}' (FORMAT parquet)")
        kinds = {**{f"w{n}": "integer" for n in range(9)}, "id": "bigint"}
        sides.append(Built(name, files={RELATION: file}, types={RELATION: kinds}))
    (found,) = compare_builds(sides[0], sides[1], {})
    assert found.traced == ("id",)
    assert [(one.kind, next(iter(one.key.items()))) for one in found.found.samples] == [
        ("added", ("id", "3")),
        ("removed", ("id", "2")),
    ]


def test_columns_are_compared_by_name_and_family(tmp_path: Path) -> None:
    types = {"id": "integer", "amount": "decimal(18,4)", "extra": "string"}
    found = differ(tmp_path, ROWS, types)
    assert found.columns == (
        "amount is decimal(9,2) on one and decimal(18,4) on two",
        "share is missing on two",
        "extra is missing on one",
    )
    assert (loose("integer"), loose("decimal(38,0)"), loose("date")) == (
        "whole number",
        "whole number",
        "date",
    )


def test_volatile_columns_are_left_out(tmp_path: Path) -> None:
    other = ROWS.replace("i / 3", "i / 7")
    assert not differ(tmp_path, other).equal
    assert differ(tmp_path, other, volatile=("share",)).equal


def test_a_model_that_was_not_built_is_a_difference(tmp_path: Path) -> None:
    file = tmp_path / "one.parquet"
    duckdb.sql(f"COPY ({ROWS}) TO '{file}' (FORMAT parquet)")
    one = Built("one", files={RELATION: file}, types={RELATION: TYPES})
    (found,) = compare_builds(one, Built("two"), {})
    assert (found.rows, found.equal) == ((5, None), False)


def test_verdicts_that_differ_are_named() -> None:
    one = Built("one", verdicts={"a": "passed", "b": "passed", "c": "failed"})
    two = Built("two", verdicts={"a": "passed", "b": "failed"})
    assert compare_verdicts(one, two) == {
        "b": ("passed", "failed"),
        "c": ("failed", "not judged"),
    }


def test_the_expression_of_a_column_is_found_through_ctes() -> None:
    sql = """
        with source as (select * from raw.t),
        renamed as (select id as thing_id, upper(trim(name)) as name from source)
        select r.thing_id, r.name from renamed as r
    """
    assert expression_of(sql, "name", "duckdb") == "UPPER(TRIM(name))"
    assert expression_of(sql, "thing_id", "duckdb") == "id"
    assert expression_of("no SQL (", "name", "duckdb") == "name"
