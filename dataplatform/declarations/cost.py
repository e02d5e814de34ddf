"""What computing costs and what it may cost: ``config/budgets.yml``.

Prices are declared and never guessed: without a price, an amount is shown in its own unit and no
budget in money can be judged. What was spent is the business of the room ``cost``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.strict import Strict, validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml

FILE = "budgets.yml"
#: What each warehouse's computing is measured in, and the price that turns it into money.
Unit = Literal["credits", "bytes", "seconds"]
_DAYS_OF_A_MONTH = 30.4
_TERA = 10.0**12


@dataclass(frozen=True)
class Prices:
    """What one of each costs, in the file's currency; None is not declared.

    Attributes:
        snowflake_credit: one credit of Snowflake.
        bigquery_terabyte: 10**12 billed bytes of BigQuery.
        processor_hour: an hour of one processor (core) of the machine that DuckDB computes on.
        storage_terabyte_month: 10**12 bytes kept for a month.
    """

    snowflake_credit: float | None = None
    bigquery_terabyte: float | None = None
    processor_hour: float | None = None
    storage_terabyte_month: float | None = None

    def money(self, unit: Unit, amount: float) -> float | None:
        """Return what an amount of computing costs, or None where no price is declared."""
        price, size = {
            "credits": (self.snowflake_credit, 1.0),
            "bytes": (self.bigquery_terabyte, _TERA),
            "seconds": (self.processor_hour, 3600.0),
        }[unit]
        return None if price is None else amount / size * price

    def storage(self, kept: float, days: float) -> float | None:
        """Return what it costs to keep bytes for some days, or None where no price is declared."""
        price = self.storage_terabyte_month
        return None if price is None else kept / _TERA * price * days / _DAYS_OF_A_MONTH


@dataclass(frozen=True)
class Budget:
    """What something may cost in a month.

    Attributes:
        scope: ``asset``, ``pipeline``, ``owner``, or ``all``.
        name: of the asset, pipeline or owner; empty for all.
        monthly: in the file's currency.
        warn_at: the share of it, in percent, from which it is told.
        line: where the file says it.
    """

    scope: str
    name: str
    monthly: float
    warn_at: float
    line: int

    @property
    def told(self) -> str:
        """What the budget is for, in words."""
        return f"{self.scope} {self.name}" if self.name else "everything"


@dataclass(frozen=True)
class Budgets:
    """What ``config/budgets.yml`` says; without the file there is no price and no budget."""

    file: Path | None = None
    currency: str = ""
    prices: Prices = Prices()
    budgets: tuple[Budget, ...] = ()


_Price = Annotated[float, Field(gt=0)]


class _Prices(Strict):
    snowflake_credit: _Price | None = None
    bigquery_terabyte: _Price | None = None
    processor_hour: _Price | None = None
    storage_terabyte_month: _Price | None = None


class _Budget(Strict):
    asset: str | None = None
    pipeline: str | None = None
    owner: str | None = None
    monthly: _Price
    warn_at: Annotated[float, Field(gt=0, le=100)] = 80.0


class _BudgetsFile(Strict):
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    prices: _Prices = _Prices()
    budgets: list[_Budget] = Field(default_factory=list)


def load_budgets(
    path: Path,
    root: Path,
    assets: Collection[str],
    pipelines: Collection[str],
    owners: Collection[str],
) -> Budgets:
    """Read ``config/budgets.yml``; an absent file prices nothing.

    Args:
        path: the file.
        root: the project's root.
        assets, pipelines, owners: what a budget may be for.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    if not path.is_file():
        return Budgets()
    file = read_yaml(path, root)
    content = validate(_BudgetsFile, file, "the budgets")
    known = {"asset": assets, "pipeline": pipelines, "owner": owners}
    found: list[Budget] = []
    for index, said in enumerate(content.budgets):
        budget = _budget(file, index, said, known)
        if any((one.scope, one.name) == (budget.scope, budget.name) for one in found):
            raise file.error(("budgets", index), f"{budget.told} has a budget already.")
        found.append(budget)
    prices = Prices(**content.prices.model_dump())
    if found and prices == Prices():
        raise file.error(("budgets",), "a budget in money needs a price: declare prices.")
    return Budgets(file.path, content.currency, prices, tuple(found))


def _budget(
    file: YamlFile, index: int, said: _Budget, known: Mapping[str, Collection[str]]
) -> Budget:
    at = ("budgets", index)
    scopes = [name for name in known if getattr(said, name) is not None]
    if len(scopes) > 1:
        raise file.error(at, f"a budget is for one thing, not for {' and '.join(scopes)}.")
    scope = scopes[0] if scopes else "all"
    name = getattr(said, scope) if scopes else ""
    if scopes and name not in known[scope]:
        article = "an" if scope[0] in "ao" else "a"
        raise file.error(
            (*at, scope), f"{name!r} is not {article} {scope}.{nearest(name, known[scope])}"
        )
    return Budget(scope, name, said.monthly, said.warn_at, file.line(at) or 1)
