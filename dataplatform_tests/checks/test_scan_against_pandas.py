"""The scan's numbers against a plain computation in pandas, on random tables."""

from __future__ import annotations

import re

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation

TABLE = Relation("s", "t")
EVERY, NONE = Threshold("mostly", 1.0), Threshold("eq", 0)
VALUES = {"share_of": "values"}
PATTERN = r"^[^@]+@[^@]+\.[^@]+$"

_texts = st.one_of(
    st.none(), st.sampled_from(["a@b.c", "A@b.c", "", " ", "a@b", "@", "é@ü.x", "n/a", "it's"])
)
_rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-3, 6)),
        st.one_of(st.none(), st.integers(-3, 6)),
        _texts,
    ),
    max_size=25,
)


def scan(rows, *checks):
    """Judge checks on rows of (a, b, x)."""
    connection = duckdb.connect()
    connection.execute("create schema s; create table s.t(a integer, b integer, x varchar)")
    if rows:
        connection.executemany("insert into s.t values (?, ?, ?)", [list(row) for row in rows])
    columns = {"a": "INTEGER", "b": "INTEGER", "x": "VARCHAR"}
    found = run_scan(lambda sql: connection.execute(sql).fetchall(), checks, "duckdb", columns)
    connection.close()
    assert [v.name for v in found] == [c.name for c in checks]
    assert not any(v.error for v in found), found
    return {v.name: v for v in found}


def check(name, metric, columns, threshold=NONE, filter=None, unit="rows", **arguments):
    return Check(
        name, TABLE, metric, threshold, columns, arguments, unit=unit, filter=filter, key=("a",)
    )


def frame(rows):
    table = pd.DataFrame(rows, columns=["a", "b", "x"])
    return table.astype({"a": "Int64", "b": "Int64", "x": "object"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rows)
def test_counts_agree_with_pandas(rows):
    table = frame(rows)
    texts = [x for x in table.x if isinstance(x, str)]
    numbers = [int(a) for a in table.a.dropna()]
    found = scan(
        rows,
        check("rows", "row_count", (), Threshold("ge", 5)),
        check("nulls", "null_count", ("a",)),
        check("missing", "missing_count", ("x",), values=["", "n/a"]),
        check("pattern", "invalid_count", ("x",), EVERY, pattern=PATTERN, **VALUES),
        check("not_pattern", "invalid_count", ("x",), EVERY, not_pattern="@", **VALUES),
        check("set", "invalid_count", ("x",), EVERY, values=["a@b.c", "it's"], **VALUES),
        check("not_set", "invalid_count", ("a",), EVERY, not_values=[1, 2], **VALUES),
        check("range", "invalid_count", ("a",), EVERY, minimum=0, maximum=4, **VALUES),
        check("strict", "invalid_count", ("a",), EVERY, minimum=0, strict_minimum=True, **VALUES),
        check("length", "invalid_count", ("x",), EVERY, min_length=1, max_length=4, **VALUES),
        check("predicate", "failing_rows", ("a",), predicate="a > 2"),
    )
    expected = {
        "nulls": int(table.a.isna().sum()),
        "missing": sum(not isinstance(x, str) or x in {"", "n/a"} for x in table.x),
        "pattern": sum(not re.search(PATTERN, x) for x in texts),
        "not_pattern": sum("@" in x for x in texts),
        "set": sum(x not in {"a@b.c", "it's"} for x in texts),
        "not_set": sum(a in {1, 2} for a in numbers),
        "range": sum(not 0 <= a <= 4 for a in numbers),
        "strict": sum(not a > 0 for a in numbers),
        "length": sum(not 1 <= len(x) <= 4 for x in texts),
        "predicate": sum(a > 2 for a in numbers),
    }
    assert {name: found[name].failing_count for name in expected} == expected
    assert {name: found[name].passed for name in expected} == {
        name: count == 0 for name, count in expected.items()
    }
    assert found["rows"].observed == len(rows)
    assert found["rows"].passed == (len(rows) >= 5)
    for name in expected:
        assert len(found[name].sample_keys) == min(expected[name], 20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rows)
def test_uniqueness_agrees_with_pandas(rows):
    table = frame(rows)
    single = table.a.dropna()
    pair = table[["a", "b"]].dropna()
    found = scan(
        rows,
        check("unique", "nonunique_count", ("a",), EVERY, ignore="all_values_are_missing"),
        check(
            "mostly_unique",
            "nonunique_count",
            ("a",),
            Threshold("mostly", 0.5),
            ignore="all_values_are_missing",
        ),
        check("repeated", "duplicate_count", ("a",), Threshold("le", 2)),
        check("pair", "nonunique_count", ("a", "b"), EVERY),
        check("pair_repeated", "duplicate_count", ("a", "b")),
        check("distinct", "distinct_count", ("a",), Threshold("ge", 0)),
    )
    shared = int(single.duplicated(keep=False).sum())
    assert found["unique"].failing_count == shared
    assert found["unique"].passed == (shared == 0)
    enough = not len(single) or (len(single) - shared) / len(single) >= 0.5
    assert found["mostly_unique"].passed == enough
    assert found["repeated"].failing_count == int(single.duplicated().sum())
    assert found["repeated"].passed == (int(single.duplicated().sum()) <= 2)
    assert found["pair"].failing_count == int(pair.duplicated(keep=False).sum())
    assert found["pair_repeated"].failing_count == int(pair.duplicated().sum())
    assert found["distinct"].observed == single.nunique()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rows, st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.9, 0.95, 1.0]))
