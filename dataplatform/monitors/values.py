"""Values: nulls, uniqueness and the shape of each column, in all rows and in the last day's."""

from __future__ import annotations

from collections.abc import Iterator

from dataplatform.checks import families
from dataplatform.checks.measures import RECENT
from dataplatform.monitors import freshness
from dataplatform.monitors.comparing import compare
from dataplatform.monitors.context import Context
from dataplatform.monitors.figures import (
    OTHER_LAG,
    TRUE_SHARE,
    UNIQUE_SHARE,
    Figure,
    figure_of,
)
from dataplatform.monitors.model import Finding, Snapshot

#: A share or a quantile of fewer rows tells nothing.
_LEAST_ROWS = 20
#: A column whose values are usually this distinct is watched for repetition.
_NEARLY_UNIQUE = 0.9


def nulls(context: Context) -> list[Finding]:
    """Return the alarms about nulls."""
    return _of_kind(context, "nulls")


def uniqueness(context: Context) -> list[Finding]:
    """Return the alarms about values that repeat, or are suddenly all the same."""
    found = _of_kind(context, "uniqueness")
    for column in context.now.columns:
        for prefix in ("", RECENT):

            def share(one: Snapshot, column: str = column, prefix: str = prefix) -> float | None:
                return unique_share(one, column, prefix)

            usual = sorted(v for one in context.snapshots[-28:] if (v := share(one)) is not None)
            rows = _rows(context.now, prefix)
            if not usual or usual[len(usual) // 2] < _NEARLY_UNIQUE or rows < _LEAST_ROWS:
                continue
            finding = compare(context, UNIQUE_SHARE, column, prefix + "unique_share", share, rows)
            if finding is not None:
                found.append(finding)
    return found


def distribution(context: Context) -> list[Finding]:
    """Return the alarms about the shape of columns."""
    found = _of_kind(context, "distribution")
    fresh = freshness.fresh_column(context)
    for column, kind in context.now.columns.items():
        if families.family_of(kind) != "timestamp" or column == fresh:
            continue
        # A clock that is ahead shows as rows of the future.
        finding = compare(
            context,
            OTHER_LAG,
            column,
            "max",
            lambda one, column=column: freshness.lag(one, column),  # type: ignore[misc]
        )
        if finding is not None:
            found.append(finding)
    return found


def unique_share(one: Snapshot, column: str, prefix: str = "") -> float | None:
    """Return the distinct values of a column as a share of its filled rows."""
    distinct = one.values.get((column, prefix + "distinct"))
    rows, empty = _rows(one, prefix), one.values.get((column, prefix + "null_share"))
    if distinct is None or empty is None or rows * (1 - empty) < _LEAST_ROWS:
        return None
    return min(distinct / (rows * (1 - empty)), 1.0)


def _rows(one: Snapshot, prefix: str) -> float:
    return one.values.get((None, prefix + "rows")) or 0.0


def _of_kind(context: Context, kind: str) -> list[Finding]:
    found = []
    counts = sorted(_rows(one, RECENT) for one in context.snapshots[-28:])
    usual = counts[len(counts) // 2]
    for column, metric, figure in _figures(context, kind):
        prefix = RECENT if metric.startswith(RECENT) else ""
        rows = _rows(context.now, prefix)
        if rows < _LEAST_ROWS:
            continue

        def take(one: Snapshot, key: tuple[str, str] = (column, metric)) -> float | None:
            prefix = RECENT if key[1].startswith(RECENT) else ""
            seen, count = one.values.get(key), _rows(one, prefix)
            if seen is None or count < _LEAST_ROWS:
                return None
            return seen * max(1.0, usual / count) if key[1] == RECENT + "distinct" else seen

        finding = compare(context, figure, column, metric, take, rows)
        if finding is not None:
            found.append(finding)
    return found


def _figures(context: Context, kind: str) -> Iterator[tuple[str, str, Figure]]:
    for column, metric in context.now.values:
        if column is None:
            continue
        family = families.family_of(context.now.columns.get(column, ""))
        name = metric.removeprefix(RECENT)
        figure = figure_of(name, metric.startswith(RECENT))
        if family == "boolean" and name == "mean":
            figure = TRUE_SHARE
        if family in {"timestamp", "date"} and name in {"min", "max"}:
            continue
        if figure is not None and figure.kind == kind:
            yield column, metric, figure
