"""A shop's orders, day by day, as figures: what a scan would have measured of each day's table.

Rows are drawn with a weekday's and a season's share, growth, holidays and a promotion; figures are
taken of them with numpy, as ``checks.measures`` names them. An incident is a function that damages
one day's rows before they are measured.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dataplatform.checks.measure_sql import QUANTILES
from dataplatform.checks.measures import QUANTILE_NAMES, RECENT
from dataplatform.monitors.calendar import Calendar
from dataplatform.monitors.model import Snapshot

UTC = datetime.UTC
START = datetime.date(2025, 1, 6)
CALENDAR = Calendar("DE", None, "Europe/Berlin")
COLUMNS = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "status": "VARCHAR",
    "country": "VARCHAR",
    "amount": "DECIMAL(14,2)",
    "discount": "DOUBLE",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "note": "VARCHAR",
    "gift": "BOOLEAN",
    "ordered_at": "TIMESTAMP WITH TIME ZONE",
    "updated_at": "TIMESTAMP WITH TIME ZONE",
}
_WEEK = (1.0, 0.95, 0.97, 1.02, 1.15, 0.75, 0.55)
_NAMES = np.array(
    ["Anna", "Ben", "Chloé", "Dirk", "Eva Maria", "Frank", "Günter", "Hannah", "Ida", "Jörg"]
)
_STATUS = np.array(["paid", "shipped", "open", "cancelled"])
_COUNTRIES = np.array(["DE", "AT", "CH", "FR", "NL"])
Rows = dict[str, np.ndarray[Any, Any]]


def day_rows(rng: np.random.Generator, number: int, scale: float = 400) -> Rows:
    """Return one day's rows: a number of orders as the season has it, and their columns."""
    day = START + datetime.timedelta(days=number)
    season = 1 + 0.25 * np.sin(2 * np.pi * (day.timetuple().tm_yday - 80) / 365)
    share = _WEEK[day.weekday()] * season * (1 + 0.001 * number)
    if CALENDAR.holiday(day):
        share *= 0.45
    if day.day >= 28 or day.day == 1:
        share *= 1.15
    if 225 <= number <= 229:
        share *= 1.7
    n = int(rng.poisson(scale * share * float(rng.lognormal(0, 0.06))))
    hours = np.clip(rng.normal(14, 4, n), 0, 23.9)
    midnight = datetime.datetime.combine(day, datetime.time(), UTC).timestamp()
    first = 1_000_000 + number * 1000
    names = rng.choice(_NAMES, n, p=[0.16, 0.14, 0.1, 0.1, 0.1, 0.1, 0.08, 0.08, 0.07, 0.07])
    return {
        "order_id": (first + np.arange(n)).astype(float),
        "customer_id": rng.integers(1, 5000 + 5 * number, n).astype(float),
        "status": rng.choice(_STATUS, n, p=[0.5, 0.3, 0.15, 0.05]),
        "country": rng.choice(_COUNTRIES, n, p=[0.6, 0.15, 0.1, 0.1, 0.05]),
        "amount": np.round(rng.lognormal(3.8, 0.8, n), 2),
        "discount": np.where(rng.random(n) < 0.3, rng.random(n) * 0.3, 0.0),
        "name": names,
        "email": np.array([f"{one}@mail.org" for one in rng.integers(0, 10**6, n)], dtype=object),
        "note": np.array(
            [None if one < 0.6 else "please ring the bell twice" for one in rng.random(n)],
            dtype=object,
        ),
        "gift": (rng.random(n) < 0.12).astype(float),
        "ordered_at": midnight + hours * 3600,
        "updated_at": midnight + np.sort(hours) * 3600,
    }


@dataclass
class Table:
    """All rows so far: kept as sums, so that a year costs little.

    Attributes:
        rows: of all days.
        latest: the last days' rows, on which figures of the whole table stand.
    """

    rows: int = 0
    latest: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        """Take one day's rows; what is older than a week is measured no more."""
        self.rows += len(rows["order_id"])
        self.latest = [*self.latest, rows][-7:]


def snapshot(
    table: Table,
    rows: Rows,
    number: int,
    columns: dict[str, str] | None = None,
    late_hours: float = 0.0,
    total: int | None = None,
) -> Snapshot:
    """Measure the table after a day's rows were added."""
    columns = columns or COLUMNS
    at = datetime.datetime.combine(
        START + datetime.timedelta(days=number + 1), datetime.time(5, 30), UTC
    ) + datetime.timedelta(hours=late_hours)
    known = [day for day in table.latest if columns.keys() <= day.keys()] or [rows]
    whole = {name: np.concatenate([day[name] for day in known]) for name in columns}
    values: dict[tuple[str | None, str], float | None] = {
        (None, "rows"): float(table.rows if total is None else total),
        (None, RECENT + "rows"): float(len(next(iter(rows.values())))),
    }
    categories: dict[str, dict[str, tuple[int, int]]] = {}
    for name, kind in columns.items():
        values |= {(name, key): value for key, value in figures(whole[name], kind).items()}
        if name != "updated_at":
            recent = figures(rows[name], kind)
            values |= {(name, RECENT + key): value for key, value in recent.items()}
        if kind == "VARCHAR" and len({v for v in whole[name] if v is not None}) <= 40:
            day = [value for value in rows[name] if value is not None]
            all_days = [value for value in whole[name] if value is not None]
            categories[name] = {
                str(value): (all_days.count(value), day.count(value)) for value in {*day, *all_days}
            }
    return Snapshot(at, values, categories, columns)


def figures(column: np.ndarray[Any, Any], kind: str) -> dict[str, float | None]:
    """Return the figures of one column."""
    filled = np.array([value is not None and value == value for value in column], dtype=bool)
    kept = column[filled]
    found: dict[str, float | None] = {
        "null_share": float(1 - filled.mean()) if len(column) else None
    }
    if not len(kept):
        return found
    if kind == "VARCHAR":
        texts = [str(value) for value in kept]
        count = len(texts)
        found |= {
            "distinct": float(len(set(texts))),
            "mean_length": sum(map(len, texts)) / count,
            "non_ascii": sum(not text.isascii() for text in texts) / count,
            "damaged": sum("Ã" in text or "\ufffd" in text for text in texts) / count,
            "digits": sum(any(c.isdigit() for c in text) for text in texts) / count,
            "test_like": sum("test" in text.lower() for text in texts) / count,
        }
        return found
    numbers = kept.astype(float)
    if kind == "BOOLEAN":
        return {**found, "mean": float(numbers.mean())}
    found["distinct"] = float(len(np.unique(numbers)))
    if kind.startswith("TIMESTAMP"):
        angle = (numbers % 86400) // 3600 * np.pi / 12
        found |= {
            "min": float(numbers.min()),
            "max": float(numbers.max()),
            "hour_sin": float(np.sin(angle).mean()),
            "hour_cos": float(np.cos(angle).mean()),
        }
        return found
    found |= {
        "mean": float(numbers.mean()),
        "min": float(numbers.min()),
        "max": float(numbers.max()),
    }
    quantiles = np.quantile(numbers, QUANTILES)
    return found | {
        name: float(value) for name, value in zip(QUANTILE_NAMES, quantiles, strict=True)
    }


Damage = Callable[[Rows, np.random.Generator], Rows]


def some(rng: np.random.Generator, rows: Rows, share: float) -> np.ndarray[Any, Any]:
    """Return which rows are hit."""
    return np.asarray(rng.random(len(rows["order_id"])) < share)
