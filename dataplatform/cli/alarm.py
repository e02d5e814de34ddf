"""``dataplatform alarm``: what was unusual, and answering it.

It shows and asks; what an answer changes is the business of the monitors and of the gates.
"""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation
    from dataplatform.monitors.model import Answer
    from dataplatform.resources.monitor_store import MonitorStore

app = typer.Typer(help="What is unusual without breaking a rule: see alarms and answer them.")

Why = Annotated[str, typer.Option(help="The reason; it stays in the table's history.")]
Who = Annotated[str | None, typer.Option(help="Who answers; you, unless said otherwise.")]
Monitor = Annotated[str | None, typer.Option(help="One kind of monitor; without it, all.")]
Column = Annotated[str | None, typer.Option(help="One column, patterns allowed.")]


@app.command("list")
def list_alarms(
    days: Annotated[int, typer.Option(help="How far to look back.", min=1)] = 14,
    all_: Annotated[bool, typer.Option("--all", help="Past and answered ones too.")] = False,
) -> None:
    """List the alarms that wait for an answer, the newest first."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.resources.monitor_answers import shown_alarms

    _, store_of = _opened()
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    with store_of as store:
        alarms = [] if store is None else shown_alarms(store, since)
    chosen = [one for one in alarms if all_ or one.open]
    if not chosen:
        typer.echo("No alarm waits for an answer." if not all_ else "There were no alarms.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("alarm", "table", "monitor", "how", "when", "state", "what"):
        table.add_column(column, overflow="fold")
    for one in chosen:
        found = one.alarm.finding
        table.add_row(
            one.alarm.id,
            str(_served(one.alarm.relation)),
            found.kind,
            found.state.replace("_", " "),
            f"{one.alarm.at:%Y-%m-%d %H:%M}",
            one.status,
            found.sentence,
        )
    Console().print(table)


@app.command()
def show(
    alarm: Annotated[str, typer.Argument(help="The alarm, as `alarm list` names it.")],
) -> None:
    """Show one alarm: what was expected and from which days, what was seen, and what to do."""
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.resources.monitor_answers import check_of, shown_alarms

    _, store_of = _opened()
    with store_of as store:
        past = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        known = {} if store is None else {one.alarm.id: one for one in shown_alarms(store, past)}
    if alarm not in known:
        raise UserError(f"There is no alarm {alarm!r}.{nearest(alarm, known)}")
    one, found = known[alarm], known[alarm].alarm.finding
    lines = {
        "table": f"{one.alarm.relation}, check {check_of(found.kind)}",
        "when": f"{one.alarm.at:%Y-%m-%d %H:%M} UTC, run {one.alarm.run_id or 'unknown'}",
        "monitor": f"{found.kind}" + (f" of {found.column}" if found.column else ""),
        "how": f"{found.state.replace('_', ' ')}, score {found.score:g}",
        "seen": str(found.observed),
        "expected": _range(found.low, found.high),
        "learned from": found.days or "history",
        "changed first": found.upstream or "nothing above it",
        "state": one.status,
    }
    typer.echo(found.sentence)
    for name, value in lines.items():
        typer.echo(f"  {name:<14} {value}")
    if one.open:
        typer.echo(f"Fine as it is? dataplatform alarm accept {alarm} --why ...")


@app.command()
def accept(
    target: Annotated[str, typer.Argument(help="An alarm, or a table.")],
    check: Annotated[str | None, typer.Argument(help="With a table: its rule or check.")] = None,
    why: Why = "",
    who: Who = None,
) -> None:
    """Say that a value is fine: the monitor learns it, and what waits for it may go on.

    A broken rule is accepted in the same way: dataplatform alarm accept marts.orders some_rule.
    """
    from dataplatform.declarations.errors import UserError
    from dataplatform.resources.monitor_answers import (
        accept_alarm,
        accept_check,
        relation_named,
    )
    from dataplatform.runtime.home import open_instance

    project, store_of = _opened()
    with open_instance(project) as instance, store_of as store:
        if check is not None:
            relation = relation_named(target, project.relations)
            said = accept_check(store, instance, relation, check, who, why)
        elif "." in target:
            raise UserError(f"Name the rule or the check of {target} too: it may break several.")
        elif store is None:
            raise UserError("Nothing has been measured yet, so there is no alarm.")
        else:
            said = accept_alarm(store, instance, target, who, why)
    for sentence in said:
        typer.echo(sentence)


@app.command()
def mute(
    table: Annotated[str, typer.Argument(help="A watched table.")],
    monitor: Monitor = None,
    column: Column = None,
    days: Annotated[int, typer.Option(help="For how long.", min=1, max=365)] = 7,
    why: Why = "",
    who: Who = None,
) -> None:
    """Let a table's monitors be silent for some days; they keep measuring."""
    from dataplatform.monitors.model import Answer

    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(days=days)
    _check_kind(monitor)
    answer = Answer("mute", monitor, column, now, until, None, _name(who), why)
    relation = _answered(table, answer)
    typer.echo(f"{relation}: {monitor or 'every monitor'} is silent until {until:%Y-%m-%d}.")


