"""Verdicts travel unharmed; errors are never passes."""

from __future__ import annotations

import json

import duckdb
import pytest

from dataplatform.checks import families
from dataplatform.checks.measured_line import parse_measured
from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.checks.verdicts import LOG_MARK, Verdict, dump_line, parse_log_line, plain
from dataplatform.keys import Relation

TABLE = Relation("s", "t")


def test_a_verdict_survives_the_log():
    verdict = Verdict(
        "r", TABLE, False, "WARN", "é “x”", 3.5, 2, 4, ("a", "b\nc"), "select 1", None
    )
    line = f"12:00:01  {dump_line([verdict])}\n"
    assert parse_log_line(line) == [verdict]
    assert parse_log_line("12:00:01  1 of 3 OK created") == []


def test_a_torn_line_is_an_error():
    with pytest.raises(ValueError, match="cannot be read"):
        parse_log_line('dataplatform-verdicts [{"name": ')
    with pytest.raises(ValueError, match="Not a verdict"):
        parse_log_line('dataplatform-verdicts [{"no": 1}]')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3),
        ("3.50", 3.5),
        ("-1", -1),
        ("2025-01-01", "2025-01-01"),
        ("1_000", "1_000"),
        ("", ""),
        (None, None),
        (4.0, 4),
        (True, True),
        ("nan", "nan"),
        ("-", "-"),
        (".", "."),
    ],
)
def test_numbers_come_back_as_numbers(value, expected):
    assert plain(value) == expected


def rules():
    none = Threshold("eq", 0)
    return [
        Check("good", TABLE, "null_count", none, ("a",)),
        Check("broken", TABLE, "sql", none, (), {"query": "select nonsense(1)"}),
        Check("two_rows", TABLE, "sql", none, (), {"query": "select * from range(2)"}),
        Check("absent", TABLE, "null_count", none, ("aa",)),
        Check(
            "types", TABLE, "schema", none, ("a", "b"), {"types": {"a": "integer", "b": "string"}}
        ),
    ]


def test_a_rule_that_errors_is_an_error_and_leaves_the_others_alone():
    connection = duckdb.connect()
    connection.execute("create schema s; create table s.t as select 1 as a, date '2025-01-01' as b")
    found = {
        v.name: v
        for v in run_scan(
            lambda sql: connection.execute(sql).fetchall(),
            rules(),
            "duckdb",
            {"a": "INTEGER", "b": "DATE"},
        )
    }
    assert found["good"].passed
    assert not found["broken"].passed and "nonsense" in found["broken"].error
    assert not found["two_rows"].passed and found["two_rows"].error
    assert "no column 'aa'" in found["absent"].error and "'a'" in found["absent"].error
    assert found["types"].observed == "b is DATE, declared string"


def test_a_missing_table_is_an_error_of_every_rule():
    found = run_scan(lambda sql: [], rules(), "duckdb", None)
    assert len(found) == 5
    assert not any(v.passed for v in found)
    assert all("does not exist" in v.error for v in found)


def test_nothing_is_asked_twice_when_all_is_well():
    connection = duckdb.connect()
    connection.execute("create schema s; create table s.t as select 1 as a")
    asked = []

    def execute(sql):
        asked.append(sql)
        return connection.execute(sql).fetchall()

    run_scan(execute, rules()[:1], "duckdb", {"a": "INTEGER"})
    assert len(asked) == 1
    connection.execute("insert into s.t values (null)")
    (verdict,) = run_scan(execute, rules()[:1], "duckdb", {"a": "INTEGER"})
    assert len(asked) == 3
    assert verdict.sample_keys == ("null",)


@pytest.mark.parametrize(
    ("declared", "physical", "kept"),
    [
        ("string", "VARCHAR", True),
        ("string", "VARCHAR(20)", True),
        ("string", "INTEGER", False),
        ("integer", "BIGINT", True),
        ("integer", "DOUBLE", False),
        ("integer", "NUMBER(38,0)", True),
        ("number", "DECIMAL(14,2)", True),
        ("number", "VARCHAR", False),
        ("timestamp", "TIMESTAMP WITH TIME ZONE", True),
        ("timestamp", "TIMESTAMP_NTZ(9)", True),
        ("timestamp", "DATE", False),
        ("date", "DATE", True),
        ("boolean", "BOOLEAN", True),
        ("object", "JSON", True),
        ("object", "STRUCT(a INTEGER, b VARCHAR[])", True),
        ("array", "VARCHAR[]", True),
        ("array", "INTEGER", False),
        ("json", "VARIANT", True),
        ("whatever", "INTEGER", True),
    ],
)
def test_types_by_family(declared, physical, kept):
    assert families.keeps(declared, physical) is kept


def test_figures_leave_in_the_line_of_the_verdicts():
    figures = [["rows", "", "12"], ["mean", "age", "1.5"], ["max", "age", None],
               ["quantiles", "age", "[1, 2, 3, 4, 5.5]"]]  # fmt: skip
    item = {"measured": "staging.people", "figures": figures}
    line = "12:00:01  " + LOG_MARK + json.dumps([item])
    assert parse_log_line(line) == []
    assert parse_measured(line) == {
        Relation("staging", "people"): {
            (None, "rows"): 12.0,
            ("age", "mean"): 1.5,
            ("age", "max"): None,
            ("age", "q05"): 1.0,
            ("age", "q25"): 2.0,
            ("age", "q50"): 3.0,
            ("age", "q75"): 4.0,
            ("age", "q95"): 5.5,
        }
    }
    assert parse_measured("12:00:01  1 of 3 OK created sql table model") == {}
