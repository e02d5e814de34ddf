"""``dataplatform rehearse``: break a copy on purpose, and see what notices.

What an incident is, and what is read of it, is ``rehearsal``'s business; here are the words and
the table. Exit code 1 where an incident reached the published marts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from dataplatform.rehearsal.prepare import Ready
    from dataplatform.rehearsal.verdict import Outcome


def command(
    incident: Annotated[
        str | None, typer.Argument(metavar="[INCIDENT]", help="What happens; see --list.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="A copy of this raw table instead of the demo company."),
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Damage this share of the rows, above 0 and at most 1.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every incident, one after another.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show what can happen.")] = False,
    quiet_days: Annotated[
        int | None,
        typer.Option(metavar="N", help="Let N days pass on which nothing is wrong; count alarms."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result for machines.")] = False,
) -> None:
    """Let an incident happen to a copy, and show what caught it before the published tables."""
    from rich.console import Console

    asked = [incident is not None, every, listed, quiet_days is not None]
    if sum(asked) != 1:
        raise UserError(
            "Say one of: an incident (`dataplatform rehearse --list` shows them), --all, --list "
            "or --quiet-days N."
        )
    if share is not None and not 0 < share <= 1:
        raise UserError(f"--share is above 0 and at most 1, not {share:g}.")
    console = Console(highlight=False)
    if listed:
        _list(console, as_json)
    elif quiet_days is not None:
        if on is not None:
            raise UserError("--quiet-days are the rehearsal company's: leave --on out.")
        _quiet(console, quiet_days, as_json)
    else:
        _rehearse(console, incident, on, share, as_json)


def _list(console: Console, as_json: bool) -> None:
    from rich.table import Table

    from dataplatform.rehearsal.incidents import INCIDENTS

    if as_json:
        _print_json({one.name: one.meaning for one in INCIDENTS})
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("incident", style="bold", no_wrap=True)
    table.add_column("what happens")
    table.add_column("in the rehearsal company")
    for one in INCIDENTS:
        table.add_row(one.name, one.meaning, str(one.table))
    console.print(table)


def _rehearse(
    console: Console, incident: str | None, on: str | None, share: float | None, as_json: bool
) -> None:
    from dataplatform.rehearsal.incidents import INCIDENTS, named

    # A misspelt name is told before anything is prepared.
    chosen = [named(incident)] if incident else list(INCIDENTS)
    ready, outcomes = _prepare(console, on, as_json), []
    table = ready.drill.stage.tables and on and next(iter(ready.drill.stage.tables))
    unsuited: list[str] = []
    for one in chosen:
        try:
            with _busy(console, f"{one.name}: {one.meaning}", as_json):
                outcomes.append(ready.drill.rehearse(one, table or None, share))
        except UserError as error:
            # Of all incidents some suit no column of a user's own table; the demo's suit all.
            if incident or not on:
                raise
            unsuited.append(str(error))
    if as_json:
        _print_json(_document(ready, outcomes, unsuited))
    elif incident:
        _show_one(console, outcomes[0])
    else:
        _show_undisturbed(console, ready)
        console.print(outcome_table(outcomes))
        for sentence in unsuited:
            console.print(f"[dim]{sentence}[/]")
        _show_sum(console, outcomes)
    if not all(outcome.stopped for outcome in outcomes):
        raise typer.Exit(1)


def _prepare(console: Console, on: str | None, as_json: bool) -> Ready:
    from dataplatform.declarations.project import open_project
    from dataplatform.rehearsal.prepare import prepare_company, prepare_copy

    def say(text: str) -> None:
        if not as_json:
            console.print(f"[dim]{text}[/]")

    project = open_project()
    project.check()
    return prepare_copy(project, on, say) if on else prepare_company(project, say)


def _busy(console: Console, text: str, as_json: bool) -> Any:
    from contextlib import nullcontext

    return nullcontext() if as_json else console.status(text)


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


def _show_one(console: Console, one: Outcome) -> None:
    first = one.first
    console.print(f"[bold]{one.incident}[/] on {one.table}: {one.damage}")
    if first is None:
        console.print("[red]caught by    nothing[/]")
        for sentence in one.failures:
            console.print(f"             the run failed, though: {_line(sentence)}", markup=False)
    for catch in one.caught[:5]:
        grave = "stops what is below" if catch.stops else "a warning"
        console.print(f"caught by    {catch.kind} {catch.check} on {catch.table} ({grave})")
        console.print(f"             [dim]{_line(catch.sentence)}[/]")
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


def _show_undisturbed(console: Console, ready: Ready) -> None:
    said = f"{len(ready.alarms)} alarms" if ready.alarms else "no alarm"
    console.print(
        f"undisturbed  {said}, {len(ready.published)} marts published; "
        f"monitors learned from {ready.learned} days"
    )
    for sentence in ready.alarms:
        console.print(f"             [yellow]{_line(sentence)}[/]")


def _show_sum(console: Console, outcomes: list[Outcome]) -> None:
    stopped = sum(one.stopped for one in outcomes)
    seconds = sum(one.seconds for one in outcomes)
    console.print(
        f"{stopped} of {len(outcomes)} incidents were caught and left every published row as it "
        f"was, in {seconds:.0f} s."
    )


def _quiet(console: Console, days: int, as_json: bool) -> None:
    from dataplatform.rehearsal.quiet import LEAST_DAYS, quiet_days

    if days < LEAST_DAYS:
        raise UserError(
            f"Monitors say nothing before they have learned: --quiet-days is at least "
            f"{LEAST_DAYS}, not {days}."
        )
    from dataplatform.declarations.project import open_project

    with _busy(console, f"{days} quiet days pass …", as_json):
        heard = quiet_days(open_project(), days)
    if as_json:
        _print_json(
            {
                "tables": heard.tables,
                "days": heard.days,
                "table_days": heard.judged,
                "alarmed": heard.alarmed,
                "stopped": heard.stopped,
                "share": round(heard.share, 5),
                "by_monitor": dict(heard.by_monitor),
                "alarms": [list(one) for one in heard.alarms],
            }
        )
        return
    for day, table, kind, sentence in heard.alarms:
        console.print(f"{day}  {table}  {kind}: {_line(sentence)}", markup=False)
    counts = ", ".join(f"{kind} {count}" for kind, count in heard.by_monitor.most_common())
    console.print(f"by monitor: {counts or 'no alarm'}")
    console.print(
        f"{heard.tables} tables, {heard.days} days with weekdays, growth, holidays, ends of months "
        f"and a promotion: {heard.alarmed} of {heard.judged} table-days alarmed "
        f"({heard.share:.2%}), {heard.stopped} of them stopped."
    )


def _document(ready: Ready, outcomes: list[Outcome], unsuited: list[str]) -> dict[str, Any]:
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
        "unsuited": unsuited,
    }


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _print_json(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, indent=2, default=str))
