"""What was used, by whom, and the sums of it.

Pure arithmetic. Where usage comes from is the business of the module of each warehouse; what is
advised of it, of ``advice``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from dataplatform.declarations.cost import Prices, Unit

By = Literal["asset", "pipeline", "owner", "run"]
#: What stands for the asset, pipeline or run of work that nobody tagged.
ELSEWHERE = "(elsewhere)"


@dataclass(frozen=True)
class Usage:
    """What one day's work for one asset in one run used.

    Attributes:
        day: in UTC.
        asset: ``schema.table``; empty where the work is of no table.
        pipeline, run: whose it was; empty where it is not known.
        amount: in the unit of the warehouse.
        count: how many queries or builds.
        seconds: how long the warehouse worked.
        builds: how many of them built the asset.
        facts: what advice is taken from, such as ``scanned`` (a share) or ``size`` (a warehouse's).
    """

    day: date
    amount: float
    asset: str = ""
    pipeline: str = ""
    run: str = ""
    count: int = 1
    seconds: float = 0.0
    builds: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spent:
    """What one asset, pipeline, owner or run cost in a span of days.

    Attributes:
        amount: in the warehouse's unit.
        money: in the declared currency; None without a price.
        before: the amount in as many days before.
        days: the amount of each day, the oldest first.
        stored: bytes kept now; None where they are not known.
        ran: of a run, its pipeline and day.
    """

    name: str
    owner: str
    amount: float
    money: float | None
    before: float
    count: int
    seconds: float
    builds: int
    days: tuple[float, ...]
    stored: int | None = None
    ran: str = ""

    @property
    def trend(self) -> float | None:
        """The change against the days before, as a share; None where there is nothing before."""
        return None if self.before <= 0 else self.amount / self.before - 1

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "owner": self.owner,
            "ran": self.ran,
            "amount": round(self.amount, 6),
            "money": None if self.money is None else round(self.money, 4),
            "before": round(self.before, 6),
            "trend": None if self.trend is None else round(self.trend, 4),
            "count": self.count,
            "builds": self.builds,
            "seconds": round(self.seconds, 3),
            "stored_bytes": self.stored,
        }


@dataclass(frozen=True)
class Ledger:
    """All usage of an environment in a span and in as many days before it.

    Attributes:
        unit: what amounts are in.
        last: the last day of the span.
        days: how many days the span has.
        usages: of the span and of the days before.
        owners: of each asset.
        stored: bytes kept of each asset, as far as they are known.
        prices: what an amount costs.
    """

    unit: Unit
    last: date
    days: int
    usages: Sequence[Usage]
    owners: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)

    @property
    def first(self) -> date:
        """The first day of the span."""
        return self.last - timedelta(days=self.days - 1)

    def within(self) -> list[Usage]:
        """Return the usage of the span alone."""
        return [one for one in self.usages if self.first <= one.day <= self.last]

    def by(self, by: By) -> list[Spent]:
        """Return what each asset, pipeline, owner or run cost, the dearest first.

        Args:
            by: what the usage is told apart by.
        """
        named = self._named(by)
        groups: dict[str, list[Usage]] = {}
        for one in self.usages:
            groups.setdefault(named(one), []).append(one)
        if by == "asset":
            for name in self.stored:
                groups.setdefault(name, [])
        found = [self._spent(name, usages, by) for name, usages in groups.items()]
        # A run is of one time, so one that lies before the span is not of it.
        shown = [one for one in found if one.amount or (by != "run" and (one.before or one.stored))]
        return sorted(shown, key=lambda one: (-one.amount, one.name))

    def total(self) -> Spent:
        """Return what everything cost."""
        return self._spent("everything", self.usages, "pipeline")

    def _spent(self, name: str, usages: Iterable[Usage], by: By) -> Spent:
        days, before, count, seconds, builds = [0.0] * self.days, 0.0, 0, 0.0, 0
        start = self.first - timedelta(days=self.days)
        for one in usages:
            if self.first <= one.day <= self.last:
                days[(one.day - self.first).days] += one.amount
                count, seconds = count + one.count, seconds + one.seconds
                builds += one.builds
            elif start <= one.day < self.first:
                before += one.amount
        amount = sum(days)
        owner = self.owners.get(name, "") if by == "asset" else ""
        stored = self.stored.get(name) if by == "asset" else None
        money = self.prices.money(self.unit, amount)
        if money is not None and stored is not None:
            money += self.prices.storage(stored, self.days) or 0.0
        return Spent(
            name=name,
            owner=owner,
            amount=amount,
            money=money,
            before=before,
            count=count,
            seconds=seconds,
            builds=builds,
            days=tuple(days),
            stored=stored,
            ran=_ran(usages) if by == "run" and name != ELSEWHERE else "",
        )

    def _named(self, by: By) -> Callable[[Usage], str]:
        if by == "owner":
            return lambda one: self.owners.get(one.asset, "") or ELSEWHERE
        return lambda one: getattr(one, by) or ELSEWHERE


def _ran(usages: Iterable[Usage]) -> str:
    """Return the pipeline and the day of a run."""
    first = min(usages, key=lambda one: one.day)
    return f"{first.pipeline} {first.day}".strip()


def money_told(money: float | None, currency: str = "") -> str:
    """Return money as people read it; empty where it is not known."""
    if money is None:
        return ""
    told = "< 0.01" if 0 < money < 0.01 else f"{money:,.2f}"
    return f"{told} {currency}".strip()


def amount_told(unit: Unit, amount: float) -> str:
    """Return an amount as people read it."""
    if unit == "credits":
        return f"{amount:,.3f} credits"
    return bytes_told(amount) if unit == "bytes" else f"{seconds_told(amount)} CPU"


def seconds_told(seconds: float) -> str:
    """Return seconds as people read them."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def bytes_told(count: float) -> str:
    """Return bytes as people read them."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} B"
