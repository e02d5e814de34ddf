"""All single-table rules of a table in one statement.

``plan`` compiles checks to one SELECT over the table; its one row becomes verdicts; samples of
failing rows are fetched by at most one more query, and only when something failed. Who executes
SQL is the caller's affair: a function from SQL to rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.column_rules import SETTLED, settle
from dataplatform.checks.dialects import Dialect, dialect
from dataplatform.checks.measures import Measure, lately_rows, measured
from dataplatform.checks.pieces import COUNT, Pieces
from dataplatform.checks.portable_sql import NotPortable
from dataplatform.checks.predicates import pieces
from dataplatform.checks.samples import Execute, sampled
from dataplatform.checks.spec import SCAN, Check
from dataplatform.checks.sql_rules import with_table
from dataplatform.checks.verdicts import Verdict, plain
from dataplatform.declarations.errors import nearest
from dataplatform.keys import Relation

#: Takes what a scan measured, by column (None for the table) and measure.
Measured = Callable[[Mapping[tuple[str | None, str], Any]], None]


@dataclass(frozen=True)
class Scan:
    """The compiled rules of one table.

    Attributes:
        relation: the table.
        rules: the checks that need its rows, each with its SQL.
        settled: verdicts without its rows: types, absent columns, what cannot be asked here.
        order: the names of all checks as given.
        measures: figures that the same statement takes of the table.
    """

    relation: Relation
    dialect: Dialect
    rules: tuple[tuple[Check, Pieces], ...]
    settled: tuple[Verdict, ...]
    order: tuple[str, ...]
    columns: frozenset[str] = frozenset()
    measures: tuple[Measure, ...] = ()

    @property
    def sql(self) -> str:
        """The one statement: the row count, four values for each rule, one for each measure."""
        table = self.dialect.relation(self.relation)
        inner = [f"count(*) as {COUNT}"]
        lately: list[str] = []
        outer = [COUNT]
        for _, piece in self.rules:
            inner += [f"{expression} as {alias}" for alias, expression in piece.aggregates.items()]
            outer += [piece.observed, piece.failing, piece.considered]
            outer.append(f"coalesce({piece.passed}, false)")
        for place, measure in enumerate(self.measures):
            (lately if measure.lately else inner).append(f"{measure.sql} as m{place}")
            outer.append(f"m{place}")
        select = ",\n  ".join(inner)
        # Expressions may repeat, so every one is named by its place.
        named = ",\n  ".join(f"{expression} as c{place}" for place, expression in enumerate(outer))
        statement = f"select\n  {named}\nfrom (select\n  {select}\nfrom {table}) as scan"
        rows = lately_rows(table, self.measures, self.dialect)
        if rows is not None:
            select = ",\n  ".join(lately)
            statement += f"\ncross join (select\n  {select}\nfrom {rows}) as lately_scan"
        return with_table(statement, table)

    def verdicts(self, row: Sequence[Any]) -> list[Verdict]:
        """Turn the statement's row into verdicts, in the order of the checks."""
        found = list(self.settled)
        for place, (check, piece) in enumerate(self.rules):
            observed, failing, considered, passed = row[1 + 4 * place : 5 + 4 * place]
            found.append(
                Verdict(
                    name=check.name,
                    relation=check.relation,
                    passed=bool(passed),
                    severity=check.severity,
                    expected=check.expected,
                    observed=plain(observed),
                    failing_count=None if failing is None else int(failing),
                    row_count=None if considered is None else int(considered),
                    sql=self._reproduce(piece),
                    rows=check.rows,
                )
            )
        return self.in_order(found)

    def in_order(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Return verdicts in the order of their checks."""
        return sorted(verdicts, key=lambda verdict: self.order.index(verdict.name))

    def measured(self, row: Sequence[Any]) -> dict[tuple[str | None, str], Any]:
        """Return what the statement's row measured, by column (None for the table) and measure."""
        return measured(self.measures, row[1 + 4 * len(self.rules) :])

    def _reproduce(self, piece: Pieces) -> str:
        return with_table(piece.reproduce, self.dialect.relation(self.relation))


def plan(
    checks: Sequence[Check],
    dialect_name: str,
    columns: Mapping[str, str] | None = None,
    measures: Sequence[Measure] = (),
    relation: Relation | None = None,
) -> Scan:
    """Compile the rules and measures of one table.

    Args:
        checks: checks of one relation; those of another engine are left out.
        dialect_name: ``duckdb`` or ``snowflake``.
        columns: the table's columns and their types, or None to take the declared ones as given.
        measures: what is measured in the same statement.
        relation: the table, where there may be no checks to name it.

    Raises:
        UserError: no SQL can be written for this warehouse.
        ValueError: the checks are of more than one table, or there are none.
    """
    mine = [check for check in checks if check.engine == SCAN]
    relations = {check.relation for check in mine} | ({relation} if relation else set())
    if len(relations) != 1:
        raise ValueError("A scan looks at exactly one table.")
    sql = dialect(dialect_name)
    present = None if columns is None else {name.lower(): kind for name, kind in columns.items()}
    rules: list[tuple[Check, Pieces]] = []
    settled: list[Verdict] = []
    for check in mine:
        if check.metric in SETTLED:
            settled.append(settle(check, present or {}))
            continue
        absent = [] if present is None else [c for c in check.columns if c.lower() not in present]
        if absent:
            hint = nearest(absent[0], present or {})
            settled.append(errored(check, f"{check.relation} has no column {absent[0]!r}.{hint}"))
            continue
        try:
            rules.append((check, pieces(check, len(rules), sql)))
        except NotPortable as error:
            settled.append(errored(check, str(error)))
    return Scan(
        relations.pop(),
        sql,
        tuple(rules),
        tuple(settled),
        tuple(check.name for check in mine),
        frozenset(present or ()),
        tuple(measures),
    )


def errored(check: Check, reason: str) -> Verdict:
    """Return the verdict of a rule that could not be evaluated: never a pass."""
    return Verdict(check.name, check.relation, False, check.severity, check.expected, error=reason)


def run_scan(
    execute: Execute,
    checks: Sequence[Check],
    dialect_name: str,
    columns: Mapping[str, str] | None,
    measures: Sequence[Measure] = (),
    on_measured: Measured | None = None,
) -> list[Verdict]:
    """Evaluate the rules of one table, and measure it in the same statement.

    Args:
        execute: runs one statement and returns its rows.
        checks: the rules; those of another engine are left out.
        dialect_name: the warehouse's dialect.
        columns: the table's columns and types; None says that the table does not exist.
        measures: what is measured besides.
        on_measured: takes what was measured; not called where nothing could be.

    Returns:
        One verdict for each rule, in their order. A rule whose SQL fails is an error of its own
        and leaves the others alone.
    """
    mine = [check for check in checks if check.engine == SCAN]
    if not mine:
        return []
    if columns is None:
        return [errored(check, f"The table {check.relation} does not exist.") for check in mine]
    scan = plan(mine, dialect_name, columns, measures)
    try:
        row = execute(scan.sql)[0]
        verdicts = scan.verdicts(row)
    except Exception as error:
        # A rule and its table's measures must not spoil one another.
        if measures and on_measured is not None:
            _measure_alone(execute, scan, dialect_name, columns, on_measured)
        verdicts = _apart(execute, [check for check, _ in scan.rules], dialect_name, columns, error)
        verdicts = scan.in_order([*scan.settled, *verdicts])
    else:
        if measures and on_measured is not None:
            on_measured(scan.measured(row))
    return sampled(execute, scan.dialect, scan.rules, scan.columns, verdicts)


def _apart(
    execute: Execute,
    checks: Sequence[Check],
    dialect_name: str,
    columns: Mapping[str, str],
    error: Exception,
) -> list[Verdict]:
    """Judge rules one of which broke their statement: halve until it stands alone."""
    if len(checks) <= 1:
        return [errored(check, reason_of(error, check)) for check in checks]
    middle = len(checks) // 2
    found: list[Verdict] = []
    for half in (checks[:middle], checks[middle:]):
        try:
            part = plan(half, dialect_name, columns)
            found += part.verdicts(execute(part.sql)[0])
        except Exception as broken:
            found += _apart(execute, half, dialect_name, columns, broken)
    return found


def reason_of(error: Exception, check: Check) -> str:
    """Return why a rule's SQL failed, as one line that shows no classified value."""
    line = next(iter(str(error).strip().splitlines()), "") or repr(error)
    if any(column.lower() in check.masked for column in check.columns):
        # The warehouse quotes the value that it choked on.
        return f"{line.partition(':')[0]} (the values of {', '.join(check.columns)} are classified)"
    return line


def _measure_alone(
    execute: Execute,
    scan: Scan,
    dialect_name: str,
    columns: Mapping[str, str],
    on_measured: Measured,
) -> None:
    alone = plan([], dialect_name, columns, scan.measures, scan.relation)
    try:
        row = execute(alone.sql)[0]
    except Exception:
        return
    on_measured(alone.measured(row))
