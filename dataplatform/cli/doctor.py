"""``dataplatform doctor``: what is missing on this machine, and how to get it.

It only looks; it starts and installs nothing. ``--live`` tries the environment's real accounts.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_FREE_GIGABYTES = 5
_UI_PORT = 3000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``advice`` says how to mend it."""

    name: str
    good: bool
    seen: str
    advice: str = ""
    needed: bool = True


def findings(project: Project) -> list[Finding]:
    """Look at the machine and the project; nothing is changed."""
    looks: list[Callable[[Project], Finding]] = [
        _python,
        _packages,
        _extensions,
        _disk,
        _declarations,
        _secrets,
        _servers,
        _port,
        _browser,
    ]
    return [look(project) for look in looks]


def command(
    live: Annotated[
        bool,
        typer.Option("--live", help="Try on the real accounts what stand-ins cannot show."),
    ] = False,
) -> None:
    """Say what is missing on this machine and how to get it. Exit code 1 if something needed is."""
    from rich.console import Console

    from dataplatform.declarations.project import open_project

    if live:
        _live(open_project())
        return
    console = Console(highlight=False)
    found = findings(open_project())
    for item in found:
        mark = "[green]✓[/]" if item.good else "[red]✗[/]" if item.needed else "[yellow]·[/]"
        console.print(f"{mark} {item.name:<14} {item.seen}")
        if not item.good and item.advice:
            console.print(f"  {'':<14} [bold]{item.advice}[/]")
    if any(item.needed and not item.good for item in found):
        raise typer.Exit(1)


def _live(project: Project) -> None:
    from rich.console import Console
    from rich.markup import escape

    from dataplatform.environments.live import NO_ACCOUNT, try_live

    console = Console(highlight=False, soft_wrap=True)
    found = try_live(project)
    for one in found:
        mark = "[green]✓[/]" if one.good else "[yellow]·[/]"
        if one.condition == "refused":
            mark = "[red]✗[/]"
        console.print(f"{mark} {one.name:<76} {escape(one.seen)}")
    absent = sum(1 for one in found if one.seen.startswith(NO_ACCOUNT))
    shown = sum(1 for one in found if one.good)
    console.print(
        f"{project.environment.name}: {shown} shown, {len(found) - shown - absent} not as "
        f"expected, {absent} not tried, because there is no account."
    )
    if shown < len(found):
        raise typer.Exit(1)


def _python(_: Project) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("python", good, version, "Install Python 3.11, 3.12 or 3.13.")


def _packages(_: Project) -> Finding:
    wanted = ("dagster", "dagster_dbt", "dbt", "duckdb", "great_expectations", "dlt", "boto3")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    seen = f"missing: {', '.join(missing)}" if missing else "as locked"
    return Finding("packages", not missing, seen, "Run `make setup`.")


def _extensions(_: Project) -> Finding:
    from dataplatform.declarations.errors import UserError
    from dataplatform.duckdb_file import extension_path

    try:
        for name in ("httpfs", "postgres_scanner"):
            extension_path(name)
    except UserError as error:
        return Finding("extensions", False, str(error), "Run `make setup`.")
    return Finding("extensions", True, "DuckDB's httpfs and postgres_scanner")


def _disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.root).free / 1e9
    return Finding(
        "disk", free >= _FREE_GIGABYTES, f"{free:.0f} GB free",
        f"Make room: {_FREE_GIGABYTES} GB are needed for the demo.",
    )  # fmt: skip


def _declarations(project: Project) -> Finding:
    from dataplatform.declarations.errors import UserError

    try:
        project.check()
    except UserError as error:
        return Finding("declarations", False, str(error), "Mend the file.")
    seen = (
        f"{len(project.connections)} connections, {len(project.contracts)} contracts, "
        f"{len(project.pipelines)} pipelines"
    )
    return Finding("declarations", True, seen)


def _secrets(project: Project) -> Finding:
    from dataplatform.declarations.errors import UserError

    try:
        environment = project.environment
        environment.resolve_all(environment.warehouse)
        if environment.local is None:
            environment.resolve_all(environment.fivetran)
            environment.resolve_all(environment.lake)
    except UserError as error:
        return Finding("secrets", False, str(error), "Set it, or write it into .env.")
    return Finding("secrets", True, f"all that {environment.name} needs")


def _servers(project: Project) -> Finding:
    from dataplatform.declarations.errors import UserError
    from dataplatform.local import supervisor

    try:
        rows = supervisor.status(project)
    except UserError as error:
        return Finding("servers", False, str(error), "Run `make start`.", needed=False)
    down = [row.name for row in rows if row.condition != "running"]
    seen = f"down: {', '.join(down)}" if down else f"{len(rows)} running"
    return Finding("servers", not down, seen, "Run `make start`.", needed=False)


def _port(_: Project) -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", _UI_PORT)) == 0
    seen = f"port {_UI_PORT} is {'taken' if taken else 'free'}"
    return Finding("dagster ui", not taken, seen, "Run `make dev PORT=3001`.", needed=False)


def _browser(_: Project) -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    advice = "`make test` installs Chromium; by hand: apt-get install chromium."
    return Finding("browser", bool(path), path or "none found", advice, needed=False)
