"""Profiles of real DuckDB tables: every kind of column, odd names, and what is suggested."""

from __future__ import annotations

import json
import re
from typing import Any

import duckdb
import pytest

from dataplatform.keys import Relation
from dataplatform.quality.profile import (
    TableProfile,
    contract_schema,
    profile_table,
    suggested_rules,
)
from dataplatform.quality.profile.formats import FORMATS, pattern_of
from dataplatform.quality.profile.words import kind_of
from dataplatform_tests.checks.declared import contract

T = Relation("main", "t")


class Asking:
    """A session that counts what it is asked."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.asked = 0

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        self.asked += 1
        return self.connection.execute(sql).fetchall()

    def columns(self) -> dict[str, str]:
        rows = self.connection.execute(
            "select column_name, data_type from duckdb_columns() where table_name = 't' "
            "order by column_index"
        ).fetchall()
        return dict(rows)


@pytest.fixture
def session():
    return Asking()


def profiled(session: Asking, select: str, **more: Any) -> TableProfile:
    session.connection.execute(f"create or replace table t as {select}")
    return profile_table(session, T, session.columns(), "duckdb", **more)


KINDS = {
    "TINYINT": ("number", "(i % 7)::tinyint"),
    "UBIGINT": ("number", "i::ubigint"),
    "HUGEINT": ("number", "(i * 10000000000000000000::hugeint)"),
    "DECIMAL(38,9)": ("number", "(i / 3)::decimal(38,9)"),
    "FLOAT": ("number", "(i / 3)::float"),
    "DOUBLE": (
        "number",
        "case i % 4 when 0 then 'nan'::double when 1 then 'inf'::double else i end",
    ),
    "BOOLEAN": ("boolean", "i % 3 = 0"),
    "DATE": ("date", "date '2024-01-01' + i::integer"),
    "TIMESTAMP": ("timestamp", "timestamp '2024-01-01' + interval (i) hour"),
    "TIMESTAMP WITH TIME ZONE": (
        "timestamp",
        "timestamptz '2024-01-01 00:00:00+00' + interval (i) hour",
    ),
    "TIMESTAMP_S": ("timestamp", "(timestamp '2024-01-01' + interval (i) hour)::timestamp_s"),
    "TIMESTAMP_NS": ("timestamp", "(timestamp '2024-01-01' + interval (i) hour)::timestamp_ns"),
    "TIME": ("time", "time '10:00:00' + interval (i) second"),
    "INTERVAL": ("other", "interval (i) day"),
    "UUID": ("text", "uuid()"),
    "BLOB": ("binary", "('x' || i)::blob"),
    "BIT": ("other", "'101'::bit"),
    "JSON": ("nested", "json_object('a', i)"),
    "INTEGER[]": ("nested", "[i::integer, 2]"),
    "INTEGER[3]": ("nested", "array_value(i::integer, 1, 2)"),
    "STRUCT(a INTEGER, b VARCHAR)": ("nested", "{'a': i::integer, 'b': 'x'}"),
    "MAP(VARCHAR, INTEGER)": ("nested", "map {'k': i::integer}"),
    "ENUM('x', 'y')": ("text", "(case i % 2 when 0 then 'x' else 'y' end)::enum('x', 'y')"),
}


@pytest.mark.parametrize("type_name", KINDS)
@pytest.mark.parametrize("filled", [True, False], ids=["filled", "all null"])
def test_every_type_is_profiled(session, type_name, filled):
    kind, expression = KINDS[type_name]
    value = expression if filled else "null"
    found = profiled(session, f"select cast({value} as {type_name}) as c from range(40) r(i)")
    (column,) = found.columns
    assert (column.kind, column.type) == (kind, type_name)
    assert column.nulls == (0 if filled else 40)
    assert session.asked <= 2
    if filled:
        assert column.distinct is None or 1 <= column.distinct <= 40
    else:
        assert column.distinct in {0, None}
        assert (column.min, column.max, column.top_values, column.histogram) == (None, None, (), ())
    json.dumps(found.document(), allow_nan=False)
    suggested_rules(found)


def test_numbers_are_described(session):
    found = profiled(session, "select i, i % 5 as few, null::integer as n from range(1, 101) r(i)")
    i = found.column("I")
    assert (i.min, i.max, i.mean, i.distinct, i.exact) == (1, 100, 50.5, 100, True)
    assert i.quantiles and i.quantiles[0.5] == pytest.approx(50.5)
    assert sum(bar.count for bar in i.histogram) == 100
    assert i.top_values == ()
    few = found.column("few")
    assert {(v.value, v.count, v.share) for v in few.top_values} == {
        (str(n), 20, 0.2) for n in range(5)
    }
    assert [bar.count for bar in few.histogram] == [20] * 5


def test_moments_are_told_in_utc(session):
    session.connection.execute("set timezone = 'Asia/Tokyo'")
    found = profiled(
        session,
        "select timestamptz '2024-01-01 00:00:00+00' + interval (i) hour as at from range(25) r(i)",
    )
    at = found.column("at")
    assert (at.min, at.max) == ("2024-01-01 00:00:00", "2024-01-02 00:00:00")
    assert at.histogram[0].low == 1704067200
    assert sum(bar.count for bar in at.histogram) == 25


SHAPES = {
    "codes": ("'AB-' || lpad(i::varchar, 4, '0')", "AA-9999", None),
    "emails": ("'someone' || (10 + i) || '@example.com'", "aaaaaaa99@aaaaaaa.aaa", "email"),
    "uuids": ("uuid()::varchar", None, "uuid"),
    "dates": ("(date '2024-01-01' + i::integer)::varchar", "9999-99-99", "date"),
    "moments": ("'2024-01-01T10:00:' || lpad((i % 60)::varchar, 2, '0') || 'Z'", None, "timestamp"),
    "urls": ("'https://example.com/' || i", None, "url"),
    "addresses": ("'10.0.0.' || i", None, "ip address"),
    "numbers": ("(i * 17)::varchar", None, "whole number"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_of_texts_are_told(session, name):
    expression, shape, format_name = SHAPES[name]
    (column,) = profiled(session, f"select {expression} as c from range(60) r(i)").columns
    if shape:
        assert column.patterns[0].value == shape
        assert column.patterns[0].share == 1
    assert (column.format.value if column.format else None) == format_name


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        ("AAA-999", "XYZ-123", "XYZ-12"),
        ("99.9", "12.3", "1203"),
        ("A^\\]a", "Q^\\]q", "Q^]q"),
        ("(a) 9|9", "(b) 1|2", "1"),
        ("Aaa é", "Abc é", "Abc e"),
    ],
)
def test_a_shape_becomes_a_pattern_that_duckdb_reads(session, shape, good, bad):
    pattern = pattern_of(shape)
    assert re.search(pattern, good) and not re.search(pattern, bad)
    ask = session.connection.execute
    assert ask("select regexp_matches(?, ?)", [good, pattern]).fetchone() == (True,)
    assert ask("select regexp_matches(?, ?)", [bad, pattern]).fetchone() == (False,)


def test_an_empty_table_and_a_table_of_odd_names(session):
    found = profiled(session, "select 1 as a, 'x' as b, [1] as c limit 0")
    assert (found.rows, session.asked) == (0, 1)
    assert suggested_rules(found) == []
    assert contract_schema(found)["quality"] == []
    odd = ['select "from', "ORDER", "a b.c", "naïve ü", "x'; drop table t; --", "日本"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in odd]
    listed = ", ".join(f"i as {name}" for name in quoted)
    found = profiled(session, f"select {listed} from range(30) r(i)")
    assert [column.name for column in found.columns] == odd
    assert all(column.distinct == 30 for column in found.columns)


def test_huge_texts_and_nasty_characters_leave_short(session):
    found = profiled(
        session,
        "select repeat('é', 1000000) || i as huge, chr(0) || '|' || i as nul, '' as none "
        "from range(25) r(i)",
    )
    huge = found.column("huge")
    assert huge.lengths == (1_000_001, 1_000_002)
    assert all(len(value.value) <= 120 for value in huge.top_values)
    assert len(huge.min) <= 120
    assert found.column("none").empty == 25
    assert found.column("nul").distinct == 25


def test_a_wide_table_takes_two_statements(session):
    listed = ", ".join(f"i as n{n}, 't' || i as t{n}" for n in range(150))
    found = profiled(session, f"select {listed} from range(50) r(i)")
    assert len(found.columns) == 300
    assert session.asked == 2
    assert all(column.distinct == 50 for column in found.columns)


def test_a_large_table_is_sampled_and_keys_are_counted(session):
    found = profiled(
        session, "select i as id, i % 3 as few, 'x' || (i % 10) as t from range(30000) r(i)",
        sample=2_000,
    )  # fmt: skip
    assert (found.rows, found.sampled) == (30_000, 2_000)
    identifier = found.column("id")
    assert (identifier.distinct, identifier.exact) == (30_000, True)
    assert (identifier.min, identifier.max) == (0, 29_999)
    assert not found.column("few").exact
    assert sum(v.share for v in found.column("few").top_values) == pytest.approx(1)
    assert sum(bar.count for bar in identifier.histogram) == 2_000


def test_values_of_masked_columns_are_never_asked_for(session):
    found = profiled(
        session,
        "select 'secret' || i as name, i as salary from range(50) r(i)",
        masked={"NAME", "salary"},
    )
    name = found.column("name")
    assert (name.masked, name.nulls, name.distinct) == (True, 0, 50)
    assert (name.min, name.lengths, name.top_values, name.patterns) == (None, None, (), ())
    assert found.column("salary").max is None
    assert "secret" not in json.dumps(found.document())
    assert not any("min(" in text.replace("min(length", "") for text in found.statements)


def test_suggestions_are_a_contract_that_loads_and_holds(session, tmp_path):
    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.checks.scan import run_scan

    found = profiled(
        session,
        """select i as customer_id, 'p' || i || '@example.com' as email, uuid()::varchar as token,
           (['red', 'green', 'blue'])[1 + i % 3] as colour,
           case when i % 50 = 0 then null else i % 90 end as age,
           'AB-' || lpad(i::varchar, 4, '0') as code, (i / 7)::decimal(12,2) as amount,
           now() as at, i % 2 = 0 as flag, [i] as items
           from range(1, 201) r(i)""",
    )
    rules = {(one.column, one.rule["metric"]): one for one in suggested_rules(found)}
    assert rules[(None, "rowCount")].rule["mustBeGreaterThan"] == 0
    assert rules[("customer_id", "duplicateValues")].because == "200 different values"
    assert rules[("email", "invalidValues")].rule["arguments"] == {"pattern": FORMATS["email"]}
    assert sorted(rules[("colour", "invalidValues")].rule["arguments"]["validValues"]) == [
        "blue", "green", "red",
    ]  # fmt: skip
    assert rules[("age", "nullValues")].rule["mustBeLessOrEqualTo"] == 4
    assert rules[("code", "invalidValues")].rule["arguments"] == {
        "pattern": "^[A-Z]{2}[-][0-9]{4}$"
    }
    schema = contract_schema(found)
    properties = {entry["name"]: entry for entry in schema["properties"]}
    assert properties["customer_id"]["primaryKey"] is True
    assert properties["amount"]["logicalType"] == "number"
    assert properties["items"]["logicalType"] == "array"
    loaded = contract(tmp_path, "main.t", schema["properties"], *schema["quality"])
    verdicts = run_scan(
        lambda sql: session.connection.execute(sql).fetchall(),
        checks_of(loaded), "duckdb", session.columns(),
    )  # fmt: skip
    judged = [verdict for verdict in verdicts if verdict.name != "freshness"]
    assert len(judged) >= 15
    assert [v.name for v in judged if not v.passed] == []


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("NUMBER(38,0)", "number"), ("TIMESTAMP_NTZ(9)", "timestamp"), ("VARIANT", "nested"),
        ("INT64", "number"), ("STRING", "text"), ("DATETIME", "timestamp"), ("BYTES", "binary"),
        ("STRUCT<a INT64>", "nested"), ("GEOGRAPHY", "other"), ("BOOL", "boolean"),
        ("ARRAY<STRING>", "nested"), ("TIME(6)", "time"), ("double precision", "number"),
    ],
)  # fmt: skip
def test_types_of_other_warehouses_are_known(native, kind):
    assert kind_of(native) == kind


def test_statements_are_written_for_other_warehouses():
    class Answering:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
            self.asked.append(sql)
            if len(self.asked) > 1:
                return [(0, "distinct", None, 900_000.0)]
            # rows; id: filled, distinct, low, high, mean; name: filled, distinct, lengths, ...
            return [(900_000, 900_000, 890_000, 1, 900_000, 5.0, 10, 9, 1, 3, "a", "z", 2.0, 0)]

    import sqlglot

    session = Answering()
    columns = {"ID": "NUMBER(38,0)", "NAME": "TEXT"}
    found = profile_table(session, Relation("RAW", "T"), columns, "snowflake")
    assert found.column("id").distinct == 900_000
    for sql in session.asked:
        assert sqlglot.parse_one(sql, read="snowflake")
    assert "sample (100000 rows)" in session.asked[1]
    assert "approx_percentile" in session.asked[1]
