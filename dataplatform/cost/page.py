"""The report of cost as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dataplatform.cost.usage import amount_told, bytes_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataplatform.cost.judged import Judged
    from dataplatform.cost.usage import By, Ledger, Spent

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:#1c2430}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #dde2ea;vertical-align:top}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums}.over{color:#a4161a}.warned{color:#8a5a00}ul{margin:0;
padding-left:1.1rem}svg{display:block}svg rect{fill:#3a6ea5}
""".strip()


def page(
    ledger: Ledger,
    by: By,
    advised: Sequence[tuple[Spent, list[str]]],
    judged: Sequence[Judged],
    currency: str,
) -> str:
    """Return the report as HTML.

    Args:
        ledger: what was used.
        by: what the table tells apart.
        advised: the dearest models, with advice.
        judged: the budgets.
        currency: of money.
    """
    total = ledger.total()
    told = _money(total, currency) or amount_told(ledger.unit, total.amount)
    title = f"What it cost: {ledger.first} to {ledger.last}"
    used = f"{escape(amount_told(ledger.unit, total.amount))}{_trend(total)}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p><strong>{escape(told)}</strong> in {ledger.days} days, {used}.</p>",
    ]
    if judged:
        said = [f'<li class="{one.state}">{escape(one.told(currency))}.</li>' for one in judged]
        parts.append(f"<h2>Budgets</h2><ul>{''.join(said)}</ul>")
    parts.append(f"<h2>By {by}</h2>{_table(ledger, ledger.by(by), by, currency)}")
    if advised:
        rows = "".join(
            f"<tr><td>{escape(spent.name)}</td><td class=n>"
            f"{escape(_money(spent, currency) or amount_told(ledger.unit, spent.amount))}</td>"
            f"<td>{_advice(sentences)}</td></tr>"
            for spent, sentences in advised
        )
        head = "<tr><th>model</th><th class=n>cost</th><th>what would make it cheaper</th></tr>"
        parts.append(f"<h2>The dearest models</h2><table>{head}{rows}</table>")
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _table(ledger: Ledger, rows: Sequence[Spent], by: By, currency: str) -> str:
    kept = by == "asset"
    head = f"<tr><th>{by}</th>" + ("<th>owner</th>" if kept else "")
    head += "<th class=n>used</th><th class=n>cost</th><th class=n>trend</th><th>by day</th>"
    head += ("<th class=n>kept</th>" if kept else "") + "</tr>"
    body = []
    for one in rows:
        stored = "" if one.stored is None else bytes_told(one.stored)
        body.append(
            f"<tr><td>{escape(one.name)}</td>"
            + (f"<td>{escape(one.owner)}</td>" if kept else "")
            + f"<td class=n>{escape(amount_told(ledger.unit, one.amount))}</td>"
            + f"<td class=n>{escape(_money(one, currency))}</td><td class=n>{trend_told(one)}</td>"
            + f"<td>{_bars(one)}</td>"
            + (f"<td class=n>{stored}</td>" if kept else "")
            + "</tr>"
        )
    return f"<table>{head}{''.join(body)}</table>"


def trend_told(spent: Spent) -> str:
    """Return the change against the days before, in percent; empty where there were none."""
    return "" if spent.trend is None else f"{spent.trend:+.0%}"


def _trend(spent: Spent) -> str:
    return "" if spent.trend is None else f", {trend_told(spent)} against as many days before"


def _money(spent: Spent, currency: str) -> str:
    return "" if spent.money is None else f"{spent.money:,.2f} {currency}"


def _advice(sentences: Sequence[str]) -> str:
    if not sentences:
        return "nothing stands out"
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>"


def _bars(spent: Spent) -> str:
    most = max(spent.days, default=0.0)
    if most <= 0:
        return ""
    bars = "".join(
        f'<rect x="{index * 5}" y="{20 - height}" width="4" height="{height}"/>'
        for index, amount in enumerate(spent.days)
        if (height := round(20 * amount / most))
    )
    width = 5 * len(spent.days)
    peak = f"the dearest of {len(spent.days)} days is day {spent.days.index(most) + 1}"
    return f'<svg role="img" aria-label="{peak}" width="{width}" height="20">{bars}</svg>'