def test_mostly_is_a_share_of_the_values(rows, mostly):
    found = scan(
        rows,
        check("range", "invalid_count", ("a",), Threshold("mostly", mostly), minimum=0, **VALUES),
        check("null", "null_count", ("a",), Threshold("mostly", mostly), share_of="rows"),
        check(
            "some",
            "invalid_count",
            ("a",),
            Threshold("mostly", mostly),
            '"b" > 0',
            minimum=0,
            **VALUES,
        ),
        check("percent", "null_count", ("a",), Threshold("lt", 40), unit="percent"),
    )
    values = [a for a, _, _ in rows if a is not None]
    filtered = [a for a, b, _ in rows if a is not None and b is not None and b > 0]

    def good(items, bad):
        return not items or (float(len(items)) - bad) / float(len(items)) >= mostly

    assert found["range"].passed == good(values, sum(a < 0 for a in values))
    assert found["null"].passed == good(rows, sum(a is None for a, _, _ in rows))
    assert found["some"].passed == good(filtered, sum(a < 0 for a in filtered))
    share = 100 * (len(rows) - len(values)) / len(rows) if rows else 0
    assert found["percent"].passed == (share < 40)
    assert found["percent"].observed == pytest.approx(share)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rows)
def test_aggregates_agree_with_pandas(rows):
    wide = Threshold("between", -1e9, 1e9)
    metrics = ("min", "max", "mean", "sum", "median", "stddev")
    found = scan(rows, *(check(name, name, ("a",), wide) for name in metrics))
    numbers = pd.Series([float(a) for a, _, _ in rows if a is not None], dtype="float64")
    for name in metrics:
        value = getattr(numbers, {"stddev": "std"}.get(name, name))()
        if (name == "sum" and numbers.empty) or pd.isna(value):
            assert found[name].observed is None
            assert not found[name].passed, "an unknown number keeps no promise"
        else:
            assert found[name].observed == pytest.approx(value)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "between", "not_between"]),
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.booleans(),
    st.booleans(),
    st.integers(-5, 5),
)
def test_a_threshold_means_the_same_in_sql_and_in_python(operator, low, high, a, b, value):
    strict = operator == "between"
    threshold = Threshold(operator, min(low, high), max(low, high), a and strict, b and strict)
    statement = f"select {threshold.sql(f'({value})', str)}"
    assert duckdb.sql(statement).fetchone()[0] == threshold.holds(value)
