"""The report of cost as one HTML file that needs nothing beside it."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from dataplatform.cost.usage import amount_told, bytes_told, money_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataplatform.cost.judged import Judged
    from dataplatform.cost.usage import By, Ledger, Spent

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--dim:#5b6675;--line:#dde2ea;--bar:#3a6ea5;
--ground:#fff;--card:#f5f7fa;--over:#a4161a;--warned:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#9aa6b5;--line:#333c48;--bar:#6fa3d8;
--ground:#14181e;--card:#1c222a;--over:#ff8a8d;--warned:#f0bd5b}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:var(--ink);background:var(--ground)}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
.sum{font-size:2.2rem;font-weight:600;margin:.2rem 0 0}.dim{color:var(--dim)}p{margin:.2rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:500}td.n,th.n{text-align:right;white-space:nowrap;
font-variant-numeric:tabular-nums}td:first-child{white-space:nowrap}
.over{color:var(--over)}.warned{color:var(--warned)}
.budget{background:var(--card);border-radius:.5rem;padding:.6rem .8rem;margin:.5rem 0}
progress{width:100%;height:.5rem;accent-color:var(--bar)}
.over progress{accent-color:var(--over)}.warned progress{accent-color:var(--warned)}
figcaption{color:var(--dim)}
svg{display:block}svg rect{fill:var(--bar)}figure{margin:1rem 0}figure svg{width:100%;height:5rem}
@media(max-width:640px){.far,th{display:none}.sum{font-size:1.7rem}
tr{display:flex;flex-wrap:wrap;gap:0 1rem;border-bottom:1px solid var(--line);padding:.4rem 0}
td{border:0;padding:0}td:first-child{flex:1 0 100%;white-space:normal;overflow-wrap:anywhere}}
""".strip()
_TALL = 20


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
    used = amount_told(ledger.unit, total.amount)
    span = f"{ledger.first} to {ledger.last}"
    title = f"What it cost: {span}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p class=sum>{escape(money_told(total.money, currency) or used)}</p>",
        f"<p class=dim>{escape(used)} in {ledger.days} days{_trend(total)}</p>",
        f"<figure>{_bars(ledger, total, wide=True)}<figcaption>{span}</figcaption></figure>",
    ]
    if judged:
        parts.append(
            "<h2>Budgets of this month</h2>" + "".join(_budget(one, currency) for one in judged)
        )
    parts.append(f"<h2>By {by}</h2>{_table(ledger, by, currency)}")
    if advised:
        parts.append(f"<h2>The dearest models</h2>{_dearest(ledger, advised, currency)}")
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def beside(by: By) -> str:
    """Return what is told of each asset or run beside its name; empty for the others."""
    return {"asset": "owner", "run": "pipeline and day"}.get(by, "")


def trend_told(spent: Spent) -> str:
    """Return the change against the days before, in percent; empty where there were none."""
    return "" if spent.trend is None else f"{spent.trend:+.0%}"


def _budget(one: Judged, currency: str) -> str:
    share = (one.spent or 0.0) / one.budget.monthly
    meter = f'<progress max="1" value="{min(share, 1):.3f}">{share:.0%}</progress>'
    return f'<div class="budget {one.state}">{meter}{escape(one.told(currency))}.</div>'


def _table(ledger: Ledger, by: By, currency: str) -> str:
    second, kept = beside(by), by == "asset"
    head = f"<tr><th>{by}</th>" + (f"<th class=far>{second}</th>" if second else "")
    head += "<th class=n>used</th><th class=n>cost</th><th class=n>trend</th>"
    head += "<th class=far>by day</th>" + ("<th class=n>kept</th>" if kept else "") + "</tr>"
    body = []
    for one in ledger.by(by):
        stored = "" if one.stored is None else bytes_told(one.stored)
        told = amount_told(ledger.unit, one.amount) if one.amount else ""
        body.append(
            f"<tr><td>{escape(one.name)}</td>"
            + (f"<td class=far>{escape(one.owner or one.ran)}</td>" if second else "")
            + f"<td class=n>{escape(told)}</td>"
            + f"<td class=n>{escape(money_told(one.money, currency))}</td>"
            + f"<td class=n>{trend_told(one)}</td><td class=far>{_bars(ledger, one)}</td>"
            + (f"<td class=n>{stored}</td>" if kept else "")
            + "</tr>"
        )
    return f"<div class=wide><table>{head}{''.join(body)}</table></div>"


def _dearest(ledger: Ledger, advised: Sequence[tuple[Spent, list[str]]], currency: str) -> str:
    rows = "".join(
        f"<tr><td>{escape(spent.name)}</td><td class=n>"
        f"{escape(money_told(spent.money, currency) or amount_told(ledger.unit, spent.amount))}"
        f"</td><td>{escape(' '.join(sentences)) or '<span class=dim>nothing stands out</span>'}"
        "</td></tr>"
        for spent, sentences in advised
    )
    head = "<tr><th>model</th><th class=n>cost</th><th>what would make it cheaper</th></tr>"
    return f"<div class=wide><table>{head}{rows}</table></div>"


def _trend(spent: Spent) -> str:
    return "" if spent.trend is None else f", {trend_told(spent)} against as many days before"


def _bars(ledger: Ledger, spent: Spent, *, wide: bool = False) -> str:
    most = max(spent.days, default=0.0)
    if most <= 0:
        return ""
    bars = "".join(
        f'<rect x="{index * 5}" y="{_TALL - height}" width="4" height="{height}">'
        f"<title>{ledger.first + timedelta(days=index)}: "
        f"{escape(amount_told(ledger.unit, amount))}</title></rect>"
        for index, amount in enumerate(spent.days)
        if (height := round(_TALL * amount / most, 1))
    )
    peak = f"the dearest of {len(spent.days)} days is day {spent.days.index(most) + 1}"
    width = 5 * len(spent.days)
    size = 'preserveAspectRatio="none"' if wide else f'width="{width}" height="{_TALL}"'
    return f'<svg role="img" aria-label="{peak}" viewBox="0 0 {width} {_TALL}" {size}>{bars}</svg>'
