"""Destination names: one rule, and no two alike in one table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataplatform.local.fivetran.model import RESERVED
from dataplatform.local.fivetran.naming import column_names, destination_names
from dataplatform.local.fivetran.sql import ident, literal
from dataplatform.local.fivetran.widening import widened


@given(st.lists(st.text(min_size=1), unique=True, max_size=30))
def test_names_differ_from_each_other_and_from_ours(sources: list[str]) -> None:
    names = column_names(sources)
    assert list(names) == sources
    assert len(set(names.values())) == len(sources)
    assert not set(names.values()) & set(RESERVED)


def test_the_first_of_two_alike_keeps_the_name() -> None:
    assert destination_names(["userName", "user_name", "USER NAME"]) == {
        "userName": "user_name",
        "user_name": "user_name_1",
        "USER NAME": "user_name_2",
    }


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_quoting_survives_any_text(text: str) -> None:
    import duckdb

    with duckdb.connect() as engine:
        assert engine.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]
        if text:
            described = engine.execute(f"SELECT 1 AS {ident(text)}").description
            assert described[0][0] == text


def test_the_ladder_of_types() -> None:
    assert widened("INTEGER", "BIGINT") == "BIGINT"
    assert widened("BIGINT", "INTEGER") == "BIGINT"
    assert widened("DECIMAL(10,2)", "DECIMAL(8,4)") == "DECIMAL(12,4)"
    assert widened("INTEGER", "DECIMAL(12,2)") == "DECIMAL(12,2)"
    assert widened("VARCHAR", "INTEGER") is None
    assert widened("DECIMAL(38,0)", "DECIMAL(38,10)") is None
    assert widened("BIGINT", "DOUBLE", as_text=True) == "DOUBLE"
    assert widened("BOOLEAN", "JSON", as_text=True) == "VARCHAR"
