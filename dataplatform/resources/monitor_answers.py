"""What a person answers to alarms: this is fine, be silent, or an event is coming.

An accepted alarm opens the gate (``acceptance``) and teaches the monitor; rules that are broken
are accepted in the same way. How an answer changes a judgement is decided in ``monitors``.
"""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dagster import AssetCheckKey, DagsterInstance

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, asset_key
from dataplatform.monitors.model import CHECKS, Answer
from dataplatform.resources.acceptance import accept
from dataplatform.resources.instance import latest_verdicts
from dataplatform.resources.monitor_alarms import Alarm
from dataplatform.resources.monitor_store import MonitorStore


@dataclass(frozen=True)
class Shown:
    """An alarm with its state today: open, past, muted or accepted, in words."""

    alarm: Alarm
    status: str

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.status == "open"


def relation_named(name: str, known: Collection[Relation]) -> Relation:
    """Return the table of a name; a mart may be named as it is published.

    Raises:
        UserError: there is no such table.
    """
    schema, _, table = name.partition(".")
    relation = Relation(CANDIDATE if schema == PUBLISHED else schema, table)
    if relation in known:
        return relation
    names = {str(one.published if one.schema == CANDIDATE else one) for one in known}
    raise UserError(f"{name!r} is not a table that is watched.{nearest(name, names)}")


def check_of(kind: str) -> str:
    """Return the check that speaks for a kind of monitor."""
    return next(name for name, kinds in CHECKS.items() if kind in kinds)


def shown_alarms(store: MonitorStore, since: datetime.datetime) -> list[Shown]:
    """Return the alarms since a point in time, the newest first, each with its state."""
    alarms = store.alarms(since=since)
    answers = store.answers()
    measured = store.moments(sorted({alarm.relation for alarm in alarms}), since)
    return [Shown(alarm, _status(alarm, answers, measured)) for alarm in alarms]


def _status(
    alarm: Alarm,
    answers: Mapping[Relation, Sequence[Answer]],
    measured: Mapping[Relation, Sequence[datetime.datetime]],
) -> str:
    one = alarm.finding
    for answer in answers.get(alarm.relation, ()):
        if answer.action == "accept" and answer.covers(one.kind, one.column, alarm.at):
            return f"accepted by {answer.who}"
    if one.muted is not None:
        return "muted"
    moments = measured.get(alarm.relation, ())
    return "past" if moments and max(moments) > alarm.at else "open"


def accept_alarm(
    store: MonitorStore, instance: DagsterInstance, alarm_id: str, who: str | None, why: str
) -> list[str]:
    """Accept one alarm: its value is learned, and its gate opens once nothing else keeps it shut.

    Returns:
        What was done, in sentences.

    Raises:
        UserError: there is no such alarm, or no reason was given.
    """
    alarms = store.alarms()
    alarm = next((one for one in alarms if one.id == alarm_id), None)
    if alarm is None:
        raise UserError(
            f"There is no alarm {alarm_id!r}.{nearest(alarm_id, [one.id for one in alarms])}"
        )
    return _accept(store, instance, [alarm], who, why)


def accept_check(
    store: MonitorStore | None,
    instance: DagsterInstance,
    relation: Relation,
    check: str,
    who: str | None,
    why: str,
) -> list[str]:
    """Accept what a check of a table says now, be it a rule or a monitor.

    Args:
        store: the monitors' memory; None where there is none yet.
        instance: Dagster's records.
        relation: the table; the candidate, for a mart.
        check: the name of the rule, or of the monitors' check.
        who: who accepts; None for the user of this machine.
        why: the reason.

    Raises:
        UserError: there is nothing to accept.
    """
    if check not in CHECKS:
        accepted = accept(instance, AssetCheckKey(asset_key(relation), check), who, why)
        return [f"{relation} {check} is accepted by {accepted.who}: what waits for it may go on."]
    alarms = [] if store is None else store.alarms([relation])
    mine = [one for one in alarms if check_of(one.finding.kind) == check]
    newest = max((one.at for one in mine), default=None)
    if newest is None:
        raise UserError(f"{relation} {check} never raised an alarm, so there is nothing to accept.")
    assert store is not None
    return _accept(store, instance, [one for one in mine if one.at == newest], who, why)


def _accept(
    store: MonitorStore,
    instance: DagsterInstance,
    alarms: Sequence[Alarm],
    who: str | None,
    why: str,
) -> list[str]:
    if not why.strip():
        raise UserError("Say why it is accepted: the reason stays in the table's history.")
    name = (who or getpass.getuser()).strip()
    said = []
    for alarm in alarms:
        one = alarm.finding
        answer = Answer("accept", one.kind, one.column, alarm.at, alarm.at, None, name, why.strip())
        store.answer(alarm.relation, answer)
        what = f"{one.column} " if one.column else ""
        said.append(f"{alarm.relation}: {what}{one.kind} of {alarm.at:%Y-%m-%d %H:%M} is learned.")
    for relation, check in sorted({(one.relation, check_of(one.finding.kind)) for one in alarms}):
        at = max(one.at for one in alarms if one.relation == relation)
        said += _open_gate(store, instance, relation, check, at, name, why)
    return said


def _open_gate(
    store: MonitorStore,
    instance: DagsterInstance,
    relation: Relation,
    check: str,
    at: datetime.datetime,
    who: str,
    why: str,
) -> list[str]:
    key = AssetCheckKey(asset_key(relation), check)
    last = latest_verdicts(instance, [key]).get(key)
    if last is None or last.passed or last.severity != "ERROR":
        return []
    answers = store.answers([relation]).get(relation, [])
    left = [
        alarm
        for alarm in store.alarms([relation], at)
        if alarm.finding.state == "very_unusual"
        and check_of(alarm.finding.kind) == check
        and not any(
            one.action == "accept"
            and one.covers(alarm.finding.kind, alarm.finding.column, alarm.at)
            for one in answers
        )
    ]
    if left:
        ids = ", ".join(alarm.id for alarm in left)
        return [f"{relation} {check} still waits for an answer to {ids}."]
    accept(instance, key, who, why)
    return [f"{relation} {check} is accepted by {who}: what waits for it may go on."]
