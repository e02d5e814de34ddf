"""``dataplatform parity``: the same inputs on several engines, and what comes out differently.

Each engine gets a copy of the project in the state folder, with servers of its own that are
stopped at the end. Building and comparing are the parity package's work.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from dataplatform.declarations.project import Project
    from dataplatform.diff.found import Sample
    from dataplatform.parity.build import Built
    from dataplatform.parity.compare import TableDifference
    from dataplatform.parity.outcome import Outcome

#: As for a diff: what was asked for was done, and what came out differs.
DIFFERENT = 3


def command(
    engines: Annotated[
        str, typer.Option(help="Which, by commas; all are held against the first.")
    ] = "duckdb,ducklake",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep each engine's copy to look at.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Build the same raw tables on several engines and compare every model and every check."""
    import json

    from rich.console import Console

    from dataplatform.declarations.project import open_project
    from dataplatform.parity.outcome import outcome_of, record_of
    from dataplatform.resources.parity_record import files_fingerprint, keep_parity

    project = open_project()
    names = list(dict.fromkeys(name.strip() for name in engines.split(",") if name.strip()))
    # Before anything is built: files that change meanwhile are not those that were compared.
    files = files_fingerprint(project)
    outcome = outcome_of(project, build_all(project, names, keep=keep))
    keep_parity(project, record_of(outcome, files))
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), indent=2, default=str))
    else:
        show(Console(highlight=False, soft_wrap=True), outcome)
    if not outcome.equal:
        raise typer.Exit(DIFFERENT)


def build_all(project: Project, names: list[str], *, keep: bool = False) -> list[Built]:
    """Build the project's raw tables on each engine, one after the other.

    Args:
        project: whose raw tables are the inputs, as its own warehouse has them.
        names: the engines.
        keep: leave each engine's copy of the project, with its warehouse.

    Raises:
        UserError: an engine is not known, or the inputs are not there.
    """
    import shutil

    from dataplatform.declarations.errors import UserError
    from dataplatform.local import supervisor
    from dataplatform.parity.build import build, inputs
    from dataplatform.parity.stage import stage

    if len(names) < 2:
        raise UserError("Parity compares two engines or more: --engines duckdb,ducklake.")
    home = project.state / "parity"
    stages = {name: stage(project, name, home / name) for name in names}
    raw = inputs(project, home / "inputs")
    builds = []
    for name, copy in stages.items():
        with ExitStack() as stack:
            if not keep:
                stack.callback(shutil.rmtree, copy.root, ignore_errors=True)
            stack.callback(supervisor.stop, copy)
            supervisor.start(copy)
            builds.append(build(copy, name, raw, home / "rows" / name))
    return builds


def show(console: Console, outcome: Outcome) -> None:
    """Print the table of models, and of each engine what differs."""
    from rich.table import Table

    first, *others = outcome.builds
    table = Table("model", first.engine, *[other.engine for other in others], box=None)
    for row in zip(*outcome.tables, strict=True):
        table.add_row(str(row[0].relation), _rows(row[0].rows[0]), *map(_cell, row))
    console.print(table)
    console.print(f"{first.engine}: {_seconds(first)}")
    every = len(outcome.checks)
    for other, found, verdicts in zip(others, outcome.tables, outcome.verdicts, strict=True):
        same = sum(one.equal for one in found)
        console.print(
            f"{other.engine}: {same} of {len(found)} models and {every - len(verdicts)} of "
            f"{every} checks as on {first.engine}; {_seconds(other)}"
        )
        for one in found:
            _explain(console, one, first, other)
        for name, (before, after) in verdicts.items():
            console.print(f"  {name}: {before} on {first.engine}, {after} on {other.engine}")
    for exempt, models in outcome.exempt.items():
        console.print(
            f"not shown of {exempt.engine}: {exempt.expression} in {', '.join(map(str, models))} "
            f"({exempt.reason})",
            markup=False,
        )


def _rows(count: int | None) -> str:
    return "not built" if count is None else f"{count:,} rows"


def _seconds(built: Built) -> str:
    return ", ".join(f"{what} {seconds:.1f} s" for what, seconds in built.seconds.items())


def _cell(one: TableDifference) -> str:
    if one.equal:
        return "[green]equal[/]"
    if one.rows[1] is None:
        return "[red]not built[/]"
    counts = (
        (one.found.changed, "changed"),
        (one.found.removed, "missing"),
        (one.found.added, "more"),
        (len(one.columns), "columns"),
    )
    return f"[red]{', '.join(f'{count:,} {word}' for count, word in counts if count)}[/]"


def _explain(console: Console, one: TableDifference, first: Built, other: Built) -> None:
    from dataplatform.parity.trace import expression_of

    for sentence in one.columns:
        console.print(f"  {one.relation}: {sentence}")
    for sample in one.found.samples:
        console.print(f"  {one.relation} {_told(sample, first, other)}", markup=False)
    for column in one.traced:
        console.print(f"  {column} is made by", markup=False)
        for build in (first, other):
            made = expression_of(build.sql.get(one.relation, ""), column, build.dialect)
            console.print(f"    {build.engine}: {made}", markup=False)


def _told(sample: Sample, first: Built, other: Built) -> str:
    """Return one differing row as a line."""
    from dataplatform.diff.found import ADDED, CHANGED

    key = ", ".join(f"{name}={value}" for name, value in sample.key.items())
    if sample.kind != CHANGED:
        return f"only on {(other if sample.kind == ADDED else first).engine}: {key}"
    values = (f"{name} is {a}, not {b}" for name, (a, b) in sample.values.items())
    return f"{key}: {'; '.join(values)}"
