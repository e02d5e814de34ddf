"""What the report says of an incident: what broke, what changed before, and who reads it.

Only the nouns. Which verdicts make an incident is the business of ``incidents``, what changed
before it that of ``impact``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataplatform.keys import Relation
from dataplatform.quality.report.rule_words import Answer, Point


@dataclass(frozen=True)
class Breach:
    """One rule that was broken in an incident: its last word, and since when.

    Attributes:
        changed_first: the table that a monitor saw change first, if it says one.
        alarms: what a monitor found unusual, a sentence each.
        verdicts: how many were not kept in the incident.
    """

    rule: str
    status: str
    since: float
    expected: str
    observed: Any
    description: str = ""
    failing_count: int | None = None
    row_count: int | None = None
    samples: tuple[str, ...] = ()
    sql: str = ""
    error: str = ""
    source: str = ""
    dimension: str = ""
    changed_first: str = ""
    alarms: tuple[str, ...] = ()
    verdicts: int = 1
    history: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Change:
    """A table whose rows changed before an incident began: one upstream, or its own."""

    relation: Relation
    at: float
    run_id: str
    #: The incident that this table had then itself, if any.
    incident: str = ""


@dataclass(frozen=True)
class Reader:
    """What reads tables from outside: a dashboard, an application."""

    name: str
    kind: str
    owner: str
    url: str
    reads: tuple[Relation, ...]


@dataclass(frozen=True)
class Incident:
    """A table's rules broken, from the first broken one until all were kept again.

    Attributes:
        status: of the gravest rule: error, failed or warned.
        ended: when every rule was kept again; None while it lasts.
        run_id: the run in which it was first seen.
        kept_until: when the rule that broke first was last kept; None if it never was.
        upstream: what changed since then, upstream or in the table itself, the first first.
        downstream: tables that are made from it.
        readers: what reads it, or a table made from it.
    """

    id: str
    relation: Relation
    layer: str
    owner: str
    status: str
    began: float
    ended: float | None
    run_id: str
    kept_until: float | None
    breaches: tuple[Breach, ...]
    answers: tuple[Answer, ...] = ()
    runbook: str = ""
    upstream: tuple[Change, ...] = ()
    downstream: tuple[Relation, ...] = ()
    readers: tuple[Reader, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it lasts."""
        return self.ended is None

    @property
    def title(self) -> str:
        """What happened, in a few words."""
        names = [breach.rule.replace("_", " ") for breach in self.breaches]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"{self.relation.table}: {names[0]}{more}"
