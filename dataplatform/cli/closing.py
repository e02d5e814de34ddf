"""The last screen of a run: tables by layer, rules by layer, what was unchanged, what failed.

Ends with the reason when something failed, so that it is the last thing on the screen.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from rich.console import Console

    from dataplatform.cli.progress import Progress
    from dataplatform.declarations.project import Project
    from dataplatform.quality.report.model import Report, TableReport
    from dataplatform.resources.run_history import PastRun
    from dataplatform.runtime.execute import RunResult

_COLOURS = {"passed": "green", "warned": "yellow", "failed": "red", "error": "red"}
_ENDS = {"success": "green", "failure": "red", "canceled": "yellow"}


def show_closing(
    console: Console,
    project: Project,
    instance: DagsterInstance,
    result: RunResult,
    progress: Progress,
    seconds: float,
) -> bool:
    """Print the closing tables, write the report, and return whether all is green."""
    from dataplatform.quality.report import gather, write_report

    report = gather(project, instance)
    console.print()
    console.print(layers_table(report, progress))
    for table in report.tables:
        for rule in table.rules:
            if rule.status == "warned":
                console.print(f"[yellow]warning[/]  {table.relation} {rule.name}: {rule.expected}")
    for text in _held(project):
        console.print(f"[yellow]held[/]     {text}")
    path = write_report(project, report)
    console.print()
    console.print(unchanged_sentence(report, progress))
    shown = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    console.print(f"Report: {shown}")
    broken = [
        f"{table.relation} breaks its rule {rule.name}: {rule.expected}."
        for table in report.tables
        for rule in table.rules
        if rule.severity == "ERROR" and rule.status in {"failed", "error"}
    ]
    if result.success and not broken:
        console.print(f"[bold green]Green[/] in {seconds:.0f} s.")
        return True
    console.print(f"[bold red]Not green[/], after {seconds:.0f} s:")
    for text in dict.fromkeys([*result.failures, *broken]):
        console.print(f"[red]{text}[/]")
    if result.canceled:
        console.print("The run was stopped.")
    return False


def _held(project: Project) -> list[str]:
    """Return a sentence for each table that a person rolled back, and that so stays as it is."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform.resources.warehouse.version_book import held_sentence

    try:
        served = open_warehouse(project.environment, project).published_for(5.0).served()
    except UserError:
        # The run has said what is wrong with the warehouse.
        return []
    return [held_sentence(one) for one in served.values() if one.held]


def layers_table(report: Report, progress: Progress | None = None) -> Table:
    """Return tables, rows and verdicts by layer."""
    found = Table("layer", box=None, pad_edge=False, header_style="bold")
    for name in ("tables", "made", "rows", *_COLOURS, "late"):
        found.add_column(name, justify="right")
    for name, tables in report.layers:
        made = sum(1 for table in tables if progress and tuple(table.relation) in progress.made)
        counts: Counter[str] = sum((table.counts for table in tables), Counter())
        found.add_row(
            name,
            str(len(tables)),
            str(made) if progress else "",
            f"{sum(_rows(table) for table in tables):,}",
            *(
                f"[{colour}]{counts[key]}[/]" if counts[key] else "·"
                for key, colour in _COLOURS.items()
            ),
            str(sum(1 for table in tables if table.freshness.status == "late") or "·"),
        )
    return found


def run_line(run: PastRun) -> str:
    """Return a past run as one line."""
    colour = _ENDS.get(run.status, "cyan")
    took = f"{run.seconds:.0f} s" if run.seconds is not None else "-"
    retry = f"  retry of {run.parent[:8]}" if run.parent else ""
    return (
        f"{run.began:%Y-%m-%d %H:%M:%S}  [{colour}]{run.status:<9}[/] {took:>6}  "
        f"{run.job:<14} {run.run_id[:8]}{retry}"
    )


def unchanged_sentence(report: Report, progress: Progress) -> str:
    """Say how many rows were synced and how many models ran or were left as they were."""
    moved = progress.rows_synced
    rows = ", ".join(f"{moved[name]:,} {name}" for name in moved if moved[name])
    built = [
        table
        for name, tables in report.layers
        if name in {"staging", "intermediate", "candidate", "snapshots"}
        for table in tables
    ]
    ran = sum(1 for table in built if tuple(table.relation) in progress.made)
    return (
        f"Rows synced: {rows or 'none'}. "
        f"Models run: {ran or 'none'}; unchanged: {len(built) - ran or 'none'}."
    )


def _rows(table: TableReport) -> int:
    return (table.state.row_count or 0) if table.state else 0
