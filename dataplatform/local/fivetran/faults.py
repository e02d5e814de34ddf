"""Misfortune on request: what goes wrong next, and how often.

Faults that act on requests are applied by ``faults_http``; the two that act inside a sync
(``reschedule``, ``fail_half_way``) are taken by the runner. They live in memory: a restart ends
them. This is the service's own, for tests and for trying things out; Fivetran has no such thing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

REQUEST_KINDS = (
    "rate_limit",
    "error_500",
    "reset",
    "slow",
    "malformed",
    "broken_paging",
    "clock_skew",
)
SYNC_KINDS = ("reschedule", "fail_half_way")
KINDS = REQUEST_KINDS + SYNC_KINDS
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Fault:
    """One kind of misfortune.

    Args:
        match: a regular expression looked for in the subject: ``METHOD /path`` of a request, the
            connection's id for a sync.
        kind: one of ``KINDS``.
        times: how often it strikes; None is for ever.
        seconds: how long (slow, rate_limit, reschedule) or how far off (clock_skew, also negative).
    """

    match: str
    kind: str
    times: int | None = 1
    seconds: float = 1.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """The faults that are asked for and have not yet struck; safe from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Ask for a fault; those asked for first strike first.

        Raises:
            ValueError: the kind, the pattern or a number is impossible; one sentence.
        """
        self.add_all([fault])

    def add_all(self, faults: Sequence[Fault]) -> None:
        """Ask for several faults, or for none of them if one is impossible.

        Raises:
            ValueError: as ``add``.
        """
        for fault in faults:
            _check(fault)
        with self._guard:
            self._waiting.extend(faults)

    def waiting(self) -> list[Fault]:
        """Return what has yet to strike."""
        with self._guard:
            return list(self._waiting)

    def clear(self) -> None:
        """Forget every fault."""
        with self._guard:
            self._waiting.clear()

    def take(self, kind: str, subject: str) -> Fault | None:
        """Return the fault of a kind that strikes a subject now, and count it; else None."""
        return self.take_any((kind,), subject)

    def take_any(self, kinds: Sequence[str], subject: str) -> Fault | None:
        """Return the first fault of some kinds that strikes a subject now, and count it."""
        with self._guard:
            for place, fault in enumerate(self._waiting):
                if fault.kind in kinds and re.search(fault.match, subject):
                    if fault.times is not None:
                        left = fault.times - 1
                        self._waiting[place : place + 1] = (
                            [Fault(fault.match, fault.kind, left, fault.seconds)] if left else []
                        )
                    return fault
        return None


def _check(fault: Fault) -> None:
    if fault.kind not in KINDS:
        raise ValueError(f"'kind' must be one of {', '.join(KINDS)}, not {fault.kind!r}.")
    try:
        re.compile(fault.match)
    except re.error as error:
        raise ValueError(f"'match' is no regular expression: {error}.") from error
    if fault.times is not None and fault.times < 1:
        raise ValueError("'times' must be at least 1, or null for ever.")
    if not abs(fault.seconds) <= MAX_SECONDS:
        raise ValueError("'seconds' must be at most a day.")
    if fault.seconds < 0 and fault.kind != "clock_skew":
        raise ValueError("'seconds' must not be negative.")
