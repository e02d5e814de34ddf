"""`dataplatform backfill`: build a range of days again, in one run.

Which models are rebuilt by day is declared in their yml; the run is the runtime's business.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from dataplatform.declarations.errors import UserError, nearest

if TYPE_CHECKING:
    from dataplatform.declarations.dbt_graph import DbtGraph, DbtNode


def day(text: str, option: str) -> date:
    """Read a day.

    Raises:
        UserError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option} {text!r} is no day: write it as 2025-01-31.") from error


def by_day(graph: DbtGraph, asset: str | None) -> list[DbtNode]:
    """Return the models to build: the named one, or all that are rebuilt by day.

    Args:
        graph: the dbt graph.
        asset: a table as ``daily_sales``, ``candidate/daily_sales`` or ``marts/daily_sales``.

    Raises:
        UserError: no such model is rebuilt by day.
    """
    known = {node.table: node for node in graph.nodes if node.partition}
    if asset is None:
        if not known:
            raise UserError("No model of this project is rebuilt by day.")
        return list(known.values())
    table = asset.replace(".", "/").split("/")[-1]
    if table not in known:
        raise UserError(f"{asset!r} is not rebuilt by day.{nearest(table, known)}")
    return [known[table]]


def check_range(first: date, last: date, nodes: list[DbtNode], today: date) -> None:
    """Refuse a range that no model has.

    Raises:
        UserError: it ends before it begins, starts before a model's first day, or lies ahead.
    """
    if last < first:
        raise UserError(f"--to {last} lies before --from {first}.")
    for node in nodes:
        start = date.fromisoformat((node.partition or {})["start"])
        if first < start:
            raise UserError(f"The first day of {node.relation} is {start}: --from is {first}.")
    if last > today:
        raise UserError(f"--to {last} lies in the future.")


def command(
    first: Annotated[str, typer.Option("--from", help="The first day, as 2025-01-31.")],
    last: Annotated[str, typer.Option("--to", help="The last day, included.")],
    asset: Annotated[
        str | None, typer.Option("--asset", help="One table; without it, all built by day.")
    ] = None,
    publish: Annotated[
        bool, typer.Option(help="Publish the mart afterwards, when it keeps its rules.")
    ] = True,
) -> None:
    """Build a range of days again, and publish what changed."""
    from dataplatform.declarations.dbt_project import load_graph
    from dataplatform.declarations.project import open_project

    project = open_project()
    nodes = by_day(load_graph(project), asset)
    start, end = day(first, "--from"), day(last, "--to")
    check_range(start, end, nodes, date.today())
    from dataplatform.runtime.execute import execute

    for node in nodes:
        result = execute(
            project,
            selection=f'key:"{node.schema}/{node.table}"',
            partitions=(start.isoformat(), end.isoformat()),
        )
        days = (end - start).days + 1
        if result.success and publish:
            result = execute(
                project, selection=f'key:"{node.relation.published.schema}/{node.table}"'
            )
        if not result.success:
            for text in result.failures:
                typer.echo(text, err=True)
            raise typer.Exit(1)
        typer.echo(f"{node.relation}: {days} day{'s' if days > 1 else ''} built again.")
