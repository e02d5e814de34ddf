"""A comparison as one HTML page that needs nothing beside it.

The same for a pull request is ``markdown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dataplatform.diff.found import CHANGED, Diff, RowsDiff, TableDiff
from dataplatform.diff.markdown import in_short, readers_of, sentence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #1d2430; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d8dde6;
         overflow-wrap: anywhere; vertical-align: top; }
th { overflow-wrap: normal; } a { color: #0b57d0; } summary { cursor: pointer; }
h2 { overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.n, .added, .removed, .changed, .name { white-space: nowrap; overflow-wrap: normal; }
.added { color: #116329; } .removed { color: #a40e26; } .changed { color: #7d4e00; }
@media (max-width: 48rem) {
  /* The sentence tells the counts again. */
  .wide { display: none; } .name { white-space: normal; overflow-wrap: anywhere; }
  th, td { padding: .3rem .35rem; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ef; background: #14181f; } th, td { border-color: #333b48; }
  a { color: #8ab4f8; }
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
    if found.different:
        parts.append(_tables(found.different))
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
    same = [one for one in found.tables if not one.differs]
    if same:
        what = "1 table does" if len(same) == 1 else f"{len(same)} tables do"
        parts.append(f"<details><summary>{what} not differ</summary>{_tables(same)}</details>")
    return "".join([*parts, "</main></body></html>\n"])


def _tables(tables: Sequence[TableDiff]) -> str:
    head = "<th scope=col>table</th>" + "".join(
        f'<th scope=col class="n {width}">{name}</th>'
        for name, width in (
            ("before", "wide"),
            ("now", ""),
            ("added", "wide"),
            ("removed", "wide"),
            ("changed", "wide"),
        )
    )
    rows = "".join(_row(one) for one in tables)
    return (
        f"<table><thead><tr>{head}<th scope=col>how</th>"
        f"<th scope=col class=wide>read by</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(one: TableDiff) -> str:
    rows = one.rows or RowsDiff((), 0, 0)
    counts = "".join(
        f'<td class="n {kind}">{f"{count:,}" if count or not kind.startswith("wide ") else ""}</td>'
        for kind, count in (
            ("wide", rows.before),
            ("", rows.after),
            ("wide added", rows.added),
            ("wide removed", rows.removed),
            ("wide changed", rows.changed),
        )
    )
    name = escape(str(one.table))
    name = f'<a href="#{name}">{name}</a>' if one.differs else name
    how, readers = escape(sentence(one)), escape(readers_of(one))
    return f"<tr><td class=name>{name}</td>{counts}<td>{how}</td><td class=wide>{readers}</td></tr>"


def _details(one: TableDiff) -> str:
    name = escape(str(one.table))
    told = [f"<li>column {escape(text)}</li>" for text in one.columns]
    rows = one.rows
    if rows is not None:
        by = sorted(rows.by_column.items(), key=lambda item: (-item[1], item[0]))
        told += [f"<li>{escape(column)} differs in {count:,} rows</li>" for column, count in by]
        told += [f"<li>{escape(rows.note)}</li>"] if rows.note else []
    readers = readers_of(one)
    told += [f"<li>read by {escape(readers)}</li>"] if readers else []
    parts = [f'<section><h2 id="{name}">{name}</h2>']
    parts += ["<ul>", *told, "</ul>"] if told else [f"<p>{escape(sentence(one))}</p>"]
    if rows is not None and rows.samples:
        parts.append("<table><thead><tr><th scope=col></th><th scope=col>row</th>")
        changed = any(sample.values for sample in rows.samples)
        parts.append("<th scope=col>before → now</th>" if changed else "")
        parts.append("</tr></thead><tbody>")
        for sample in rows.samples:
            key = ", ".join(f"{column}={value}" for column, value in sample.key.items())
            values = "; ".join(f"{c}: {old} → {new}" for c, (old, new) in sample.values.items())
            difference = values if sample.kind == CHANGED else ""
            parts.append(
                f'<tr><td class="{sample.kind}">{sample.kind}</td><td>{escape(key)}</td>'
                + (f"<td>{escape(difference)}</td></tr>" if changed else "</tr>")
            )
        parts.append("</tbody></table>")
    return "".join([*parts, "</section>"])
