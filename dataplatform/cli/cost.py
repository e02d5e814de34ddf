"""``dataplatform cost``: what tables, pipelines, owners and runs cost, and how budgets stand.

It asks and prints; where figures come from is the business of the room ``cost``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dataplatform.cost.judged import Judged
    from dataplatform.cost.usage import Ledger, Spent

_MOST_DAYS = 366


def command(
    by: Annotated[
        Literal["asset", "pipeline", "owner", "run"], typer.Option(help="What is told apart.")
    ] = "asset",
    days: Annotated[
        int, typer.Option(min=1, max=_MOST_DAYS, help="How many days, today included.")
    ] = 30,
    html: Annotated[Path | None, typer.Option(help="Write the report to this file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    rows: Annotated[int, typer.Option(min=1, help="How many rows of the table.")] = 20,
) -> None:
    """Show what was spent, its trend, the dearest models with advice, and how budgets stand.

    Exit code 1 when a budget is exceeded.
    """
    from dataclasses import replace

    from dataplatform.cost.advice import dearest, models_of
    from dataplatform.cost.gather import gather
    from dataplatform.cost.judged import judge
    from dataplatform.cost.page import page
    from dataplatform.declarations.dbt_project import load_graph
    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.home import open_instance

    project = open_project()
    budgets = project.budgets
    with open_instance(project) as instance:
        # A budget is of the month, which may have begun before the span.
        whole = gather(project, instance, max(days, 31))
    ledger = replace(whole, days=days)
    judged = judge(whole, budgets)
    advised = dearest(ledger, models_of(load_graph(project)))
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        text = page(ledger, by, advised, judged, budgets.currency)
        html.write_text(text, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(_told(ledger, by, advised, judged, budgets.currency)))
    else:
        _print(ledger, by, rows, advised, judged, budgets.currency)
        if html is not None:
            typer.echo(f"Written to {html}.")
    if any(one.state == "over" for one in judged):
        raise typer.Exit(1)


def _told(
    ledger: Ledger,
    by: Literal["asset", "pipeline", "owner", "run"],
    advised: Sequence[tuple[Spent, list[str]]],
    judged: Sequence[Judged],
    currency: str,
) -> dict[str, object]:
    return {
        "unit": ledger.unit,
        "currency": currency,
        "first": str(ledger.first),
        "last": str(ledger.last),
        "total": ledger.total().as_json(),
        "by": by,
        "rows": [one.as_json() for one in ledger.by(by)],
        "advice": {spent.name: sentences for spent, sentences in advised},
        "budgets": [
            {
                "for": one.budget.told,
                "monthly": one.budget.monthly,
                "spent": one.spent,
                "expected": one.expected,
                "state": one.state,
            }
            for one in judged
        ],
    }


def _print(
    ledger: Ledger,
    by: Literal["asset", "pipeline", "owner", "run"],
    rows: int,
    advised: Sequence[tuple[Spent, list[str]]],
    judged: Sequence[Judged],
    currency: str,
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from dataplatform.cost.page import beside, trend_told
    from dataplatform.cost.usage import amount_told, bytes_told, money_told

    console = Console(highlight=False)
    found = ledger.by(by)
    table = Table(box=None, header_style="bold")
    second, kept = beside(by), by == "asset"
    for name in (by, *([second] if second else [])):
        table.add_column(name)
    for name in ("used", f"cost {currency}".strip(), "trend", *(["kept"] if kept else [])):
        table.add_column(name, justify="right")
    for one in found[:rows]:
        table.add_row(
            escape(one.name),
            *([escape(one.owner or one.ran)] if second else []),
            amount_told(ledger.unit, one.amount),
            money_told(one.money),
            trend_told(one),
            *(["" if one.stored is None else bytes_told(one.stored)] if kept else []),
        )
    console.print(table)
    if len(found) > rows:
        console.print(f"and {len(found) - rows} more: --rows {len(found)} shows all.")
    total = ledger.total()
    money = "" if total.money is None else f"{money_told(total.money, currency)}, "
    console.print(
        f"Together {money}{amount_told(ledger.unit, total.amount)} from {ledger.first} to "
        f"{ledger.last}{_against(total)}."
    )
    _advice(console, advised)
    for verdict in judged:
        mark = {"over": "[red]✗[/red]", "warned": "[yellow]![/yellow]"}.get(verdict.state, "·")
        console.print(f"{mark} {escape(verdict.told(currency))}.", soft_wrap=True)


def _against(total: Spent) -> str:
    return "" if total.trend is None else f", {total.trend:+.0%} against as many days before"


def _advice(console: Console, advised: Sequence[tuple[Spent, list[str]]]) -> None:
    from rich.markup import escape

    for spent, sentences in advised:
        for sentence in sentences:
            console.print(f"→ {escape(spent.name)}: {escape(sentence)}", soft_wrap=True)
