"""SOQL as far as the CRM understands it, and what it says of the rest."""

from __future__ import annotations

import pytest

from dataplatform.local.sources.soql import SoqlError, parse


def test_a_query_by_time_is_understood() -> None:
    query = parse(
        "SELECT Id, FirstName, SystemModstamp FROM Contact "
        "WHERE SystemModstamp > 2025-12-31T23:00:00.000+0100 ORDER BY SystemModstamp, Id LIMIT 7"
    )
    assert query.object == "Contact"
    assert [field.name for field in query.fields] == ["Id", "FirstName", "SystemModstamp"]
    assert query.conditions == (("SystemModstamp", ">", "2025-12-31T22:00:00.000+0000"),)
    assert query.order == ("SystemModstamp", "Id")
    assert query.limit == 7


def test_rows_are_always_in_an_order_that_pages_can_follow() -> None:
    assert parse("select id from lead").order == ("SystemModstamp", "Id")
    assert parse("SELECT Id FROM Lead ORDER BY CreatedDate ASC").order == ("CreatedDate", "Id")


def test_texts_and_flags_are_bound_not_pasted() -> None:
    query = parse(r"SELECT Id FROM Contact WHERE LastName = 'O\'Brien' AND IsDeleted = false")
    clause, values = query.where(deleted=True)
    assert clause == '"LastName" = ? AND "IsDeleted" = ?'
    assert values == ["O'Brien", 0]


def test_deleted_rows_are_left_out_unless_asked_for() -> None:
    assert parse("SELECT Id FROM Lead").where(deleted=False) == ('"IsDeleted" = 0', [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "MALFORMED_QUERY"),
        ("DROP TABLE Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact; DROP TABLE Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM sqlite_master", "INVALID_TYPE"),
        ("SELECT Id, Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT * FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE 1=1", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 'x' OR 1 = 1", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > yesterday",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > 2025-01-01",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        ("SELECT Id FROM Contact WHERE IsDeleted = 2", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE AnnualRevenue > much", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact ORDER BY Id DESC", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact ORDER BY Phone", "MALFORMED_QUERY"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(SoqlError) as refused:
        parse(text)
    assert refused.value.code == code
