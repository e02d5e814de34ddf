"""A comparison as one HTML page that needs nothing beside it.

The same for a pull request is ``markdown``.
"""

from __future__ import annotations

from html import escape

from dataplatform.diff.found import CHANGED, Diff, RowsDiff, TableDiff
from dataplatform.diff.markdown import in_short, readers_of, sentence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #1d2430; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d8dde6;
         overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.added { color: #116329; } .removed { color: #a40e26; } .changed { color: #7d4e00; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ef; background: #14181f; } th, td { border-color: #333b48; }
  .added { color: #56d364; } .removed { color: #ff7b72; } .changed { color: #e3b341; }
}
"""


def page(found: Diff) -> str:
    """Return a comparison as an HTML document."""
    title = f"{found.here} against {found.there}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1><p>{escape(in_short(found))}</p>",
    ]
    if found.tables:
        head = "<th scope=col>table</th>" + "".join(
            f"<th scope=col class=n>{name}</th>"
            for name in ("before", "now", "added", "removed", "changed")
        )
        rows = "".join(_row(one) for one in found.tables)
        parts.append(
            f"<table><thead><tr>{head}<th scope=col>how</th><th scope=col>read by</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
    if found.checks:
        rows = "".join(
            f"<tr><td>{escape(one.table)} {escape(one.name)}</td><td>{one.before}</td>"
            f"<td>{one.after}</td></tr>"
            for one in found.checks
        )
        parts.append(
            "<h2>Checks</h2><table><thead><tr><th scope=col>check</th><th scope=col>before</th>"
            f"<th scope=col>now</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    parts += [_details(one) for one in found.different]
    return "".join([*parts, "</main></body></html>\n"])


def _row(one: TableDiff) -> str:
    rows = one.rows or RowsDiff((), 0, 0)
    counts = "".join(
        f'<td class="n {kind}">{count:,}</td>'
        for kind, count in (
            ("", rows.before),
            ("", rows.after),
            ("added", rows.added),
            ("removed", rows.removed),
            ("changed", rows.changed),
        )
    )
    name = escape(str(one.table))
    name = f'<a href="#{name}">{name}</a>' if one.differs else name
    how, readers = escape(sentence(one)), escape(readers_of(one))
    return f"<tr><td>{name}</td>{counts}<td>{how}</td><td>{readers}</td></tr>"


def _details(one: TableDiff) -> str:
    name = escape(str(one.table))
    parts = [f'<section><h2 id="{name}">{name}</h2>', "<ul>"]
    parts += [f"<li>column {escape(text)}</li>" for text in one.columns]
    rows = one.rows
    if rows is not None:
        by = sorted(rows.by_column.items(), key=lambda item: (-item[1], item[0]))
        parts += [f"<li>{escape(column)} differs in {count:,} rows</li>" for column, count in by]
        parts += [f"<li>{escape(rows.note)}</li>"] if rows.note else []
    parts.append("</ul>")
    if rows is not None and rows.samples:
        parts.append("<table><thead><tr><th scope=col></th><th scope=col>row</th>")
        parts.append("<th scope=col>before → now</th></tr></thead><tbody>")
        for sample in rows.samples:
            key = ", ".join(f"{column}={value}" for column, value in sample.key.items())
            values = "; ".join(f"{c}: {old} → {new}" for c, (old, new) in sample.values.items())
            told = values if sample.kind == CHANGED else ""
            parts.append(
                f'<tr><td class="{sample.kind}">{sample.kind}</td><td>{escape(key)}</td>'
                f"<td>{escape(told)}</td></tr>"
            )
        parts.append("</tbody></table>")
    return "".join([*parts, "</section>"])
