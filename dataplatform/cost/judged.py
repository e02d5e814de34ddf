"""Budgets held against what was spent: this month so far, and where it is going."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from dataplatform.cost.usage import By, Ledger
    from dataplatform.declarations.cost import Budget, Budgets


@dataclass(frozen=True)
class Judged:
    """One budget and what was spent of it.

    Attributes:
        budget: the budget.
        spent: in this month so far, in the declared currency; None without a price.
        expected: by the month's end, if each day costs what the days so far did.
        state: ``kept``, ``warned`` or ``over``; ``unknown`` without a price.
    """

    budget: Budget
    spent: float | None
    expected: float | None
    state: str

    def told(self, currency: str) -> str:
        """Return it as a sentence."""
        name = self.budget.told
        if self.spent is None or self.expected is None:
            return f"{name}: no price is declared for what this warehouse computes"
        words = {"kept": "within", "warned": "near the end of", "over": "over"}[self.state]
        return (
            f"{name} is {words} its budget: {self.spent:,.2f} of {self.budget.monthly:,.2f} "
            f"{currency} so far this month, {self.expected:,.2f} expected by its end"
        )


def judge(ledger: Ledger, budgets: Budgets) -> list[Judged]:
    """Return how each budget stands in the month of the ledger's last day.

    Args:
        ledger: what was used; it must reach back to the month's first day.
        budgets: what is declared.
    """
    month = replace(ledger, days=ledger.last.day)
    length = calendar.monthrange(ledger.last.year, ledger.last.month)[1]
    found = []
    for budget in budgets.budgets:
        spent = _spent(month, budget)
        if spent is None:
            found.append(Judged(budget, None, None, "unknown"))
            continue
        expected = spent / ledger.last.day * length
        over = spent > budget.monthly
        near = spent >= budget.monthly * budget.warn_at / 100 or expected > budget.monthly
        state = "over" if over else "warned" if near else "kept"
        found.append(Judged(budget, spent, expected, state))
    return found


def _spent(month: Ledger, budget: Budget) -> float | None:
    if budget.scope == "all":
        return month.total().money
    rows = month.by(cast("By", budget.scope))
    named = next((one for one in rows if one.name == budget.name), None)
    if named is not None:
        return named.money
    return month.prices.money(month.unit, 0.0)
