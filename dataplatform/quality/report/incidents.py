"""Incidents: from the first broken rule of a table until every rule was kept again.

Made from recorded verdicts alone. What lies upstream and downstream of an incident is
``impact``'s business, how it looks that of the templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataplatform.quality.report.incident_words import Breach, Incident
from dataplatform.quality.report.model import TableReport
from dataplatform.quality.report.rule_words import BROKEN, FAILED, PASSED, WARNED, Answer
from dataplatform.quality.report.verdicts import answer_of, breach_of, status_of

if TYPE_CHECKING:
    from dataplatform.resources.check_history import Evaluation

_ORDER = (BROKEN, FAILED, WARNED)


@dataclass
class _Open:
    """What is known so far of an incident that has not ended."""

    began: float
    run_id: str
    before: float | None
    breaches: dict[str, Breach]
    failing: set[str]
    answers: list[Answer]
    last: float


def incidents_of(table: TableReport, history: Mapping[str, Sequence[Evaluation]]) -> list[Incident]:
    """Return a table's incidents, the newest first.

    Args:
        table: as it stands now; a rule that it no longer has cannot hold an incident open.
        history: verdicts by rule, the newest first.
    """
    living = {rule.name for rule in table.rules}
    rules = {rule.name: rule for rule in table.rules}
    events = sorted(
        ((run.timestamp, name, run) for name, runs in history.items() for run in runs),
        key=lambda event: (event[0], event[1]),
    )
    found: list[Incident] = []
    now: _Open | None = None
    kept: dict[str, float] = {}
    for at, name, run in events:
        status = status_of(run)
        if now is None and status != PASSED:
            now = _Open(at, run.run_id, kept.get(name), {}, set(), [], at)
        if status == PASSED:
            kept[name] = at
        if now is None:
            continue
        answer = answer_of(name, run)
        if answer is not None:
            now.answers.append(answer)
        elif status == PASSED:
            now.failing.discard(name)
        else:
            now.failing.add(name)
            breach = breach_of(name, run, rules.get(name))
            known = now.breaches.get(name)
            # The last word tells what is wrong; the first, since when.
            now.breaches[name] = (
                replace(breach, since=known.since, verdicts=known.verdicts + 1) if known else breach
            )
        now.last = at
        if not now.failing and status == PASSED:
            found.append(_incident(table, now, ended=at))
            now = None
    if now is not None:
        # Only a rule that is gone still fails: its last verdict ended the incident.
        ended = None if now.failing & living else now.last
        found.append(_incident(table, now, ended))
    return found[::-1]


def _incident(table: TableReport, found: _Open, ended: float | None) -> Incident:
    breaches = sorted(
        found.breaches.values(), key=lambda one: (_ORDER.index(one.status), one.since, one.rule)
    )
    return Incident(
        id=f"{table.relation}-{datetime.fromtimestamp(found.began, UTC):%Y%m%dT%H%M%S}",
        relation=table.relation,
        layer=table.layer,
        owner=table.owner,
        status=next(s for s in _ORDER if any(one.status == s for one in breaches)),
        began=found.began,
        ended=ended,
        run_id=found.run_id,
        kept_until=found.before,
        breaches=tuple(breaches),
        answers=tuple(found.answers),
    )


def order(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return incidents as people ask for them: open ones first, the gravest and newest first."""
    return tuple(
        sorted(
            incidents,
            key=lambda one: (one.ended is not None, _rank(one), -(one.ended or one.began)),
        )
    )


def _rank(incident: Incident) -> int:
    return 0 if incident.ended is not None else int(incident.status == WARNED)
