"""``config/monitors.yml``: what it says of tables, and each way to write it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.monitors import MONITORS, Monitors, load_monitors
from dataplatform.keys import Relation

MADE = (
    Relation("raw_shop", "orders"),
    Relation("raw_shop", "order_items"),
    Relation("staging", "stg_orders"),
    Relation("intermediate", "int_orders"),
    Relation("candidate", "fact_orders"),
    Relation("marts", "fact_orders"),
)


def _load(folder: Path, text: str) -> Monitors:
    path = folder / "config" / "monitors.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_monitors(path, folder, MADE)


def test_without_a_file_every_layer_that_matters_is_watched(tmp_path: Path) -> None:
    found = load_monitors(tmp_path / "config" / "monitors.yml", tmp_path, MADE)
    watched = [str(one) for one in MADE if found.of(one) is not None]
    assert watched == [
        "raw_shop.orders",
        "raw_shop.order_items",
        "staging.stg_orders",
        "candidate.fact_orders",
    ]
    how = found.of(MADE[0])
    assert how is not None and how.monitors == MONITORS and how.sensitivity == "normal"
    assert (found.retention_days, found.measurements, found.country) == (400, 10, None)


def test_later_patterns_are_stronger_and_marts_have_their_published_name(tmp_path: Path) -> None:
    found = _load(
        tmp_path,
        """
        country: DE
        region: BY
        timezone: Europe/Berlin
        sensitivity: low
        learning: {measurements: 20}
        tables:
          raw_shop.*: {monitors: [volume, freshness]}
          raw_shop.order_items: {off: true}
          marts.fact_orders: {sensitivity: high, time_column: ordered_at, unwatched: [note]}
          intermediate.*: {monitors: [schema]}
          "*": {sensitivity: normal}
        """,
    )
    assert found.measurements == 20 and found.days == 7
    orders = found.of(Relation("raw_shop", "orders"))
    assert orders is not None and orders.monitors == ("volume", "freshness")
    assert orders.sensitivity == "normal"
    assert found.of(Relation("raw_shop", "order_items")) is None
    fact = found.of(Relation("candidate", "fact_orders"))
    assert fact is not None and (fact.sensitivity, fact.time_column) == ("normal", "ordered_at")
    assert fact.unwatched == ("note",)
    named = found.of(Relation("intermediate", "int_orders"))
    assert named is not None and named.monitors == ("schema",)
    assert found.of(Relation("marts", "fact_orders")) is None
    assert found.of(Relation("snapshots", "customers")) is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("countri: DE", 1, "'countri' is not a setting of the monitors. Did you mean 'country'?"),
        ("country: Germany", 1, "write two capital letters, such as DE"),
        ("country: XX", 1, "the holidays of 'XX' are not known"),
        ("region: BY", 1, "a region needs a country beside it"),
        ("country: DE\nregion: BAY", 2, "'BAY' is not a region of DE. Did you mean 'BY'?"),
        ("timezone: Europe/Berln", 1, "is not a time zone. Did you mean 'Europe/Berlin'?"),
        ("retention_days: 3", 1, "retention_days must be between 30 and 3650"),
        ("retention_days: long", 1, "retention_days must be a whole number"),
        ("sensitivity: hgh", 1, "Did you mean 'high'?"),
        ("learning: {measurements: 1}", 1, "learning.measurements must be between 3 and 365"),
        ("learning:\n  days: 0", 2, "learning.days must be between 1 and 365"),
        ("learning: {relearn: 1}", 1, "learning.relearn must be between 2 and 365"),
        ("tables:\n  raw_shop.order: {}", 2, "Did you mean 'raw_shop.orders'?"),
        ("tables:\n  raw_shp.*: {}", 2, "'raw_shp.*' matches no table"),
        ("tables:\n  raw_shop.orders: {of: true}", 2, "'of' is not a setting"),
        (
            "tables:\n  raw_shop.orders:\n    off: true\n    sensitivity: low",
            2,
            "is off, so nothing else applies",
        ),
        ("tables:\n  raw_shop.orders: {monitors: []}", 2, "write off: true instead"),
        ("tables:\n  raw_shop.orders: {monitors: [volum]}", 2, "Did you mean 'volume'?"),
        ("tables: [raw_shop.orders]", 1, "tables must be settings"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(DeclarationError) as error:
        _load(tmp_path, text)
    assert str(error.value).startswith(f"config/monitors.yml:{line}: ")
    assert words in str(error.value)
