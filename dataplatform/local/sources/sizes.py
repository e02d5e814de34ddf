"""How large the demo is at a scale, and which days it covers. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dataplatform.declarations.errors import UserError

HISTORY_START = date(2025, 1, 1)
#: The demo clock's first day; history ends the moment before.
FIRST_DAY = date(2026, 1, 1)
HISTORY_DAYS = (FIRST_DAY - HISTORY_START).days
HISTORY_MICROSECONDS = HISTORY_DAYS * 86_400_000_000


@dataclass(frozen=True)
class Sizes:
    """The demo at one scale; scale 1 has 100,000 orders.

    Args:
        seed: decides every value.
        scale: decides how many rows; any positive number.
    """

    seed: int
    scale: float

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 10_000:
            raise UserError(
                f"The demo's scale is {self.scale}, but it must be above 0 and at most 10000 "
                "(scale 1 is about 10,000 customers and 100,000 orders)."
            )
        if not 0 <= self.seed < 2**31:
            raise UserError(f"The demo's seed is {self.seed}, but it must be from 0 to 2147483647.")

    def of(self, at_scale_one: int, least: int = 1) -> int:
        """Return how many rows there are of something."""
        return max(least, round(at_scale_one * self.scale))

    @property
    def customers(self) -> int:
        return self.of(10_000, 20)

    @property
    def orders(self) -> int:
        return self.of(100_000, 100)

    @property
    def products(self) -> int:
        return self.of(500, 20)

    @property
    def accounts(self) -> int:
        return self.of(1_000, 5)

    @property
    def duplicate_contacts(self) -> int:
        return self.of(300, 2)

    @property
    def opportunities(self) -> int:
        return self.of(3_000, 10)

    @property
    def leads(self) -> int:
        return self.of(2_000, 10)

    @property
    def users(self) -> int:
        return self.of(500, 10)

    @property
    def posts(self) -> int:
        return self.of(2_500, 20)

    @property
    def comments(self) -> int:
        return self.of(10_000, 50)

    def per_day(self, total: int) -> int:
        """Return how many rows a day adds, at the pace of the history."""
        return max(1, round(total / HISTORY_DAYS))


def microseconds(day: date) -> int:
    """Return a day's beginning, UTC, in microseconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def day_number(day: date) -> int:
    """Return how many days the demo's clock has advanced when it is this day."""
    return (day - FIRST_DAY).days


def next_day(day: date) -> date:
    return day + timedelta(days=1)
