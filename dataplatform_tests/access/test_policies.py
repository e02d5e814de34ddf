"""Random policies: what DuckDB's view shows is what the file says, row by row, value by value.

The expectation is worked out here in Python from the policy alone. The SQL of Snowflake and
BigQuery is parsed by their dialects and held to the same policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, get_args

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from dataplatform.access.asking import rewritten
from dataplatform.access.rights import Rights
from dataplatform.access.showing import shown_select
from dataplatform.access.snowflake_policies import masking_items
from dataplatform.access.snowflake_rows import row_items
from dataplatform.declarations.access import CLASSIFICATIONS, Access, Method, Role
from dataplatform.keys import Relation

TABLE = Relation("marts", "people")
COLUMNS = {"id": "BIGINT", "mail": "VARCHAR", "country": "VARCHAR", "age": "BIGINT"}
ROWS: list[tuple[Any, ...]] = [
    (1, "ada@uni.example", "DE", 36),
    (2, "grace", "US", 85),
    (3, None, "DE", None),
    (4, "", None, 20),
    (5, "a@b@c.example", "FR", 36),
    (6, "@x", "US", None),
]
#: Conditions as the file writes them, and the rows that each keeps.
CONDITIONS: dict[str, Any] = {
    "country = 'DE'": lambda row: row[2] == "DE",
    "country in ('US', 'FR') and age > 30": lambda row: (
        row[2] in ("US", "FR") and row[3] is not None and row[3] > 30
    ),
    "age is null": lambda row: row[3] is None,
    "not (id between 2 and 4)": lambda row: not 2 <= row[0] <= 4,
    "country like '%E' or id = 6": lambda row: (
        (row[2] is not None and row[2].endswith("E")) or row[0] == 6
    ),
}

_methods: st.SearchStrategy[Method] = st.sampled_from(get_args(Method))
_sees = st.sets(st.sampled_from(CLASSIFICATIONS))
_condition = st.none() | st.sampled_from(list(CONDITIONS))


@st.composite
def policies(draw: st.DrawFn) -> Rights:
    """Two roles, of which one may inherit the other; any classification, method and rows."""

    def role(name: str, inherits: tuple[str, ...]) -> Role:
        condition = draw(_condition)
        return Role(
            name,
            inherits=inherits,
            reads=draw(st.sampled_from([("marts",), (str(TABLE),)])),
            sees=tuple(sorted(draw(_sees))),
            rows={} if condition is None else {TABLE: condition},
        )

    roles = {"lower": role("lower", ())}
    roles["upper"] = role("upper", draw(st.sampled_from([(), ("lower",)])))
    access = Access(
        roles=roles,
        masking=draw(st.dictionaries(st.sampled_from(CLASSIFICATIONS), _methods)),
        unclassified=draw(st.sampled_from(CLASSIFICATIONS)),
    )
    promised = draw(
        st.dictionaries(st.sampled_from(list(COLUMNS)), st.sampled_from(CLASSIFICATIONS))
    )
    return Rights(access, (TABLE,), {TABLE: promised})


def expected(rights: Rights, role: str) -> list[tuple[Any, ...]]:
    """Return what a role is shown, from the policy alone."""
    mine = rights.access.roles[role]
    roles = [mine, *(rights.access.roles[name] for name in mine.inherits)]
    seen = {name for one in roles for name in one.sees}
    conditions = [one.rows.get(TABLE) for one in roles]
    kept = [
        row for row in ROWS if any(said is None or CONDITIONS[said](row) for said in conditions)
    ]
    shown = []
    for row in kept:
        values = []
        for value, column in zip(row, COLUMNS, strict=True):
            said = rights.columns[TABLE].get(column, rights.access.unclassified)
            method = None if said in seen else rights.access.masking.get(said, "null")
            values.append(value if method is None else _masked(value, method))
        shown.append(tuple(values))
    return sorted(shown, key=repr)


def _masked(value: Any, method: str) -> Any:
    if not isinstance(value, str) or method == "null":
        return None
    if method == "redact":
        return "***"
    if method == "hash":
        return hashlib.sha256(value.encode()).hexdigest()
    if "@" in value[1:]:
        return f"{value[0]}***@{value.rpartition('@')[2]}"
    return f"{value[:1]}***"


def _columns(conditions: Iterable[str]) -> set[str]:
    parsed = [sqlglot.parse_one(one, read="duckdb") for one in conditions]
    return {column.name for one in parsed for column in one.find_all(exp.Column)}


@pytest.fixture(scope="module")
def people() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA marts")
    declared = ", ".join(f"{name} {native}" for name, native in COLUMNS.items())
    connection.execute(f"CREATE TABLE {TABLE} ({declared})")
    connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?)", ROWS)
    return connection


_given = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_given
@given(rights=policies(), role=st.sampled_from(["lower", "upper"]))
def test_a_view_and_a_rewritten_query_show_what_the_policy_says(
    people: duckdb.DuckDBPyConnection, rights: Rights, role: str
) -> None:
    wanted = expected(rights, role)
    select = shown_select(rights, role, TABLE, COLUMNS)
    assert sorted(people.execute(select).fetchall(), key=repr) == wanted
    asked = rewritten("select * from people", rights, role, {TABLE: COLUMNS})
    assert sorted(people.execute(asked).fetchall(), key=repr) == wanted


@_given
@given(rights=policies(), role=st.sampled_from(["lower", "upper"]))
def test_bigquerys_view_hides_the_same_columns_and_rows(rights: Rights, role: str) -> None:
    names = {"BIGINT": "INT64", "VARCHAR": "STRING"}
    columns = {name: names[native] for name, native in COLUMNS.items()}
    select = sqlglot.parse_one(
        shown_select(rights, role, TABLE, columns, "bigquery"), read="bigquery"
    )
    assert isinstance(select, exp.Select)
    plain = {one.name for one in select.selects if isinstance(one, exp.Column)}
    assert plain == {name for name in columns if rights.hidden(role, TABLE, name) is None}
    assert [one.alias_or_name for one in select.selects] == list(columns)
    conditions = rights.rows(role, TABLE)
    where = select.args.get("where")
    assert (where is None) == (conditions is None)
    read = {one.name for one in where.find_all(exp.Column)} if where else set()
    assert read == _columns(conditions or ())


@_given
@given(rights=policies())
def test_snowflakes_policies_name_exactly_who_sees_values_and_rows(rights: Rights) -> None:
    roles = rights.access.roles
    for item in masking_items(rights, "ANALYTICS"):
        if item.key != ("masking policy", "MASK_VARCHAR"):
            continue  # the other types' bodies differ in what stands in a value's place alone
        body = sqlglot.parse_one(item.body, read="snowflake")
        assert isinstance(body, exp.Case)
        told = {(one.this.sql(), one.args["true"].sql()) for one in body.args["ifs"]}
        for classification in CLASSIFICATIONS:
            seeing = {n.upper() for n, one in roles.items() if classification in one.sees}
            shown = [
                said for said, value in told if f"'{classification}'" in said and value == "VAL"
            ]
            named = {
                one.name
                for said in shown
                for one in sqlglot.parse_one(said).find_all(exp.Literal)
                if one.name in ("LOWER", "UPPER")
            }
            assert named == seeing
    read = _columns(said for one in roles.values() for said in one.rows.values())
    if any(rights.classification(TABLE, one) not in ("public", "internal") for one in read):
        return  # told as a mistake; Snowflake takes no masked column in a row policy
    items = row_items(rights, "ANALYTICS", TABLE, "TABLE", {n: "NUMBER" for n in COLUMNS})
    assert bool(items) == any(one.rows for one in roles.values())
    if items:
        said = sqlglot.parse_one(items[0].body, read="snowflake")
        assert {one.name for one in said.find_all(exp.Column)} == {one.upper() for one in read}
        assert {
            one.name for one in said.find_all(exp.Literal) if one.name in ("LOWER", "UPPER")
        } == {"LOWER", "UPPER"}
