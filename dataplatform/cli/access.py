"""``dataplatform access``: who may read what, shown, brought into the warehouse, and asked.

It shows and asks; what is declared, compared and sent is the business of the room ``access``.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.access.audit import Reader
    from dataplatform.access.items import Change
    from dataplatform.access.plan import Plan

DIFFERENCES = 3
_MARKS = {
    "grant": "[green]+[/green]",
    "change": "[yellow]~[/yellow]",
    "revoke": "[red]-[/red]",
}

app = typer.Typer(help="Who may read what, as config/access.yml says.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Sql = Annotated[bool, typer.Option("--sql", help="Print what is sent to the warehouse too.")]


@app.command("plan")
def plan(as_json: AsJson = False, sql: Sql = False) -> None:
    """Show what applying would grant, change and revoke; exit code 3 when there is something."""
    from dataplatform.access.opening import open_engine
    from dataplatform.access.plan import make_plan
    from dataplatform.declarations.project import open_project

    project = open_project()
    planned = make_plan(project, open_engine(project))
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in planned.changes], default=str))
    else:
        console = Console()
        for change in planned.changes:
            _tell(console, change, sql)
        _notes(console, planned.notes)
        console.print(_what_next(planned), highlight=False, soft_wrap=True)
    if planned.changes:
        raise typer.Exit(DIFFERENCES)


@app.command("apply")
def apply(
    allow_revoke: Annotated[
        bool, typer.Option("--allow-revoke", help="Take away what is not declared, too.")
    ] = False,
    shown: Annotated[
        str | None,
        typer.Option("--plan", metavar="DIGEST", help="Apply only if it is still this plan."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take away without asking what was not shown before.")
    ] = False,
    as_json: AsJson = False,
    sql: Sql = False,
) -> None:
    """Bring the access file into the warehouse; applying twice changes nothing.

    Nothing is taken away that was not shown: --allow-revoke wants the plan's digest, an answer, or
    --yes. Exit code 3 when something was left that only --allow-revoke would take away.
    """
    from dataplatform.access.opening import open_engine
    from dataplatform.access.plan import carry_out, make_plan
    from dataplatform.declarations.project import open_project

    project = open_project()
    console = Console(stderr=as_json)
    engine = open_engine(project)
    planned = make_plan(project, engine)
    if shown is not None and shown != planned.digest:
        raise UserError(
            f"The plan is {planned.digest} by now and not {shown}: look at it again with "
            "`dataplatform access plan`."
        )
    if allow_revoke and planned.revokes and not (shown or yes):
        _ask(console, planned, sql)
    done = carry_out(
        engine,
        planned,
        allow_revoke=allow_revoke,
        told=lambda change: _tell(console, change, sql),
    )
    _notes(console, planned.notes)
    if as_json:
        typer.echo(json.dumps([change.as_json() for change in done], default=str))
    else:
        console.print(f"{len(done)} applied." if done else "Nothing to apply.")
    if planned.revokes and not allow_revoke:
        for change in planned.revokes:
            told = f"! left as it is: {escape(change.sentence())}"
            console.print(told, highlight=False, soft_wrap=True)
        raise typer.Exit(DIFFERENCES)


@app.command("audit")
def audit(as_json: AsJson = False) -> None:
    """Show every role: who holds it, what it reads, what it is shown, and what to look at."""
    from dataplatform.access import audit as auditing
    from dataplatform.declarations.project import open_project

    found = auditing.audit(open_project())
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console()
    table = _table("role", "held by", "inherits", "reads", "tables", "makes", "is shown")
    for name, role in found["roles"].items():
        table.add_row(
            name,
            "\n".join(role["held_by"]),
            ", ".join(role["inherits"]),
            ", ".join(role["layers"]) or "single tables",
            str(role["tables"]),
            ", ".join(role["writes"]),
            ", ".join(role["sees"]),
        )
    console.print(table)
    _notes(console, tuple(found["remarks"]))


@app.command("who-can")
def who_can(
    table: Annotated[str, typer.Argument(help="A table; without a schema, a published one.")],
    as_json: AsJson = False,
) -> None:
    """Show who can read a table, which columns are hidden from them and which rows they see."""
    from dataplatform.access import audit as auditing
    from dataplatform.access.rights import find_table, rights_of
    from dataplatform.declarations.project import open_project

    rights = rights_of(open_project())
    _readers(auditing.who_can(rights, find_table(rights, table)), "role", as_json)


@app.command("what-can")
def what_can(
    role: Annotated[str, typer.Argument(help="A role of config/access.yml.")],
    as_json: AsJson = False,
) -> None:
    """Show which tables a role can read, which columns are hidden and which rows it sees."""
    from dataplatform.access import audit as auditing
    from dataplatform.access.rights import rights_of
    from dataplatform.declarations.project import open_project

    _readers(auditing.what_can(rights_of(open_project()), role), "table", as_json)


@app.command("query")
def query(
    select: Annotated[str, typer.Argument(help="One SELECT.")],
    role: Annotated[str, typer.Option("--as", help="Who asks: a role of config/access.yml.")],
    limit: Annotated[int, typer.Option(min=1, help="How many rows at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Ask as a role: hidden values are masked, and what it may not read is refused."""
    from dataplatform.access.reading import ask_as
    from dataplatform.declarations.project import open_project

    answer = ask_as(open_project(), role, select, limit)
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        typer.echo(json.dumps(rows, default=str))
        return
    table = _table(*answer.columns)
    for row in answer.rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    console = Console(highlight=False)
    console.print(table)
    if answer.more:
        console.print(f"More rows: only {limit} are shown.")


def _what_next(planned: Plan) -> str:
    count, revokes = len(planned.changes), len(planned.revokes)
    if not count:
        return "As declared."
    command = "access apply --allow-revoke" if revokes else "access apply"
    told = f"{count} to apply; `{command} --plan {planned.digest}` does exactly this."
    return f"{told} Without --allow-revoke {revokes} of them are left." if revokes else told


def _ask(console: Console, planned: Plan, sql: bool) -> None:
    """Show what would be taken away and have it confirmed; a program cannot answer."""
    for change in planned.revokes:
        _tell(console, change, sql)
    count = len(planned.revokes)
    if not sys.stdin.isatty():
        raise UserError(
            f"{count} would be taken away, and nobody is here to confirm it: give the digest of "
            "the plan that you have seen by --plan, or --yes."
        )
    typer.confirm(f"Take away these {count}?", abort=True, err=True)


def _readers(readers: list[Reader], first: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in readers]))
        return
    by_role = first == "role"
    table = _table(first, "through", "hidden columns", "rows", *(["held by"] if by_role else []))
    for one in readers:
        hidden = ", ".join(f"{name} ({method})" for name, method in one.hidden.items())
        table.add_row(
            one.role if by_role else one.table,
            ", ".join(one.through),
            hidden or "none",
            escape(" or ".join(one.rows)) or "all",
            *(["\n".join(one.holders)] if by_role else []),
        )
    Console(highlight=False).print(table if readers else f"No {first}.")


def _tell(console: Console, change: Change, sql: bool) -> None:
    console.print(
        f"{_MARKS[change.action]} {escape(change.sentence())}", highlight=False, soft_wrap=True
    )
    for statement in change.statements if sql else ():
        said: Any = statement if isinstance(statement, str) else json.dumps(statement)
        console.print(f"    {escape(said)}", style="dim", highlight=False, soft_wrap=True)


def _notes(console: Console, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(f"[dim]·[/dim] {escape(note)}", highlight=False, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(escape(column))
    return table
