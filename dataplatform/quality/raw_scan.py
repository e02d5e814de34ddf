"""The rules of a raw table, judged in one scan of it.

Plain Python over an open warehouse. Rules that look at new rows alone (see ``checks.scope``) are
judged on what was synced since they last passed; which moment that was, the caller remembers.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import Measure
from dataplatform.checks.scan import errored, run_scan
from dataplatform.checks.scope import INCREMENT, limited
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import Verdict
from dataplatform.quality.measuring import Measuring
from dataplatform.resources.warehouse.interface import SYNCED_COLUMN

if TYPE_CHECKING:
    from dataplatform.resources.warehouse import Warehouse
    from dataplatform.resources.warehouse.interface import Session

Execute = Callable[[str], Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class Judged:
    """What a scan found.

    Attributes:
        verdicts: one for each rule, in their order.
        until: by the name of each rule that looks at new rows, the sync time up to which it has
            looked; a rule that failed stays where it was, so that it looks at the same rows again.
    """

    verdicts: list[Verdict]
    until: dict[str, str]


def judge(
    warehouse: Warehouse,
    checks: Sequence[Check],
    since: Mapping[str, str],
    day: str | None = None,
    measuring: Measuring | None = None,
) -> Judged:
    """Judge rules of one table in one scan, and measure it in the same statement.

    Args:
        warehouse: where the table is.
        checks: the rules.
        since: by the name of a rule, the sync time up to which it passed.
        day: the column by which the table is partitioned, for tables without a sync time.
        measuring: what is measured for the monitors' step, and where it is kept; None for nothing.
    """
    relation = checks[0].relation
    # Opening a warehouse can take longer than a scan, so all is asked in one session.
    with warehouse.session(f"checks of {relation}") as session:
        columns = warehouse.columns(relation, session)
        if columns is None:
            return Judged(run_scan(lambda sql: [], checks, warehouse.dialect, None), {})
        time = next((name for name in (SYNCED_COLUMN, day) if name and name in columns), None)
        homeless = [
            errored(
                check,
                f"{relation} has neither a column {SYNCED_COLUMN} nor a partition column, "
                "so no rows are new.",
            )
            for check in checks
            if check.scope == INCREMENT and time is None
        ]
        rest = checks if time is not None else [one for one in checks if one.scope != INCREMENT]
        if not rest:
            return Judged(homeless, {})
        found = _judge(session, warehouse.dialect, rest, columns, since, time, measuring)
    return Judged(in_order(checks, [*homeless, *found.verdicts]), found.until)


def _judge(
    session: Session,
    dialect_name: str,
    checks: Sequence[Check],
    columns: Mapping[str, str],
    since: Mapping[str, str],
    time: str | None,
    measuring: Measuring | None,
) -> Judged:
    relation = checks[0].relation
    execute = reading(session.execute, dialect_name)
    asked = [check for check in checks if check.scope == INCREMENT]
    newest = None
    if asked and time is not None:
        sql = dialect(dialect_name)
        newest = execute(
            f"select {sql.text(f'max({sql.identifier(time)})')} from {sql.relation(relation)}"
        )[0][0]
    scoped = [_since(check, time, since.get(check.name)) for check in checks]
    measures: tuple[Measure, ...] = ()
    taken: list[Mapping[tuple[str | None, str], Any]] = []
    if measuring is not None:
        # What goes wrong with figures is told by the monitors' step, which measures then.
        with suppress(Exception):
            measures = measuring.measures(session, dialect_name, columns)
    verdicts = run_scan(execute, scoped, dialect_name, columns, measures, taken.append)
    if measuring is not None and taken:
        with suppress(Exception):
            measuring.keep(session, dialect_name, taken[0])
    until = {}
    passed = {verdict.name for verdict in verdicts if verdict.passed}
    for check in asked:
        reached = newest if check.name in passed else since.get(check.name)
        if reached is not None:
            until[check.name] = str(reached)
    return Judged(verdicts, until)


def in_order(checks: Sequence[Check], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return verdicts in the order of their rules."""
    order = [check.name for check in checks]
    return sorted(verdicts, key=lambda verdict: order.index(verdict.name))


def _since(check: Check, time: str | None, moment: str | None) -> Check:
    """Limit a rule to the rows of a sync time or later; the last one's rows are looked at again."""
    if check.scope != INCREMENT or time is None or moment is None:
        return check
    quoted = moment.replace("'", "''")
    kind = "timestamptz" if time == SYNCED_COLUMN else "date"
    said = moment if kind == "date" else _minute(moment)
    condition = f"\"{time}\" >= cast('{quoted}' as {kind})"
    return limited(check, condition, f"since {said}")


def _minute(moment: str) -> str:
    try:
        return f"{datetime.datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
    except ValueError:
        return moment


def reading(execute: Execute, dialect_name: str) -> Execute:
    """Return a way to run statements that can only read, where the warehouse has one.

    Args:
        execute: runs a statement.
        dialect_name: the warehouse's SQL; DuckDB knows transactions that only read.
    """
    if dialect_name != "duckdb":
        return execute

    def read(sql: str) -> Sequence[Sequence[Any]]:
        execute("begin transaction read only")
        try:
            return execute(sql)
        finally:
            execute("rollback")

    return read
