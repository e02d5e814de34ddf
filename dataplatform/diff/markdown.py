"""A comparison as Markdown, for a pull request: the verdict first, then each table that differs.

The same in HTML is ``page``.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataplatform.diff.found import (
    CHANGED,
    DEFERRED,
    ONLY_HERE,
    ONLY_THERE,
    SAME,
    Diff,
    RowsDiff,
    TableDiff,
)

_NAMED = 6


def sentence(one: TableDiff) -> str:
    """Return in a few words how a table differs."""
    if one.state == DEFERRED:
        return "read from the other side"
    if one.state == SAME:
        return "the same"
    rows = one.rows
    if one.state == ONLY_HERE:
        return f"new table ({rows.after:,} rows)" if rows else "new table"
    if one.state == ONLY_THERE:
        return "no model makes it any more" if rows is None else "not built here"
    assert rows is not None
    parts = [
        f"{count:,} {word}"
        for word, count in (
            ("added", rows.added),
            ("removed", rows.removed),
            ("changed", rows.changed),
        )
        if count
    ]
    if one.columns:
        parts.append(f"{len(one.columns)} column{'s' if len(one.columns) > 1 else ''}")
    return ", ".join(parts)


def in_short(found: Diff) -> str:
    """Return the whole comparison as one sentence."""
    if found.same:
        return f"Nothing differs between {found.here} and {found.there}."
    parts = [f"{len(found.different)} of {len(found.tables)} tables differ"]
    if found.checks:
        one = len(found.checks) == 1
        told = "check changed its verdict" if one else "checks changed their verdict"
        parts.append(f"{len(found.checks)} {told}")
    return f"{found.here} against {found.there}: {'; '.join(parts)}. Approve as {found.digest}."


def markdown(found: Diff) -> str:
    """Return a comparison as Markdown."""
    return "\n".join(_lines(found)).rstrip() + "\n"


def _lines(found: Diff) -> Iterator[str]:
    yield f"## Data: `{found.here}` against `{found.there}`"
    yield ""
    yield in_short(found)
    yield ""
    if found.different:
        yield "| table | rows before | rows now | added | removed | changed | columns | read by |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- |"
        for one in found.different:
            yield _row(one)
        yield ""
    if found.checks:
        yield "| check | before | now |"
        yield "| --- | --- | --- |"
        for check in found.checks:
            yield f"| {_cell(check.table)} `{_cell(check.name)}` | {check.before} | {check.after} |"
        yield ""
    for one in found.different:
        yield from _details(one)
    same = sum(one.state == SAME for one in found.tables)
    deferred = sum(one.state == DEFERRED for one in found.tables)
    yield f"{same} tables are the same; {deferred} are read from `{found.there}`."


def _row(one: TableDiff) -> str:
    rows = one.rows or RowsDiff((), 0, 0)
    told = f"{len(one.columns)}" if one.columns else ""
    whole = {ONLY_HERE: "new table", ONLY_THERE: sentence(one)}.get(one.state, "")
    readers = readers_of(one)
    return (
        f"| {_cell(str(one.table))} | {rows.before:,} | {rows.after:,} | {rows.added:,} | "
        f"{rows.removed:,} | {rows.changed:,} | {_cell(whole or told)} | {_cell(readers)} |"
    )


def readers_of(one: TableDiff) -> str:
    """Return who reads a table, dashboards and their like first, shortened."""
    names = [*one.exposures, *one.assets]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _details(one: TableDiff) -> Iterator[str]:
    rows = one.rows
    if not one.columns and (rows is None or (rows.same and not rows.note)):
        return
    yield f"<details><summary>{_html(str(one.table))}: {_html(sentence(one))}</summary>"
    yield ""
    for text in one.columns:
        yield f"- column {_cell(text)}"
    if rows is not None:
        if rows.note:
            yield f"- {_cell(rows.note)}"
        for name, count in sorted(rows.by_column.items(), key=lambda item: (-item[1], item[0])):
            yield f"- `{_cell(name)}` differs in {count:,} rows"
        if rows.samples:
            yield ""
            yield "| | row | before → now |"
            yield "| --- | --- | --- |"
            for sample in rows.samples:
                key = ", ".join(f"{name}={value}" for name, value in sample.key.items())
                values = "; ".join(
                    f"{name}: {before} → {now}" for name, (before, now) in sample.values.items()
                )
                told = values if sample.kind == CHANGED else ""
                yield f"| {sample.kind} | {_cell(key)} | {_cell(told)} |"
    yield ""
    yield "</details>"
    yield ""


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str) -> str:
    return (
        _html(text).replace("|", "\\|").replace("`", "'").replace("\n", " ").replace("@", "&#64;")
    )
