"""Rows of a change stream, taken apart all at once, are what each of them says by itself."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplatform.local.fivetran.services.postgres_pgoutput import UNCHANGED, Put, decode
from dataplatform.local.fivetran.services.postgres_tuples import columns_of

_LONG = "é" * 2000
_VALUE = st.one_of(st.none(), st.just(UNCHANGED), st.text(max_size=20), st.just(_LONG))


def message(values: list[object]) -> bytes:
    """Return the message of an inserted row, as the server writes it."""
    data = b"I" + struct.pack(">I", 7) + b"N" + struct.pack(">H", len(values))
    for value in values:
        if isinstance(value, str):
            text = value.encode()
            data += b"t" + struct.pack(">I", len(text)) + text
        else:
            data += b"n" if value is None else b"u"
    return data


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(_VALUE, min_size=n, max_size=n), min_size=1, max_size=30)))  # fmt: skip # noqa: E501
def test_columns_hold_what_each_row_says(rows: list[list[object]]) -> None:
    width = len(rows[0])
    wanted = range(0, width, 2)
    found, lacking = columns_of([message(row) for row in rows], Put.START, wanted)
    assert list(found) == list(wanted)
    for number in wanted:
        values = [row[number] if isinstance(row[number], str) else None for row in rows]
        assert found[number].to_pylist() == values
    assert lacking.tolist() == [any(row[n] is UNCHANGED for n in wanted) for row in rows]


def test_a_row_as_it_is_now_is_not_taken_apart_alone() -> None:
    data = message(["1", None])
    found = decode(data)
    assert isinstance(found, Put) and (found.oid, found.data) == (7, data)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        columns_of([message(["ab"]).replace(b"ab", b"\xff\xfe")], Put.START, [0])
