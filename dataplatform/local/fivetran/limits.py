"""How many requests an account may make in a rolling time, as the API limits them.

Three budgets: all requests, those that run setup tests, and those that ask a source. On a laptop
none is set unless asked for. Answers bear ``X-RateLimit-*`` headers while a budget is set; who
exceeds it is refused with 429 and ``Retry-After``.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from dataplatform.local.fivetran.envelope import ApiError

# What the API allows a paying account, per minute (all requests: 20,000 an hour).
FIVETRAN_LIMITS = {"requests": 333, "setup_tests": 250, "source_interactions": 500}
BUDGETS = tuple(FIVETRAN_LIMITS)
WINDOW_SECONDS = 60.0

_TESTS = re.compile(r"(POST|PATCH) /v1/(connections|connectors|destinations)(/[^/]+(/test)?)?")
_SOURCE = re.compile(r"(POST .*/schemas/reload|GET .*/columns)")


@dataclass
class _Budget:
    limit: int | None = None
    spent: deque[float] = field(default_factory=deque)

    def forget(self, now: float) -> None:
        while self.spent and self.spent[0] <= now - WINDOW_SECONDS:
            self.spent.popleft()


class Limits:
    """The budgets of one account; safe from any thread."""

    def __init__(self, limits: dict[str, int | None] | None = None) -> None:
        self._guard = threading.Lock()
        self._budgets = {name: _Budget() for name in BUDGETS}
        self.set(limits or {})

    def set(self, limits: dict[str, int | None]) -> None:
        """Set budgets per minute by name; None is without limit. What was spent is forgotten."""
        with self._guard:
            for name, limit in limits.items():
                self._budgets[name] = _Budget(limit)

    def current(self) -> dict[str, int | None]:
        """Return the budgets per minute."""
        return {name: budget.limit for name, budget in self._budgets.items()}

    def spend(self, method: str, path: str) -> dict[str, str]:
        """Count a request; return the headers that tell what is left.

        Raises:
            ApiError: a budget is exhausted; ``headers`` say when to come again.
        """
        now = time.monotonic()
        subject = f"{method} {path}"
        names = ["requests"]
        if _TESTS.fullmatch(subject):
            names += ["setup_tests", "source_interactions"]
        elif _SOURCE.fullmatch(subject):
            names.append("source_interactions")
        with self._guard:
            budgets = [self._budgets[n] for n in names if self._budgets[n].limit is not None]
            for budget in budgets:
                budget.forget(now)
                if len(budget.spent) >= (budget.limit or 0):
                    raise _exceeded(budget, now)
            for budget in budgets:
                budget.spent.append(now)
            tightest = min(
                budgets, key=lambda held: (held.limit or 0) - len(held.spent), default=None
            )
            return {} if tightest is None else _headers(tightest, now)


def _reset(budget: _Budget, now: float) -> int:
    first = budget.spent[0] if budget.spent else now
    return max(1, math.ceil(first + WINDOW_SECONDS - now))


def _headers(budget: _Budget, now: float) -> dict[str, str]:
    limit = budget.limit or 0
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(0, limit - len(budget.spent))),
        "X-RateLimit-Reset": str(_reset(budget, now)),
    }


def _exceeded(budget: _Budget, now: float) -> ApiError:
    wait = _reset(budget, now)
    return too_many(wait, _headers(budget, now))


def too_many(seconds: int, headers: dict[str, str] | None = None) -> ApiError:
    """Return the refusal of one request too many."""
    return ApiError(
        429,
        "TooManyRequests",
        f"Too many requests: try again in {seconds} s.",
        {**(headers or {}), "Retry-After": str(seconds)},
    )
