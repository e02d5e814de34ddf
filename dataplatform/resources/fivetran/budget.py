"""How fast an account's API may be asked: one budget for all clients of an account in a process.

Fivetran counts an account's requests over a rolling hour and says in every answer how many are
left; one too many is answered with 429 and a time to wait. Whoever hears of it makes all others of
the process wait too. Sending is the work of ``transport``.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# A longer wait than this is told to the user instead of being waited for.
LONGEST_WAIT_SECONDS = 900.0
WINDOW_SECONDS = 3600.0
# With less than this share of the hour's requests left, they are spread over time.
_SCARCE = 0.1
_WIDEST_GAP_SECONDS = 60.0
# As Fivetran documents them, and as most other services write them.
_LIMIT = ("X-Rate-Limit", "X-RateLimit-Limit")
_REMAINING = ("X-Rate-Limit-Remaining", "X-RateLimit-Remaining")
# Seconds until there are requests again, where a service tells it; Fivetran itself does not.
_RESET = ("X-Rate-Limit-Reset", "X-RateLimit-Reset")


class OverBudget(Exception):
    """The account asks for a longer wait than anybody should sit through.

    Attributes:
        seconds: how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Budget:
    """What is left of one account's requests; safe to share between threads.

    Args:
        clock: seconds that only grow.
        sleep: waits.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._blocked_until = 0.0
        self._next_slot = 0.0
        self._gap = 0.0

    def wait(self) -> None:
        """Wait until the next request may be sent.

        Raises:
            OverBudget: that is too far away.
        """
        slot: float | None = None
        while True:
            with self._lock:
                now = self._clock()
                if slot is None:
                    slot = max(now, self._next_slot)
                    self._next_slot = slot + self._gap
                left = max(slot, self._blocked_until) - now
            if left <= 0:
                return
            if left > LONGEST_WAIT_SECONDS:
                raise OverBudget(left)
            self._sleep(left)

    def learn(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Take note of an answer; return the seconds that it asks everybody to wait, or None."""
        asked = retry_after(headers) if status in (429, 503) else None
        limit, remaining = _number(headers, _LIMIT), _number(headers, _REMAINING)
        reset = _number(headers, _RESET)
        with self._lock:
            if limit and remaining is not None:
                scarce = remaining < limit * _SCARCE
                pace = WINDOW_SECONDS / limit if reset is None else reset / max(remaining, 1)
                self._gap = min(pace, _WIDEST_GAP_SECONDS) if scarce else 0.0
                if not scarce:
                    self._next_slot = 0.0
            if asked is not None:
                self._blocked_until = max(self._blocked_until, self._clock() + asked)
        return asked


_budgets: dict[tuple[str, str], Budget] = {}
_budgets_lock = threading.Lock()


def budget_of(base_url: str, api_key: str) -> Budget:
    """Return the process's one budget of an account's key."""
    with _budgets_lock:
        return _budgets.setdefault((base_url, api_key), Budget())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, or None where it does not say readably."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    moment = _date(text)
    if moment is None:
        return None
    # By the server's own clock where it tells it: ours may be wrong.
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    for name in names:
        text = headers.get(name, "").strip()
        if text.isdigit():
            return int(text)
    return None
