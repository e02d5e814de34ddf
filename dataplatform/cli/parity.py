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
    from dataplatform.parity.build import Built
    from dataplatform.parity.compare import TableDifference


def command(
    engines: Annotated[
        str, typer.Option(help="Which, by commas; all are held against the first.")
    ] = "duckdb,ducklake",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep each engine's copy to look at.")
    ] = False,
) -> None:
    """Build the same raw tables on several engines and compare every model and every check."""
    from rich.console import Console

    from dataplatform.declarations.project import open_project

    console = Console(highlight=False)
    names = list(dict.fromkeys(name.strip() for name in engines.split(",") if name.strip()))
    builds = build_all(open_project(), names, keep=keep)
    if not show(console, open_project(), builds):
        raise typer.Exit(1)


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


def show(console: Console, project: Project, builds: list[Built]) -> bool:
    """Print what differs and tell whether nothing does."""
    from rich.table import Table

    from dataplatform.declarations.dbt_project import load_graph
    from dataplatform.parity.compare import compare_tables, compare_verdicts

    volatile = {node.relation: node.volatile for node in load_graph(project).nodes}
    first, *others = builds
    compared = [compare_tables(first, other, volatile) for other in others]
    table = Table("model", first.engine, *[other.engine for other in others], box=None)
    for row in zip(*compared, strict=True):
        table.add_row(str(row[0].relation), _rows(row[0].rows[0]), *map(_cell, row))
    console.print(table)
    verdicts = [compare_verdicts(first, other) for other in others]
    names = {name for build in builds for name in build.verdicts}
    for other, found in zip(others, compared, strict=True):
        same = sum(one.equal for one in found)
        differing = compare_verdicts(first, other)
        console.print(
            f"{other.engine}: {same} of {len(found)} models and "
            f"{len(names) - len(differing)} of {len(names)} checks as on {first.engine}; "
            + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in other.seconds.items())
        )
        for one in found:
            _explain(console, one, first, other)
        for name, (before, after) in differing.items():
            console.print(f"  {name}: {before} on {first.engine}, {after} on {other.engine}")
    return all(one.equal for found in compared for one in found) and not any(verdicts)


def _rows(count: int | None) -> str:
    return "not built" if count is None else f"{count:,} rows"


def _cell(one: TableDifference) -> str:
    if one.equal:
        return "[green]equal[/]"
    if one.rows[1] is None:
        return "[red]not built[/]"
    parts = [f"{one.only_first} missing, {one.only_other} other"] if one.only_first else []
    if one.only_other and not one.only_first:
        parts.append(f"{one.only_other} more")
    parts += [f"{len(one.columns)} columns"] if one.columns else []
    return f"[red]{'; '.join(parts)}[/]"


def _explain(console: Console, one: TableDifference, first: Built, other: Built) -> None:
    from dataplatform.parity.trace import expression_of

    for sentence in one.columns:
        console.print(f"  {one.relation}: {sentence}")
    told: set[str] = set()
    for difference in one.shown:
        known = ", ".join(f"{k}={v}" for k, v in list(difference.row.items())[:3])
        for column, (before, after) in difference.values.items():
            console.print(f"  {one.relation} {known}: {column} is {before!r}, not {after!r}")
            if column not in told:
                told.add(column)
                for build in (first, other):
                    sql = build.sql.get(one.relation, "")
                    made = expression_of(sql, column, build.dialect)
                    console.print(f"    {build.engine}: {made}", markup=False)
