"""`dataplatform dbt`: dbt's own commands on the project, under the warehouse's lock.

For work on models by hand. What it builds is not recorded in Dagster; a later run finds the
models' records as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Run dbt on the project: build, run, test, docs.", no_args_is_help=True)

Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", help="What to take, in dbt's selection language."),
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="What to leave out, likewise.")
]
FullRefresh = Annotated[
    bool, typer.Option("--full-refresh", help="Build incremental models from nothing.")
]
Variables = Annotated[str | None, typer.Option("--vars", help="Variables, as YAML or JSON.")]


def arguments(
    command: Sequence[str],
    select: Sequence[str] | None,
    exclude: Sequence[str] | None = None,
    full_refresh: bool = False,
    variables: str | None = None,
) -> list[str]:
    """Return dbt's command line for a verb with its options."""
    found = list(command)
    if select:
        found += ["--select", *select]
    if exclude:
        found += ["--exclude", *exclude]
    if full_refresh:
        found.append("--full-refresh")
    if variables:
        found += ["--vars", variables]
    return found


def _run(command: list[str]) -> None:
    from dataplatform.declarations.project import open_project
    from dataplatform.transform.dbt_command import run_dbt_command

    code = run_dbt_command(open_project(), command, f"dataplatform dbt {command[0]}")
    if code:
        raise typer.Exit(1 if code == 1 else 2)


@app.command()
def build(
    select: Select = None,
    exclude: Exclude = None,
    full_refresh: FullRefresh = False,
    variables: Variables = None,
) -> None:
    """Build models with their tests; a failing rule keeps what is below it from being built."""
    _run(arguments(["build"], select, exclude, full_refresh, variables))


@app.command()
def run(
    select: Select = None,
    exclude: Exclude = None,
    full_refresh: FullRefresh = False,
    variables: Variables = None,
) -> None:
    """Build models without testing them."""
    _run(arguments(["run"], select, exclude, full_refresh, variables))


@app.command()
def test(select: Select = None, exclude: Exclude = None) -> None:
    """Test what is built."""
    _run(arguments(["test"], select, exclude))


@app.command()
def docs(
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve them on this machine when they are written.")
    ] = False,
    port: Annotated[int, typer.Option(help="Where to serve them.", min=1, max=65535)] = 8580,
    select: Select = None,
) -> None:
    """Write dbt's documentation of the project, and serve it where asked."""
    from dataplatform.declarations.dbt_project import target_folder
    from dataplatform.declarations.project import open_project
    from dataplatform.transform.dbt_command import run_dbt_command

    project = open_project()
    command = arguments(["docs", "generate", "--static"], select)
    if run_dbt_command(project, command, "dataplatform dbt docs"):
        raise typer.Exit(1)
    folder = target_folder(project) / "hand"
    typer.echo(f"The documentation is in {folder / 'static_index.html'}")
    if serve:
        _serve(folder, port)


def _serve(folder: object, port: int) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from dataplatform.declarations.errors import UserError

    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(f"Port {port} is taken: choose another with --port.") from error
    typer.echo(f"Serving on http://127.0.0.1:{port}/static_index.html (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
