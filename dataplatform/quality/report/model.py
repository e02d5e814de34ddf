"""What the report says, as plain data: tables, freshness, pipelines, and all of them together.

Only the nouns; those of a rule are in ``rule_words``, those of an incident in ``incident_words``.
How they are put together is ``build``'s business, how they look that of the templates.
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dataplatform.keys import Relation
from dataplatform.quality.report.incident_words import Incident
from dataplatform.quality.report.rule_words import (
    BROKEN,
    FAILED,
    PASSED,
    STATUSES,
    WAITING,
    WARNED,
    Rule,
)

if TYPE_CHECKING:
    from dataplatform.resources.check_history import TableState
    from dataplatform.resources.run_history import PastRun

LAYERS = (
    "lake_raw", "raw", "staging", "intermediate", "snapshots", "candidate", "marts", "curated"
)  # fmt: skip


@dataclass(frozen=True)
class Freshness:
    """A table's age against its promise, in hours.

    Attributes:
        made: when its rows were written or found unchanged, seconds since 1970, the oldest first.
    """

    promised: float | None
    age: float | None
    made: tuple[float, ...] = ()

    @property
    def status(self) -> str:
        """Whether the promise is kept; without a promise or a table there is nothing to keep."""
        if self.promised is None:
            return "none"
        if self.age is None:
            return WAITING
        return PASSED if self.age <= self.promised else "late"


@dataclass(frozen=True)
class TableReport:
    """One table of the report."""

    relation: Relation
    layer: str
    owner: str
    description: str
    contract: str
    state: TableState | None
    freshness: Freshness
    rules: tuple[Rule, ...]
    twin: Relation | None = None
    upstream: tuple[Relation, ...] = ()
    downstream: tuple[Relation, ...] = ()
    runbook: str = ""
    profile: bool = False
    watched: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()

    @cached_property
    def status(self) -> str:
        """The worst status of its rules; a table without rules is ``none``."""
        found = {rule.status for rule in self.rules}
        return next((status for status in STATUSES if status in found), "none")

    @cached_property
    def counts(self) -> Counter[str]:
        """How many rules have each status."""
        return Counter(rule.status for rule in self.rules)

    @cached_property
    def monitors(self) -> dict[str, Rule | None]:
        """Its monitors' verdicts by name; None for one that still learns what is usual."""
        spoken = {rule.name: rule for rule in self.rules if rule.monitor}
        return {name: spoken.get(name) for name in (*self.watched, *spoken)}


@dataclass(frozen=True)
class Pipeline:
    """How a pipeline's runs went."""

    name: str
    runs: tuple[PastRun, ...]

    @property
    def ended(self) -> list[PastRun]:
        """Runs that came to an end of their own."""
        return [run for run in self.runs if run.status in {"success", "failure"}]

    @property
    def success(self) -> float | None:
        """The share of ended runs that succeeded."""
        ended = self.ended
        if not ended:
            return None
        return sum(run.status == "success" for run in ended) / len(ended)

    @property
    def usual_seconds(self) -> float | None:
        """The middle of the durations of successful runs."""
        times = [run.seconds for run in self.runs if run.status == "success" and run.seconds]
        return statistics.median(times) if times else None


@dataclass(frozen=True)
class Report:
    """The whole report, of one moment."""

    environment: str
    made_at: float
    tables: tuple[TableReport, ...] = field(default=())
    incidents: tuple[Incident, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    data_docs: str = ""

    @cached_property
    def monitored(self) -> list[TableReport]:
        """Tables that monitors watch: those with an alarm first, then those still learning."""
        found = [table for table in self.tables if table.monitors]
        return sorted(found, key=_calm)

    @cached_property
    def open_incidents(self) -> list[Incident]:
        """Incidents that last, those that only warn left out."""
        return [one for one in self.incidents if one.open and one.status != WARNED]

    @cached_property
    def open_warnings(self) -> list[Incident]:
        """Warnings that last."""
        return [one for one in self.incidents if one.open and one.status == WARNED]

    @cached_property
    def past_incidents(self) -> list[Incident]:
        """Incidents that are over."""
        return [one for one in self.incidents if not one.open]

    def grouped(self, by: str) -> list[tuple[str, Counter[str]]]:
        """Count rules by owner or by dimension, the largest group first.

        Args:
            by: ``owner`` or ``dimension``.
        """
        found: dict[str, Counter[str]] = {}
        for table in self.tables:
            for rule in table.rules:
                name = table.owner if by == "owner" else rule.dimension
                found.setdefault(name or f"no {by}", Counter())[rule.status] += 1
        bad = {name: counts[FAILED] + counts[BROKEN] for name, counts in found.items()}
        return sorted(found.items(), key=lambda one: (-bad[one[0]], -one[1].total(), one[0]))

    @cached_property
    def counts(self) -> Counter[str]:
        """How many rules have each status."""
        return sum((table.counts for table in self.tables), Counter())

    @cached_property
    def late(self) -> tuple[TableReport, ...]:
        """Tables older than they promise to be."""
        return tuple(table for table in self.tables if table.freshness.status == "late")

    @cached_property
    def failed(self) -> bool:
        """Whether an error rule is broken or could not be evaluated."""
        return any(
            rule.status in {FAILED, BROKEN} and rule.severity == "ERROR"
            for table in self.tables
            for rule in table.rules
        )

    @cached_property
    def layers(self) -> list[tuple[str, list[TableReport]]]:
        """Tables by layer, in the order in which rows travel."""
        order = [*LAYERS, *sorted({t.layer for t in self.tables} - set(LAYERS))]
        # Tables that promise something come first; the others are company.
        told = sorted(self.tables, key=lambda table: not table.rules)
        grouped = [(name, [t for t in told if t.layer == name]) for name in order]
        return [(name, tables) for name, tables in grouped if tables]


def _calm(table: TableReport) -> tuple[int, bool]:
    """Order tables by what their monitors say, the most alarming first."""
    rules = [rule for rule in table.monitors.values() if rule is not None]
    alarm = min((STATUSES.index(rule.status) for rule in rules), default=len(STATUSES))
    return alarm, None not in table.monitors.values()
