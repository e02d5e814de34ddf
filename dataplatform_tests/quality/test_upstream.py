"""Which table above changed first."""

from __future__ import annotations

import datetime

from dataplatform.keys import Relation
from dataplatform.monitors.model import Finding
from dataplatform.quality.monitoring import with_upstream

RAW, OTHER = Relation("raw_shop", "orders"), Relation("raw_shop", "items")
STAGING, MART = Relation("staging", "orders"), Relation("candidate", "fact_orders")
PARENTS = {STAGING: [RAW], MART: [STAGING, OTHER]}
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
BAD = Finding("volume", None, "rows", "very_unusual", "Few rows.")
GOOD = Finding("volume", None, "", "normal", "As usual.")


def test_the_topmost_alarmed_table_is_named() -> None:
    found = with_upstream({RAW: [BAD], STAGING: [BAD], MART: [BAD], OTHER: [GOOD]}, PARENTS, {})
    assert found[MART][0].upstream == "raw_shop.orders"
    assert found[MART][0].sentence == "Few rows. raw_shop.orders, above it, was unusual first."
    assert found[STAGING][0].upstream == "raw_shop.orders"
    assert found[RAW] == [BAD] and found[OTHER] == [GOOD]


def test_of_two_roots_the_earlier_is_named() -> None:
    since = {RAW: NOW, OTHER: NOW - datetime.timedelta(hours=3)}
    found = with_upstream({RAW: [BAD], OTHER: [BAD], MART: [BAD]}, PARENTS, since)
    assert found[MART][0].upstream == "raw_shop.items"


def test_an_alarm_of_its_own_names_nobody() -> None:
    found = with_upstream({MART: [BAD], RAW: [GOOD]}, PARENTS, {})
    assert found[MART] == [BAD]
