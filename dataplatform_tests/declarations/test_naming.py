"""The naming rule of what Fivetran lands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplatform.declarations.naming import fivetran_name, is_identifier
from dataplatform.local.fivetran.naming import fivetran_name as stand_ins_name

NAMES = {
    "Customer_External_Id__c": "customer_external_id_c",
    "SystemModstamp": "system_modstamp",
    "IsDeleted": "is_deleted",
    "Id": "id",
    "userId": "user_id",
    "catchPhrase": "catch_phrase",
    "HTTPServer": "http_server",
    "order__items": "order_items",
    "Straße Ählich": "strasse_ahlich",
    "2nd_address": "_2nd_address",
    "_file": "_file",
    "already_snake": "already_snake",
    "a-b.c d": "a_b_c_d",
}


@pytest.mark.parametrize(("source", "landed"), NAMES.items())
def test_name(source: str, landed: str) -> None:
    assert fivetran_name(source) == landed


@given(st.text(min_size=1, max_size=40))
def test_a_landed_name_stays_as_it_is(text: str) -> None:
    landed = fivetran_name(text)
    assert fivetran_name(landed) == landed
    assert is_identifier(landed)


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,40}", fullmatch=True))
def test_the_stand_in_lands_under_the_same_name(text: str) -> None:
    assert stand_ins_name(text) == fivetran_name(text)


@pytest.mark.parametrize("text", ["", "1a", "A", "a b", "a;b", 'a"b', "a.b", "a" * 64, "ä"])
def test_unsafe_identifiers(text: str) -> None:
    assert not is_identifier(text)
