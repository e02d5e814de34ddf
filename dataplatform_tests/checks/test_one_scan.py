"""How many statements a scan needs, what a broken rule does to the others, what is never shown."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import measures_for
from dataplatform.checks.scan import run_scan
from dataplatform.checks.scope import limited
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation
from dataplatform.quality.raw_scan import reading

TABLE = Relation("s", "t")
NONE, EVERY = Threshold("eq", 0), Threshold("mostly", 1.0)
COLUMNS = {"id": "INTEGER", "email": "VARCHAR", "age": "VARCHAR", "day": "DATE"}


@pytest.fixture
def table():
    connection = duckdb.connect()
    connection.execute("create schema s")
    connection.execute(
        "create table s.t as select i as id, 'user' || i || '@example.com' as email, "
        "case when i = 7 then 'seven' else cast(i as varchar) end as age, "
        "date '2025-01-01' + cast(i // 10 as integer) as day from range(1, 101) t(i)"
    )
    yield connection
    connection.close()


@pytest.fixture
def counted(table):
    """Run statements and remember them."""

    class Counted(list):
        def __call__(self, sql):
            self.append(sql)
            return table.execute(sql).fetchall()

    return Counted()


def check(name, metric, *columns, threshold=NONE, **more):
    arguments = more.pop("arguments", {})
    return Check(name, TABLE, metric, threshold, columns, arguments, key=("id",), **more)


def good(count):
    return [
        check(f"not_null_{i}", "null_count", ("id", "email", "age", "day")[i % 4])
        for i in range(count)
    ]


def bad(name):
    return check(name, "failing_rows", "age", arguments={"predicate": "cast(age as integer) > 900"})


def test_rules_and_measures_of_a_table_are_one_statement(counted):
    rules = [
        *good(12),
        check("unique", "nonunique_count", "id", threshold=EVERY),
        check("mean", "mean", "id", threshold=Threshold("between", 0, 1000)),
    ]
    measures = measures_for(COLUMNS, dialect("duckdb"))
    seen = {}
    verdicts = run_scan(counted, rules, "duckdb", COLUMNS, measures, seen.update)
    assert all(verdict.passed for verdict in verdicts)
    assert len(counted) == 1
    assert len(seen) >= len(measures)


def test_samples_of_any_number_of_broken_rules_are_one_more_statement(counted):
    rules = [
        check(f"below_{i}", "failing_rows", "id", arguments={"predicate": f"id > {i}"})
        for i in (10, 50, 90)
    ]
    verdicts = run_scan(counted, rules, "duckdb", COLUMNS)
    assert [verdict.failing_count for verdict in verdicts] == [90, 50, 10]
    assert [len(verdict.sample_keys) for verdict in verdicts] == [20, 20, 10]
    assert len(counted) == 2


@pytest.mark.parametrize("places", [(0,), (15,), (7, 8), (0, 5, 15)])
def test_a_rule_that_errors_is_an_error_and_spoils_no_other(counted, places):
    rules = good(16)
    for place in places:
        rules[place] = bad(f"broken_{place}")
    rules[3] = check("too_many", "failing_rows", "id", arguments={"predicate": "id > 98"})
    verdicts = run_scan(counted, rules, "duckdb", COLUMNS)
    assert [verdict.name for verdict in verdicts] == [rule.name for rule in rules]
    for place, verdict in enumerate(verdicts):
        if place in places:
            assert not verdict.passed
            assert "Conversion Error" in verdict.error
        else:
            assert verdict.error is None
            assert verdict.passed == (place != 3)
    assert verdicts[3].sample_keys == ("100", "99")
    # Halving: far fewer statements than one for each rule.
    assert len(counted) <= 2 + 2 * 4 * len(places)


def test_measures_outlive_a_broken_rule(counted):
    seen = {}
    measures = measures_for(COLUMNS, dialect("duckdb"))
    verdicts = run_scan(
        counted, [bad("broken"), *good(3)], "duckdb", COLUMNS, measures, seen.update
    )
    assert [verdict.error is None for verdict in verdicts] == [False, True, True, True]
    assert len(seen) >= len(measures)


def test_classified_values_are_never_shown(counted):
    hidden = frozenset({"email", "age"})
    rules = [
        replace(rule, masked=hidden, key=("id", "email"))
        for rule in (
            check("mail", "invalid_count", "email", arguments={"pattern": "^x"}, threshold=EVERY),
            check("largest", "max", "email", threshold=Threshold("le", "a")),
            check("usual", "most_common", "email", arguments={"values": ["x"], "ties": True}),
            bad("broken"),
        )
    ]
    mail, largest, usual, broken = run_scan(counted, rules, "duckdb", COLUMNS)
    assert mail.sample_keys[0].startswith("1")
    assert all(key.endswith(", ***") for key in mail.sample_keys)
    assert (largest.observed, usual.observed) == ("***", "***")
    assert not largest.passed
    assert broken.error.startswith("Conversion Error (")
    assert not any(
        "seven" in str(v) or "@example" in str(v) for v in (mail, largest, usual, broken)
    )


def test_a_rule_of_some_rows_says_so(counted):
    rules = [
        check("mean", "mean", "id", threshold=Threshold("ge", 90)),
        check("rows", "row_count", threshold=Threshold("eq", 11)),
        check("old", "failing_rows", "id", arguments={"predicate": "id < 95"}),
        check(
            "query",
            "sql",
            arguments={"query": "select count(*) from __dataplatform_table__"},
            threshold=Threshold("eq", 11),
        ),
    ]
    part = [limited(rule, "day >= date '2025-01-10'", "since 2025-01-10") for rule in rules]
    mean, rows, old, query = run_scan(counted, part, "duckdb", COLUMNS)
    assert (mean.passed, rows.passed, query.passed) == (True, True, True)
    assert (old.failing_count, old.row_count) == (5, 11)
    assert {verdict.rows for verdict in (mean, rows, old, query)} == {"since 2025-01-10"}
    assert "2025-01-10" in old.sql


@pytest.mark.parametrize(
    "statement",
    ["delete from s.t", "create table s.mine as select 1", "insert into s.t (id) values (1)"],
)
def test_nothing_is_written_by_what_only_reads(table, statement):
    read = reading(lambda sql: table.execute(sql).fetchall(), "duckdb")
    with pytest.raises(duckdb.Error, match="read-only"):
        read(statement)
    assert read("select count(*) from s.t") == [(100,)]
    assert table.execute("select count(*) from information_schema.tables").fetchall() == [(1,)]
