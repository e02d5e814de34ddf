"""``dataplatform promote``: what was judged in one environment, built and published in another.

It asks and shows; the gates, the order and the way back are the business of ``promotion``.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from dataplatform.declarations.project import Project
    from dataplatform.diff.found import Diff
    from dataplatform.keys import Relation
    from dataplatform.promotion.gates import Gate


def command(
    source: Annotated[
        str, typer.Option("--from", metavar="ENV", help="Where it was built and judged.")
    ] = "",
    target: Annotated[str, typer.Option("--to", metavar="ENV", help="Where it is to go.")] = "",
    approve: Annotated[
        str, typer.Option(metavar="HASH", help="The difference that you looked at.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the gates and stop.")] = False,
    drift: Annotated[
        bool, typer.Option(help="Compare the target's connections and access with the files.")
    ] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a promotion to --to that was killed.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Show the promotions to --to.")] = False,
    why: Annotated[str, typer.Option(help="The reason, kept in the audit.")] = "",
    who: Annotated[str, typer.Option(help="Who promotes; you, unless said otherwise.")] = "",
) -> None:
    """Promote models to another environment: gates, build, publish, look, and back if it fails."""
    from rich.console import Console

    from dataplatform.declarations.environment import ENVIRONMENT_VARIABLE, export
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.project import open_project
    from dataplatform.promotion.carry_out import alone, killed, promote, undo_killed
    from dataplatform.promotion.gates import promoted
    from dataplatform.resources.warehouse.publication import Note
    from dataplatform.runtime.home import open_instance

    console = Console(highlight=False, soft_wrap=True)
    here = open_project(environment=target or None)
    if log:
        _log(console, here)
        return
    if resume:
        _resume(console, here, target)
        return
    if not source or not target:
        raise UserError("Say --from and --to: dataplatform promote --from staging --to production.")
    origin = open_project(here.root, source)
    export({ENVIRONMENT_VARIABLE: target})
    with alone(here), open_instance(here) as instance:
        if dry_run:
            for left in killed(here):
                console.print(
                    f"killed       from {left.source}: undone by the next, finished by --resume",
                    markup=False,
                )
        else:
            for sentence in undo_killed(here, instance):
                console.print(f"undone       {sentence}", markup=False)
        found, gates = _judged(origin, here, approve, drift)
        changed = promoted(found)
        if not changed:
            console.print(f"Nothing to promote: {source} and {target} serve the same marts.")
            return
        for one in changed:
            console.print(f"promotes     {one.table}: {_told(one)}", markup=False)
        for gate in gates:
            console.print(f"{'open  ' if gate.open else 'closed'}       {gate.name}", markup=False)
            for sentence in gate.against:
                console.print(f"             {sentence}", markup=False)
        closed = [gate for gate in gates if not gate.open]
        if dry_run or closed:
            raise typer.Exit(3 if closed else 0)
        tables = [one.table for one in changed]
        note = Note(who or getpass.getuser(), why or "no reason given")
        done = promote(
            here, instance, tables, source, found.digest, note, lambda: _build(here, tables)
        )
    console.print(f"{done.state}         {done.said}", markup=False)
    if done.state != "done":
        raise typer.Exit(1)


def _judged(origin: Project, here: Project, approve: str, drift: bool) -> tuple[Diff, list[Gate]]:
    from dataplatform.cli import promote_facts as facts
    from dataplatform.diff.whole import diff
    from dataplatform.promotion import gates
    from dataplatform.runtime.home import open_instance

    found = diff(origin, here.environment.name, (), open_instance)
    tables = [one.table for one in gates.promoted(found)]
    models = gates.above(origin, tables)
    with open_instance(origin) as instance:
        judged = [
            gates.built_gate(origin, instance, models),
            gates.rules_gate(origin, instance, models),
        ]
    judged += [
        gates.parity_gate(origin, here),
        gates.contracts_gate(here, found, facts.undeclared_changes(here, tables)),
        gates.approval_gate(found, approve),
    ]
    if drift:
        judged.append(gates.drift_gate(facts.drift(here)))
    return found, judged


def _resume(console: Console, here: Project, target: str) -> None:
    """Finish what was killed, and say how it ended."""
    from dataplatform.declarations.environment import ENVIRONMENT_VARIABLE, export
    from dataplatform.declarations.errors import UserError
    from dataplatform.promotion.carry_out import alone, killed
    from dataplatform.promotion.carry_out import resume as finish
    from dataplatform.runtime.home import open_instance

    if not target:
        raise UserError("Say --to: dataplatform promote --resume --to production.")
    export({ENVIRONMENT_VARIABLE: target})
    failed = False
    with alone(here), open_instance(here) as instance:
        left = killed(here)
        if not left:
            console.print(f"Nothing to finish: no promotion to {target} was killed.")
        for one in left:
            tables = tuple(one.before)
            done = finish(here, instance, one, lambda tables=tables: _build(here, tables))  # type: ignore[misc]
            console.print(f"{done.state}         from {done.source}: {done.said}", markup=False)
            failed |= done.state != "done"
    if failed:
        raise typer.Exit(1)


def _build(project: Project, tables: Collection[Relation]) -> list[str]:
    """Build in the target what was promoted, publish it, and return what failed."""
    from dataplatform.runtime.execute import execute

    marts = " or ".join(f'+key:"{table.schema}/{table.table}"' for table in tables)
    # Of what is above, only models are built; raw tables come by their own syncs.
    selection = f'({marts}) and (kind:dbt or key:"marts/*")'
    result = execute(project, selection=selection, tags={"dataplatform/by": "promotion"})
    return [] if result.success else result.failures or ["The run did not succeed."]


def _told(one: object) -> str:
    from dataplatform.diff.found import TableDiff
    from dataplatform.diff.markdown import sentence

    assert isinstance(one, TableDiff)
    return sentence(one)


def _log(console: Console, project: Project) -> None:
    from rich.table import Table

    from dataplatform.promotion.record import read
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform.resources.warehouse.publication import time_of

    found = read(open_warehouse(project.environment, project))
    if not found:
        console.print(f"Nothing was ever promoted to {project.environment.name}.")
        return
    table = Table(box=None, header_style="bold")
    for name in ("when", "from", "who", "why", "difference", "how it ended"):
        table.add_column(name, overflow="fold")
    for one in found:
        when = f"{time_of(one.id):%Y-%m-%d %H:%M} UTC"
        table.add_row(when, one.source, one.who, one.why, one.digest, f"{one.state}: {one.said}")
    console.print(table)
