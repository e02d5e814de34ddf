"""``dataplatform diff``: what differs between this environment and another, before it is merged.

It shows; comparing is the diff room's work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.diff.found import Diff


def command(
    against: Annotated[
        str,
        typer.Option(help="An environment, another project's folder, or a DuckDB file."),
    ],
    select: Annotated[
        list[str] | None,
        typer.Option("--select", "-s", help="Only these tables; * stands for any characters."),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it for the pull request.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Compare rows, columns and verdicts with another place; exit code 3 when something differs."""
    import json

    from dataplatform.declarations.project import open_project
    from dataplatform.diff.markdown import markdown as as_markdown
    from dataplatform.diff.page import page
    from dataplatform.diff.whole import diff
    from dataplatform.runtime.home import open_instance

    found = diff(open_project(), against, select or (), open_instance)
    for file, text in ((markdown, as_markdown), (html, page)):
        if file is not None:
            _write(file, text(found))
    if as_json:
        typer.echo(json.dumps({**found.as_json(), "digest": found.digest}, default=str))
    else:
        show(found)
    if not found.same:
        raise typer.Exit(3)


def show(found: Diff) -> None:
    """Print what differs, the most important table first."""
    from rich.console import Console
    from rich.table import Table

    from dataplatform.diff.found import CHANGED
    from dataplatform.diff.markdown import in_short, readers_of, sentence

    console = Console(highlight=False)
    if found.different:
        table = Table(box=None, header_style="bold")
        for name in ("table", "before", "now", "how", "read by"):
            table.add_column(name, justify="right" if name in ("before", "now") else "left")
        for one in found.different:
            counts = (one.rows.before, one.rows.after) if one.rows else (0, 0)
            numbers = [f"{count:,}" for count in counts]
            table.add_row(str(one.table), *numbers, sentence(one), readers_of(one))
        console.print(table)
    for one in found.different:
        for text in one.columns:
            console.print(f"  {one.table}: column {text}", markup=False)
        if one.rows is None:
            continue
        for name, count in one.rows.by_column.items():
            console.print(f"  {one.table}: {name} differs in {count:,} rows", markup=False)
        for sample in one.rows.samples if one.rows.changed else ():
            if sample.kind == CHANGED:
                key = ", ".join(f"{name}={value}" for name, value in sample.key.items())
                told = "; ".join(f"{c} {old} → {new}" for c, (old, new) in sample.values.items())
                console.print(f"    {key}: {told}", markup=False)
    for check in found.checks:
        console.print(
            f"  {check.table} {check.name}: {check.before} there, {check.after} here", markup=False
        )
    console.print(in_short(found))


def _write(file: Path, text: str) -> None:
    from dataplatform.declarations.errors import UserError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror or error}.") from None
