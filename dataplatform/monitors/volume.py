"""Volume: are there as many rows as usual, in all and of the last day?"""

from __future__ import annotations

from dataplatform.checks.measures import RECENT
from dataplatform.monitors.comparing import compare
from dataplatform.monitors.context import Context
from dataplatform.monitors.figures import ROWS
from dataplatform.monitors.model import Finding


def findings(context: Context) -> list[Finding]:
    """Return the alarms about the number of rows."""
    found = []
    for metric, figure in ROWS.items():
        usual = sorted(
            value
            for one in context.snapshots[-28:]
            if (value := one.values.get((None, metric))) is not None
        )
        if not usual:
            continue
        finding = compare(
            context,
            figure,
            None,
            metric,
            lambda one, metric=metric: one.values.get((None, metric)),  # type: ignore[misc]
            # Counts vary by the root of what is usual.
            rows=max(usual[len(usual) // 2], 1.0),
        )
        if finding is not None:
            found.append(finding)
    if len(found) == 2 and found[1].metric == RECENT + "rows":
        # All rows are of the last day: one sentence says it.
        rows = context.now.values.get((None, "rows"))
        if rows == context.now.values.get((None, RECENT + "rows")):
            found.pop()
    return found
