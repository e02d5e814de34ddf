"""Which texts are a cron; the library that extracts bring along judges the same."""

from __future__ import annotations

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from dataplatform.declarations.cron import what_is_wrong

RIGHT = (
    "0 6 * * *", "*/15 * * * *", "5/15 * * * *", "0 0 1,15 * *", "0 9-17/2 * * mon-fri",
    "30 4 29 2 *", "0 0 * jan,JUL 7", "59 23 31 12 0",
)  # fmt: skip
WRONG = (
    "", "0 6 * *", "0 6 * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *",
    "0 0 * * 8", "0 0 31 2 *", "0 0 31 feb,apr *", "5-1 * * * *", "*/0 * * * *", "a * * * *",
    "1,,2 * * * *", "@daily", "0 0 * * mon-", "-1 * * * *",
)  # fmt: skip


@pytest.mark.parametrize("cron", RIGHT)
def test_right(cron: str) -> None:
    assert what_is_wrong(cron) is None
    assert croniter.is_valid(cron)


@pytest.mark.parametrize("cron", WRONG)
def test_wrong(cron: str) -> None:
    assert what_is_wrong(cron)


@given(*(st.integers(-1, 61) for _ in range(5)))
def test_numbers_are_judged_as_the_library_does(a: int, b: int, c: int, d: int, e: int) -> None:
    cron = f"{a} {b} {c} {d} {e}"
    assert (what_is_wrong(cron) is None) == croniter.is_valid(cron)
