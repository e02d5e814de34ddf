"""``dataplatform rehearse``: break a copy on purpose, and see what notices.

What an incident is, and what is read of it, is ``rehearsal``'s business; how it is shown is in
``rehearse_words``. Exit code 1 where an incident reached the published marts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataplatform.cli.rehearse_words import (
    document,
    incident_table,
    outcome_table,
    quiet_document,
    show_one,
    show_quiet,
    show_sum,
    show_undisturbed,
)
from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from dataplatform.rehearsal.prepare import Ready


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
    from dataplatform.rehearsal.incidents import INCIDENTS

    if as_json:
        _print_json({one.name: one.meaning for one in INCIDENTS})
    else:
        console.print(incident_table(INCIDENTS))


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
        _print_json(document(ready, outcomes, unsuited))
    elif incident:
        show_one(console, outcomes[0])
    else:
        show_undisturbed(console, ready)
        console.print(outcome_table(outcomes))
        for sentence in unsuited:
            console.print(sentence, style="dim", markup=False)
        show_sum(console, outcomes)
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
        _print_json(quiet_document(heard))
    else:
        show_quiet(console, heard)


def _print_json(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, indent=2, default=str))
