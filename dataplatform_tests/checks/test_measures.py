"""What a scan measures of a table, judged on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from dataplatform.checks import measure_sql
from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import (
    categories_sql,
    low_cardinality,
    measured,
    measures_for,
    time_column,
)
from dataplatform.checks.scan import plan, run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation

RELATION = Relation("main", "orders")
COLUMNS = {
    "id": "BIGINT",
    "amount": "DECIMAL(14,2)",
    "status": "VARCHAR",
    "name": "VARCHAR",
    "paid": "BOOLEAN",
    "day": "DATE",
    "updated_at": "TIMESTAMP WITH TIME ZONE",
    "attributes": "JSON",
}
DUCKDB = dialect("duckdb")


@pytest.fixture
def connection() -> Any:
    made = duckdb.connect()
    made.execute("set timezone = 'UTC'")
    made.execute(
        "create table orders as select i as id, cast(i % 100 as decimal(14,2)) as amount, "
        "case when i % 2 = 0 then 'paid' when i % 4 = 1 then 'open' end as status, "
        "case when i % 10 = 0 then 'Zoé' else 'Max' end as name, i % 4 = 0 as paid, "
        "date '2025-01-01' + cast(i // 100 as int) as day, "
        "timestamptz '2025-01-01 12:00:00+00' + i * interval 15 minutes as updated_at, "
        "cast('{}' as json) as attributes from range(1000) r(i)"
    )
    return made


def _measure(
    connection: Any, masked: tuple[str, ...] = (), recent: str | None = "updated_at"
) -> Any:
    asked = measures_for(COLUMNS, DUCKDB, masked, recent)
    scan = plan([], "duckdb", COLUMNS, asked, RELATION)
    return scan.measured(connection.execute(scan.sql).fetchall()[0])


def test_the_figures_are_those_of_the_rows(connection: Any) -> None:
    found = _measure(connection)
    assert found[None, "rows"] == 1000
    assert found["status", "null_share"] == pytest.approx(0.25)
    assert found["status", "distinct"] == 2
    assert found["amount", "mean"] == pytest.approx(49.5)
    assert (found["amount", "min"], found["amount", "max"]) == (0, 99)
    assert found["amount", "q50"] == pytest.approx(49.5, abs=2)
    assert found["name", "non_ascii"] == pytest.approx(0.1)
    assert found["name", "mean_length"] == 3
    assert found["name", "digits"] == 0 and found["name", "test_like"] == 0
    assert found["paid", "mean"] == pytest.approx(0.25)
    assert found["day", "max"] - found["day", "min"] == 9 * 86400
    assert found["attributes", "null_share"] == 0
    assert ("attributes", "distinct") not in found


def test_rows_of_the_last_day_are_measured_by_themselves(connection: Any) -> None:
    found = _measure(connection)
    assert found[None, "recent_rows"] == 96
    assert found["amount", "recent_q50"] is not None
    last = connection.execute(
        "select avg(amount) from orders where updated_at > "
        "(select max(updated_at) - interval 1 day from orders)"
    ).fetchall()[0][0]
    assert found["amount", "recent_mean"] == pytest.approx(last)


def test_few_rows_of_the_last_day_have_their_values_counted_exactly(
    connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = {name: _measure(connection)[name, "recent_distinct"] for name in ("id", "amount")}
    assert exact == {"id": 96, "amount": 96}
    # More of them than are counted one by one: about as many, in little memory.
    monkeypatch.setattr(measure_sql, "FEW", 95)
    about = _measure(connection)["id", "recent_distinct"]
    assert about == pytest.approx(96, rel=0.4)
    assert about != 96


def test_damaged_text_is_counted(connection: Any) -> None:
    assert _measure(connection)["name", "damaged"] == 0
    connection.execute("update orders set name = 'ZoÃ©' where name = 'Zoé'")
    assert _measure(connection)["name", "damaged"] == pytest.approx(0.1)


def test_a_masked_column_gives_no_value_away(connection: Any) -> None:
    found = _measure(connection, masked=("AMOUNT", "day", "status"))
    assert ("amount", "min") not in found and ("amount", "q50") not in found
    assert ("amount", "recent_q50") not in found and ("day", "max") not in found
    assert found["amount", "null_share"] == 0
    assert low_cardinality(COLUMNS, found, ("status",)) == ["name"]


def test_an_empty_table_has_figures_of_nothing(connection: Any) -> None:
    connection.execute("delete from orders")
    found = _measure(connection)
    assert found[None, "rows"] == 0 and found[None, "recent_rows"] == 0
    assert found["amount", "mean"] is None and ("amount", "q50") not in found


def test_columns_of_few_values_are_counted_by_value(connection: Any) -> None:
    few = low_cardinality(COLUMNS, _measure(connection))
    assert few == ["status", "name"]
    rows = connection.execute(categories_sql("orders", few, DUCKDB)).fetchall()
    assert sorted(rows) == [
        ("name", "Max", 900, 900),
        ("name", "Zoé", 100, 100),
        ("status", "open", 250, 250),
        ("status", "paid", 500, 500),
    ]
    lately = connection.execute(
        categories_sql("orders", few, DUCKDB, COLUMNS, "updated_at")
    ).fetchall()
    assert {(name, value): recent for name, value, _, recent in lately}["status", "paid"] == 48


@pytest.mark.parametrize(
    ("columns", "preferred", "expected"),
    [
        ({"a": "TIMESTAMP", "updated_at": "TIMESTAMP"}, None, "updated_at"),
        ({"LastModifiedDate": "TIMESTAMP", "x": "DATE"}, None, "LastModifiedDate"),
        ({"ordered_at": "TIMESTAMP", "day": "DATE"}, "DAY", "day"),
        ({"ordered_at": "TIMESTAMP", "day": "DATE"}, "absent", "ordered_at"),
        ({"day": "DATE", "sent_at": "TIMESTAMP"}, None, "sent_at"),
        ({"_fivetran_synced": "TIMESTAMP", "name": "VARCHAR"}, None, "_fivetran_synced"),
        ({"name": "VARCHAR"}, None, None),
    ],
)
def test_the_time_of_a_row(
    columns: dict[str, str], preferred: str | None, expected: str | None
) -> None:
    assert time_column(columns, preferred) == expected


def test_rules_and_measures_share_one_statement(connection: Any) -> None:
    statements: list[str] = []
    seen: list[Any] = []

    def execute(sql: str) -> Any:
        statements.append(sql)
        return connection.execute(sql).fetchall()

    filled = Check("filled", RELATION, "null_count", Threshold("eq", 0), ("id",), file=Path("c"))
    asked = measures_for(COLUMNS, DUCKDB, (), "updated_at")
    verdicts = run_scan(execute, [filled], "duckdb", COLUMNS, asked, seen.append)
    assert [verdict.passed for verdict in verdicts] == [True]
    assert len(statements) == 1
    assert seen[0][None, "rows"] == 1000


def test_a_broken_rule_leaves_the_measures_alone(connection: Any) -> None:
    seen: list[Any] = []
    broken = Check(
        "broken", RELATION, "sql", Threshold("eq", 0), arguments={"query": "select no_such()"}
    )
    asked = measures_for(COLUMNS, DUCKDB)
    verdicts = run_scan(
        lambda sql: connection.execute(sql).fetchall(),
        [broken],
        "duckdb",
        COLUMNS,
        asked,
        seen.append,
    )
    assert verdicts[0].error is not None
    assert seen[0][None, "rows"] == 1000


@pytest.mark.parametrize("name", ["snowflake"])
def test_measures_are_valid_sql_of_other_warehouses(name: str) -> None:
    import sqlglot

    scan = plan([], name, COLUMNS, measures_for(COLUMNS, dialect(name), (), "day"), RELATION)
    tree = sqlglot.parse_one(scan.sql, read=name)
    assert len(tree.expressions) == 1 + len(scan.measures)


def test_text_from_dbts_log_is_read_as_figures() -> None:
    asked = measures_for({"amount": "number"}, DUCKDB)
    row = ["0.5" if measure.name != "quantiles" else "[1, 2, 3, 4, nan]" for measure in asked]
    row[-1] = "[nan, -inf, NULL, 4.0, 5.0]"
    found = measured(asked, row)
    assert found["amount", "null_share"] == 0.5
    assert [found["amount", name] for name in ("q05", "q25", "q50", "q75")] == [None, None, None, 4]
    assert found["amount", "q95"] == 5.0
