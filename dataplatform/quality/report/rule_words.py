"""What the report says of one rule: how it stands, its past, and what a person answered.

Only the nouns; tables, runs and the report itself are in ``model``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PASSED, WARNED, FAILED, BROKEN, WAITING = "passed", "warned", "failed", "error", "waiting"
#: The worst first.
STATUSES = (BROKEN, FAILED, WARNED, WAITING, PASSED)


@dataclass(frozen=True)
class Point:
    """One verdict of the past, as a dot of a rule's history."""

    timestamp: float
    status: str
    observed: Any
    run_id: str


@dataclass(frozen=True)
class Answer:
    """What a person said about a broken rule."""

    rule: str
    who: str
    why: str
    at: float


@dataclass(frozen=True)
class Rule:
    """One rule of one table, with its last verdict.

    Attributes:
        scope: which rows were looked at, where not all were.
        page: the file of the Data Docs that shows the verdict; empty where there is none.
        monitor: whether it compares with history.
        learned_from: the days that a monitor compares with.
        alarms: what a monitor finds unusual, a sentence each.
        accepted: who lets it pass as it is.
    """

    name: str
    status: str
    severity: str
    expected: str
    observed: Any
    description: str
    source: str
    failing_count: int | None = None
    row_count: int | None = None
    samples: tuple[str, ...] = ()
    sql: str = ""
    error: str = ""
    history: tuple[Point, ...] = ()
    dimension: str = ""
    runbook: str = ""
    scope: str = ""
    page: str = ""
    monitor: bool = False
    learned_from: str = ""
    alarms: tuple[str, ...] = ()
    accepted: Answer | None = None
