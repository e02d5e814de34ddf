"""Incidents that happen to one day's rows before they are measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataplatform_tests.monitors.simulated import Damage, Rows, some

Generator = np.random.Generator


def _copy(rows: Rows, **columns: Any) -> Rows:
    return {**rows, **columns}


def _text(values: Any) -> Any:
    return np.array(list(values), dtype=object)


def volume_drop(rows: Rows, rng: Generator) -> Rows:
    """Most rows do not arrive."""
    kept = some(rng, rows, 0.15)
    return {name: column[kept] for name, column in rows.items()}


def null_spike(rows: Rows, rng: Generator) -> Rows:
    """A column is empty in a quarter of the rows."""
    hit = some(rng, rows, 0.25)
    emails = zip(rows["email"], hit, strict=True)
    return _copy(rows, email=_text(None if bad else one for one, bad in emails))


def duplicated_load(rows: Rows, rng: Generator) -> Rows:
    """The day arrives twice."""
    return {name: np.concatenate([column, column]) for name, column in rows.items()}


def unit_change(rows: Rows, rng: Generator) -> Rows:
    """Cents for euros."""
    return _copy(rows, amount=rows["amount"] * 100)


def time_zone(rows: Rows, rng: Generator) -> Rows:
    """Local time is taken for UTC."""
    ordered, updated = rows["ordered_at"] + 7200, rows["updated_at"] + 7200
    return _copy(rows, ordered_at=ordered, updated_at=updated)


def time_zone_of_one_column(rows: Rows, rng: Generator) -> Rows:
    """One column alone is shifted, by six hours."""
    return _copy(rows, ordered_at=rows["ordered_at"] - 6 * 3600)


def encoding(rows: Rows, rng: Generator) -> Rows:
    """UTF-8 is read as Latin-1."""
    return _copy(rows, name=_text(str(one).encode().decode("latin-1") for one in rows["name"]))


def truncation(rows: Rows, rng: Generator) -> Rows:
    """Text ends after ten characters."""
    return _copy(rows, note=_text(None if one is None else one[:10] for one in rows["note"]))


def skewed_category(rows: Rows, rng: Generator) -> Rows:
    """A country of a tenth becomes one of nearly half."""
    return _copy(rows, country=np.where(some(rng, rows, 0.4), "FR", rows["country"]))


def new_category(rows: Rows, rng: Generator) -> Rows:
    """A status that nobody knows."""
    return _copy(rows, status=np.where(some(rng, rows, 0.08), "returned", rows["status"]))


def lost_category(rows: Rows, rng: Generator) -> Rows:
    """Shipped orders are all called paid."""
    status = np.where(rows["status"] == "shipped", "paid", rows["status"])
    return _copy(rows, status=status)


def rows_of_a_test(rows: Rows, rng: Generator) -> Rows:
    """A tester's rows are in production."""
    hit = some(rng, rows, 0.06)
    return _copy(
        rows,
        name=_text("Test User" if bad else one for one, bad in zip(rows["name"], hit, strict=True)),
        email=_text(
            "test@test.com" if bad else one for one, bad in zip(rows["email"], hit, strict=True)
        ),
    )


def stuck_value(rows: Rows, rng: Generator) -> Rows:
    """Every amount is the same."""
    return _copy(rows, amount=np.full(len(rows["amount"]), 19.99))


def swapped_columns(rows: Rows, rng: Generator) -> Rows:
    """Names and addresses have changed places."""
    return _copy(rows, name=rows["email"], email=rows["name"])


#: The damage, the monitor that must say so, and a column it must name (None for the table).
DAMAGES: list[tuple[Damage, str, str | None]] = [
    (volume_drop, "volume", None),
    (null_spike, "nulls", "email"),
    (duplicated_load, "uniqueness", "order_id"),
    (unit_change, "distribution", "amount"),
    (time_zone, "freshness", "updated_at"),
    (time_zone_of_one_column, "distribution", "ordered_at"),
    (encoding, "distribution", "name"),
    (truncation, "distribution", "note"),
    (skewed_category, "categories", "country"),
    (new_category, "categories", "status"),
    (lost_category, "categories", "status"),
    (rows_of_a_test, "distribution", "email"),
    (stuck_value, "uniqueness", "amount"),
    (swapped_columns, "uniqueness", "name"),
]
