"""``connections sync``, ``resync``, ``pause``, ``resume`` and ``test``: working an account."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from datetime import datetime

    from dataplatform.ingestion.account.operations import Operated

Name = Annotated[str, typer.Argument(help="The connection file's name.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return as soon as it is asked for.")]


def sync(name: Name, no_wait: NoWait = False) -> None:
    """Sync a connection now, and show how it goes."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.operations import Operated

    operated = Operated.open(open_project(), name)
    before = operated.last_end()
    operated.sync()
    _follow(operated, before, no_wait)


def resync(
    name: Name,
    table: Annotated[
        str | None, typer.Argument(help="A table as its file names it; all without it.")
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Load a connection, or one table of it, anew from the beginning."""
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.operations import Operated

    operated = Operated.open(open_project(), name)
    before = operated.last_end()
    operated.resync(table)
    _follow(operated, before, no_wait)


def pause(name: Name) -> None:
    """Pause a connection until it is resumed or applied; its file is not changed."""
    _set_paused(name, True)


def resume(name: Name) -> None:
    """Resume a connection; its file is not changed."""
    _set_paused(name, False)


def test(name: Name) -> None:
    """Run a connection's setup tests and show what they say; exit code 1 when one fails."""
    from dataplatform.cli.connections.planning import show_test
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.operations import Operated

    console = Console()
    operated = Operated.open(open_project(), name)
    results = operated.test()
    for result in results:
        show_test(console, result)
    for kind, count in operated.trusted().items():
        console.print(f"  {count} trusted {kind}", highlight=False)
    reason = operated.not_set_up()
    console.print(
        f"{name} is not set up: {reason}" if reason else f"{name} is set up.", highlight=False
    )
    if reason or any(result.status == "FAILED" for result in results):
        raise typer.Exit(1)


def _set_paused(name: str, paused: bool) -> None:
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.operations import Operated

    operated = Operated.open(open_project(), name)
    operated.pause(paused)
    console = Console()
    console.print(f"{name} is {'paused' if paused else 'resumed'}.", highlight=False)
    if operated.connection.paused != paused:
        console.print(
            f"[dim]{operated.connection.file} says paused: "
            f"{str(operated.connection.paused).lower()}; the next apply follows the file.[/dim]"
        )


def _follow(operated: Operated, before: datetime | None, no_wait: bool) -> None:
    console = Console()
    name = operated.connection.name
    if no_wait:
        console.print(f"Asked for a sync of {name}.", highlight=False)
        return
    began = time.monotonic()
    with console.status(f"{name}: asked for a sync …") as shown:
        for progress in operated.progress(before):
            shown.update(f"{name}: {progress} · {time.monotonic() - began:.0f} s")
    for table in operated.last_tables():
        console.print(f"  {table}", highlight=False)
    console.print(f"{name}: synced in {time.monotonic() - began:.1f} s.", highlight=False)