@app.command()
def expect(
    table: Annotated[str, typer.Argument(help="A watched table.")],
    monitor: Annotated[str, typer.Argument(help="What will be different, such as volume.")],
    from_: Annotated[datetime.datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    to: Annotated[datetime.datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    factor: Annotated[
        float | None, typer.Option(help="How many times the usual at most (below 1: at least).")
    ] = None,
    column: Column = None,
    why: Why = "",
    who: Who = None,
) -> None:
    """Announce an event: what is different then is no alarm, and teaches nothing."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.monitors.model import Answer

    _check_kind(monitor)
    if to < from_:
        raise UserError(f"The event ends ({to:%Y-%m-%d}) before it begins ({from_:%Y-%m-%d}).")
    if factor is not None and factor <= 0:
        raise UserError("--factor must be more than 0.")
    project, _ = _opened()
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(project.monitors.timezone)
    first = from_.replace(tzinfo=zone)
    # The last day counts whole.
    last = (to + datetime.timedelta(days=1)).replace(tzinfo=zone) - datetime.timedelta(seconds=1)
    answer = Answer("expect", monitor, column, first, last, factor, _name(who), why)
    relation = _answered(table, answer)
    size = f" up to {factor:g} times the usual" if factor and factor > 1 else ""
    size = f" down to {factor:g} of the usual" if factor and factor < 1 else size
    typer.echo(f"{relation}: {monitor}{size} is expected from {from_:%Y-%m-%d} to {to:%Y-%m-%d}.")


def _answered(table: str, answer: Answer) -> Relation:
    from dataplatform.declarations.errors import UserError
    from dataplatform.quality.monitoring import watched
    from dataplatform.resources.monitor_answers import relation_named

    if not answer.why.strip():
        raise UserError("Say why: --why stays in the table's history.")
    project, store_of = _opened()
    relation = relation_named(table, watched(project))
    with store_of as store:
        if store is None:
            raise UserError("Nothing has been measured yet: `make run` first.")
        store.answer(relation, answer)
    return relation


def _opened() -> tuple[Project, AbstractContextManager[MonitorStore | None]]:
    from dataplatform.declarations.project import open_project

    project = open_project()
    return project, _store(project)


@contextmanager
def _store(project: Project) -> Iterator[MonitorStore | None]:
    """Open the monitors' memory; None where nothing was ever measured."""
    from dataplatform.resources.monitor_store import MonitorStore
    from dataplatform.resources.monitor_tables import METRICS
    from dataplatform.resources.warehouse import open_warehouse

    warehouse = open_warehouse(project.environment, project)
    if warehouse.columns(METRICS) is None:
        yield None
        return
    with warehouse.session("alarms") as session:
        yield MonitorStore(session, warehouse.dialect)


def _check_kind(kind: str | None) -> None:
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.monitors.model import KINDS

    if kind is not None and kind not in KINDS:
        raise UserError(
            f"{kind!r} is not a monitor: known are {', '.join(KINDS)}.{nearest(kind, KINDS)}"
        )


def _name(who: str | None) -> str:
    return (who or getpass.getuser()).strip()


def _served(relation: Relation) -> Relation:
    """Return the name by which people know a table: a mart's is the published one."""
    from dataplatform.keys import CANDIDATE

    return relation.published if relation.schema == CANDIDATE else relation


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "as in the days before"
    return f"{low:,.6g} to {high:,.6g}"
