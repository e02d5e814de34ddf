"""How ``dataplatform rehearse`` shows incidents and quiet days: as tables, lines and JSON.

Nothing is asked or run here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table

    from dataplatform.rehearsal.incidents import Incident
    from dataplatform.rehearsal.prepare import Ready
    from dataplatform.rehearsal.quiet import QuietDays
    from dataplatform.rehearsal.verdict import Outcome


def incident_table(incidents: Iterable[Incident]) -> Table:
    """Return what can happen as a table, one incident a row."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("incident", style="bold", no_wrap=True)
    table.add_column("what happens")
    table.add_column("in the rehearsal company")
    for one in incidents:
        table.add_row(one.name, one.meaning, str(one.table))
    return table


def outcome_table(outcomes: Iterable[Outcome]) -> Table:
    """Return outcomes as a table, one incident a row."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("incident", "caught by", "where it stopped", "known", "told", "marts"):
        table.add_column(name, no_wrap=name in ("incident", "known"), overflow="fold")
    for one in outcomes:
        first = one.first
        table.add_row(
            one.incident,
            f"{first.kind} {first.check}" if first else "[red]nothing[/]",
            one.where,
            f"{first.seconds:.1f} s" if first else "never",
            ", ".join(one.told) or ("a warning in the report" if first else "nobody"),
            f"[red]changed: {', '.join(one.changed)}[/]" if one.changed else "[green]as before[/]",
        )
    return table


def show_one(console: Console, one: Outcome) -> None:
    """Print one incident: what was done, what caught it and where it stopped."""
    from rich.markup import escape

    first = one.first
    console.print(f"[bold]{one.incident}[/] on {one.table}: {escape(one.damage)}")
    if first is None:
        console.print("[red]caught by    nothing[/]")
        for sentence in one.failures:
            console.print(f"             the run failed, though: {_line(sentence)}", markup=False)
    for catch in one.caught[:5]:
        grave = "stops what is below" if catch.stops else "a warning"
        console.print(f"caught by    {catch.kind} {catch.check} on {catch.table} ({grave})")
        console.print(f"             [dim]{escape(_line(catch.sentence))}[/]")
    if len(one.caught) > 5:
        console.print(f"             and {len(one.caught) - 5} more")
    console.print(f"stopped at   {one.where}")
    if first is not None:
        console.print(f"known after  {first.seconds:.1f} s")
    console.print(f"told         {', '.join(one.told) or 'nobody; it is in the report'}")
    if one.route:
        console.print(f"             [dim]{one.route}[/]")
    if one.changed:
        console.print(f"published    [red]changed: {', '.join(one.changed)}[/]")
    else:
        rows = ", ".join(one.published) or "nothing is published from it"
        console.print(f"published    [green]every row as before[/]: {rows}")


def show_undisturbed(console: Console, ready: Ready) -> None:
    """Print how a day went on which nothing was wrong."""
    from rich.markup import escape

    said = f"{len(ready.alarms)} alarms" if ready.alarms else "no alarm"
    console.print(
        f"undisturbed  {said}, {len(ready.published)} marts published; "
        f"monitors learned from {ready.learned} days"
    )
    for sentence in ready.alarms:
        console.print(f"             [yellow]{escape(_line(sentence))}[/]")


def show_sum(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print how many incidents were stopped, in one line."""
    stopped = sum(one.stopped for one in outcomes)
    seconds = sum(one.seconds for one in outcomes)
    console.print(
        f"{stopped} of {len(outcomes)} incidents were caught and left every published row as it "
        f"was, in {seconds:.0f} s."
    )


def show_quiet(console: Console, heard: QuietDays) -> None:
    """Print every alarm of quiet days, and their share."""
    for day, table, kind, sentence in heard.alarms:
        console.print(f"{day}  {table}  {kind}: {_line(sentence)}", markup=False)
    counts = ", ".join(f"{kind} {count}" for kind, count in heard.by_monitor.most_common())
    console.print(f"by monitor: {counts or 'no alarm'}")
    console.print(
        f"{heard.tables} tables, {heard.days} days with weekdays, growth, holidays, ends of months "
        f"and a promotion: {heard.alarmed} of {heard.judged} table-days alarmed "
        f"({heard.share:.2%}), {heard.stopped} of them stopped."
    )


def document(ready: Ready, outcomes: Sequence[Outcome], unsuited: Sequence[str]) -> dict[str, Any]:
    """Return a rehearsal for machines.

    Args:
        ready: how the undisturbed day went.
        outcomes: of each incident.
        unsuited: why other incidents befall no column of the table, a sentence each.
    """
    from dataclasses import asdict

    return {
        "undisturbed": {
            "alarms": list(ready.alarms),
            "published": list(ready.published),
            "days_learned": ready.learned,
        },
        "incidents": [
            {
                **asdict(one),
                "where": one.where,
                "stopped": one.stopped,
                "known_after_seconds": round(one.first.seconds, 2) if one.first else None,
                "caught_by": f"{one.first.kind} {one.first.check}" if one.first else None,
            }
            for one in outcomes
        ],
        "unsuited": list(unsuited),
    }


def quiet_document(heard: QuietDays) -> dict[str, Any]:
    """Return how quiet days went, for machines."""
    return {
        "tables": heard.tables,
        "days": heard.days,
        "table_days": heard.judged,
        "alarmed": heard.alarmed,
        "stopped": heard.stopped,
        "share": round(heard.share, 5),
        "by_monitor": dict(heard.by_monitor),
        "alarms": [list(one) for one in heard.alarms],
    }


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
