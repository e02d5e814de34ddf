"""Rows of two tables counted as they are, where no key tells them: how often each occurs."""

from __future__ import annotations

from dataplatform.diff.asking import OTHERS, SAMPLES, Sides
from dataplatform.diff.found import ADDED, REMOVED, RowsDiff, Sample


def count_rows(sides: Sides, note: str = "") -> RowsDiff:
    """Return how two bags of rows differ; a row that changed is one removed and one added.

    Args:
        sides: the tables.
        note: why no key was used, where there is one.
    """
    if not sides.names:
        after, before = (
            int(sides.session.execute(f"SELECT count(*) FROM ({sides.side(one, ())}) t")[0][0])
            for one in (0, 1)
        )
        more, less = max(after - before, 0), max(before - after, 0)
        return RowsDiff((), before, after, more, less, note=note)
    parts = [
        sides.words.rounded(sides.quoted[name]) if sides.is_float(name) else sides.quoted[name]
        for name in sides.names
    ]
    row = sides.words.hash(parts)
    before, after, drawers = sides.drawers(parts, row)
    if not drawers:
        return RowsDiff((), before, after, note=note)
    where = sides.only(drawers, parts)
    queries = [
        f"SELECT {row} AS h, {sign} AS s FROM ({sides.side(side, sides.names)}) t{where}"
        for side, sign in ((0, 1), (1, -1))
    ]
    counted = (
        f"SELECT h, sum(s) AS n FROM ({queries[0]} UNION ALL {queries[1]}) u "
        "GROUP BY h HAVING sum(s) <> 0"
    )
    more, less = sides.session.execute(
        "SELECT coalesce(sum(CASE WHEN n > 0 THEN n END), 0), "
        f"coalesce(sum(CASE WHEN n < 0 THEN -n END), 0) FROM ({counted}) v"
    )[0]
    shown = sides.names[: OTHERS + 2]
    samples: list[Sample] = []
    for side, kind, count, sign in ((0, ADDED, more, ">"), (1, REMOVED, less, "<")):
        if count:
            listed = ", ".join(sides.words.as_text(sides.quoted[name]) for name in shown)
            order = ", ".join(map(str, range(1, len(shown) + 1)))
            rows = sides.session.execute(
                f"SELECT {listed} FROM ({sides.side(side, sides.names)}) t WHERE {row} IN "
                f"(SELECT h FROM ({counted}) v WHERE n {sign} 0) "
                f"ORDER BY {order} LIMIT {SAMPLES}"
            )
            samples += [
                Sample(kind, {n: sides.shown(n, v) for n, v in zip(shown, one, strict=True)})
                for one in rows
            ]
    return RowsDiff((), before, after, int(more), int(less), 0, {}, tuple(samples), note)
