"""``dataplatform publish``: the versions of published tables, and going back to one of them.

It shows and asks; how a table is published, rolled back and repaired is the warehouse's business.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation
    from dataplatform.resources.warehouse import Warehouse
    from dataplatform.resources.warehouse.publication import Note, Version

#: Seconds that a person waits for a warehouse in use.
_PATIENCE = 20.0


def command(
    table: Annotated[str | None, typer.Argument(help="Only this published table.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the kept versions.")] = False,
    rollback: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Show readers an earlier version again.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="With --rollback: which one.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="Let the build that was rolled back be published."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Finish or undo what a killed publication left.")
    ] = False,
    why: Annotated[str, typer.Option(help="The reason, kept in the table's history.")] = "",
    who: Annotated[str, typer.Option(help="Who decides; you, unless said otherwise.")] = "",
) -> None:
    """Show the kept versions of published tables, go back to one, or repair a publication."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.project import open_project
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform.resources.warehouse.publication import Note

    asked = [name for name, on in (("--list", list_), ("--repair", repair)) if on]
    asked += [name for name, on in (("--rollback", rollback), ("--release", release)) if on]
    if len(asked) > 1:
        raise UserError(f"Ask for one thing at a time: {' or '.join(asked)}.")
    if to is not None and not rollback:
        raise UserError("--to names the version of a --rollback: say --rollback TABLE too.")
    project = open_project()
    warehouse = open_warehouse(project.environment, project)
    note = Note(who or getpass.getuser(), why or "no reason given")
    if rollback:
        _roll_back(project, warehouse, _published(rollback), to, note)
    elif release:
        target = _published(release)
        warehouse.published_for(_PATIENCE).release(target, note)
        typer.echo(f"{target}: the next run publishes its candidate again, if it keeps its rules.")
    elif repair:
        _repair(project, warehouse)
    else:
        _show(warehouse, _published(table) if table else None)


def _published(name: str) -> Relation:
    """Return the published table of a name, with or without its schema."""
    from dataplatform.keys import PUBLISHED, Relation

    return Relation(PUBLISHED, name.removeprefix(f"{PUBLISHED}."))


def _roll_back(
    project: Project, warehouse: Warehouse, target: Relation, to: str | None, note: Note
) -> None:
    from dataplatform.runtime.home import open_instance
    from dataplatform.transform.publish_events import roll_back

    with open_instance(project) as instance:
        version = roll_back(instance, warehouse, target, to, note, _PATIENCE)
    typer.echo(
        f"{target} serves version {version.id} again ({version.row_count:,} rows, published "
        f"{_minute(version)}).\nThe build it was rolled back from is held until it changes, or "
        f"until `dataplatform publish --release {target.table}`."
    )


def _repair(project: Project, warehouse: Warehouse) -> None:
    from dataplatform.runtime.home import open_instance
    from dataplatform.transform.publish_events import repair

    with open_instance(project) as instance:
        said = repair(instance, warehouse, _PATIENCE)
    for sentence in said:
        typer.echo(sentence)
    if not said:
        typer.echo("Nothing to repair: every publication is complete.")


def _show(warehouse: Warehouse, target: Relation | None) -> None:
    from rich.console import Console
    from rich.table import Table

    publisher = warehouse.published_for(_PATIENCE)
    versions = publisher.versions(target)
    if not versions:
        typer.echo("Nothing is published yet: `make run`.")
        return
    shown = Table(box=None, header_style="bold")
    for column in ("table", "version", "published", "rows", "by", ""):
        shown.add_column(column, justify="right" if column == "rows" else "left")
    for one in versions:
        by = f"{one.who} {one.run_id[:8]}".strip()
        shown.add_row(
            str(one.target),
            one.id,
            _minute(one),
            f"{one.row_count:,}",
            by,
            "served" if one.current else "",
        )
    console = Console(highlight=False)
    console.print(shown)
    for now in publisher.served({one.target for one in versions}).values():
        if now.held:
            console.print(f"{now.target} was rolled back by {now.note.who}: {now.note.why}")


def _minute(version: Version) -> str:
    return f"{version.published_at:%Y-%m-%d %H:%M} UTC"
