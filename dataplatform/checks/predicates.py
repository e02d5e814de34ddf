"""One check as pieces of SQL.

Each check gives the aggregates it adds to the table's scan, and expressions over those for what
was observed, how many rows fail out of how many, and whether the promise is kept. The pieces are
put together by ``scan`` (one statement) and by the compiler of dbt tests, so both judge alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dataplatform.checks.dialects import Dialect
from dataplatform.checks.masking import MASK
from dataplatform.checks.row_conditions import bad_row, both, row_filter, scope_of, within
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import TABLE
from dataplatform.keys import Relation

COUNT = "row_total"
#: Metrics whose value is a value of the column itself.
_SHOWS_VALUES = frozenset({"min", "max", "median", "most_common", "quantiles"})


@dataclass(frozen=True)
class Pieces:
    """A check in SQL; ``TABLE`` stands where the table's name belongs.

    Attributes:
        aggregates: alias to aggregate, for the inner select over the table.
        observed, failing, considered, passed: expressions over those aliases and ``COUNT``.
        predicate: the condition of a failing row, or None when the rule is not about rows.
        reproduce: a statement that shows the failing rows or the value again.
    """

    observed: str
    passed: str
    reproduce: str
    aggregates: Mapping[str, str] = field(default_factory=dict)
    failing: str = "cast(null as bigint)"
    considered: str = COUNT
    predicate: str | None = None


def pieces(check: Check, index: int, dialect: Dialect) -> Pieces:
    """Compile a check.

    Args:
        check: a check of the engine ``scan`` that needs the table's rows (not ``schema``).
        index: its place in the scan; makes its aliases unique.
        dialect: the warehouse's SQL.
    """
    found = _pieces(check, index, dialect)
    if check.metric in _SHOWS_VALUES and {one.lower() for one in check.columns} & check.masked:
        hidden = f"case when {found.observed} is not null then {dialect.literal(MASK)} end"
        return replace(found, observed=hidden)
    return found


def _pieces(check: Check, index: int, dialect: Dialect) -> Pieces:
    match check.metric:
        case "row_count":
            return _row_count(check, index, dialect)
        case "duplicate_count" | "nonunique_count":
            return _duplicates(check, index, dialect)
        case "sql":
            return _query(check, index, dialect)
        case "null_count" | "missing_count" | "invalid_count" | "failing_rows":
            return _rows(check, index, dialect)
        case "most_common":
            return _most_common(check, index, dialect)
        case "absent_values":
            return _absent_values(check, index, dialect)
        case "other_values":
            return _other_values(check, index, dialect)
        case "quantiles":
            return _quantiles(check, index, dialect)
        case "rows_beyond":
            return _rows_beyond(check, index, dialect)
    return _aggregate(check, index, dialect)


def _judge(check: Check, failing: str, considered: str, dialect: Dialect) -> tuple[str, str]:
    """Return (observed, passed) of a check that counts failing rows."""
    threshold = check.threshold
    if threshold.operator == "mostly":
        if float(threshold.value) >= 1:
            return failing, f"{failing} = 0"
        share = f"cast({considered} - {failing} as double) / cast({considered} as double)"
        enough = f"{share} >= cast({threshold.value!r} as double)"
        return failing, f"case when {considered} = 0 then true else {enough} end"
    observed = failing
    if check.unit == "percent":
        observed = f"coalesce(cast(100 * {failing} as double) / nullif({considered}, 0), 0)"
    return observed, threshold.sql(observed, dialect.literal)


def _row_count(check: Check, index: int, dialect: Dialect) -> Pieces:
    condition = row_filter(check, dialect)
    if condition is None:
        counted, aggregates = COUNT, {}
    else:
        counted, aggregates = f"r{index}_n", {f"r{index}_n": dialect.count_if(condition)}
    where = f" where {condition}" if condition else ""
    return Pieces(
        observed=counted,
        passed=check.threshold.sql(counted, dialect.literal),
        reproduce=f"select count(*) from {TABLE}{where}",
        aggregates=aggregates,
    )


def _rows(check: Check, index: int, dialect: Dialect) -> Pieces:
    condition = row_filter(check, dialect)
    bad = both(bad_row(check, dialect), condition)
    failing, aggregates = f"r{index}_f", {f"r{index}_f": dialect.count_if(bad)}
    considered = COUNT
    scope = both(scope_of(check, dialect), condition)
    if scope != "true":
        considered = f"r{index}_c"
        aggregates[considered] = dialect.count_if(scope)
    observed, passed = _judge(check, failing, considered, dialect)
    return Pieces(
        observed=observed,
        passed=passed,
        aggregates=aggregates,
        failing=failing,
        considered=considered,
        predicate=bad,
        reproduce=f"select * from {TABLE} where {bad}",
    )


def _duplicates(check: Check, index: int, dialect: Dialect) -> Pieces:
    names = [dialect.identifier(column) for column in check.columns]
    condition = row_filter(check, dialect)
    # A key with a missing part equals no other key.
    whole = both(*(f"{name} is not null" for name in names), condition)
    listed = ", ".join(names)
    groups = f"from {TABLE} where {whole} group by {listed} having count(*) > 1"
    same = f"{listed} in" if len(names) == 1 else f"({listed}) in"
    bad = f"{whole} and {same} (select {listed} {groups})"
    failing, considered = f"r{index}_f", f"r{index}_c"
    strict = check.threshold.operator == "mostly" and float(check.threshold.value) >= 1
    exact = check.metric == "nonunique_count" and not strict
    if len(names) == 1 and not exact:
        # One pass with the rest of the scan; whoever needs each row's count asks once it failed.
        value = dialect.only_if(names[0], condition)
        aggregates = {failing: f"count({value}) - count(distinct {value})"}
    else:
        counted = "n" if check.metric == "nonunique_count" else "n - 1"
        aggregates = {
            failing: f"(select coalesce(sum({counted}), 0) from "
            f"(select count(*) as n {groups}) as g{index})"
        }
    all_missing = " and ".join(f"{name} is null" for name in names)
    match check.arguments.get("ignore"):
        case "all_values_are_missing":
            scope = both(f"not ({all_missing})", condition)
        case "any_value_is_missing":
            scope = whole
        case _:
            scope = condition or "true"
    if scope == "true":
        considered = COUNT
    else:
        aggregates[considered] = dialect.count_if(scope)
    observed, passed = _judge(check, failing, considered, dialect)
    return Pieces(
        observed=observed,
        passed=passed,
        aggregates=aggregates,
        failing=failing,
        considered=considered,
        predicate=bad,
        reproduce=f"select * from {TABLE} where {bad}",
    )


def _query(check: Check, index: int, dialect: Dialect) -> Pieces:
    query, alias = str(check.arguments["query"]), f"r{index}_v"
    return Pieces(
        observed=alias,
        passed=check.threshold.sql(alias, dialect.literal),
        reproduce=str(check.arguments.get("rows") or query),
        aggregates={alias: f"({query})"},
    )


def _most_common(check: Check, index: int, dialect: Dialect) -> Pieces:
    """The values that come up most often: one of those listed; ties only where they may be."""
    column = dialect.identifier(check.columns[0])
    where = both(f"{column} is not null", row_filter(check, dialect))
    counted = f"select {column}, count(*) as n from {TABLE} where {where} group by {column}"
    ranked = f"select {column}, n, max(n) over () as top from ({counted}) as g{index}"
    modes = f"from ({ranked}) as m{index} where n = top"
    listed = dialect.count_if(within(column, list(check.arguments["values"]), dialect))
    kept = f"{listed} > 0" if check.arguments.get("ties") else f"{listed} = 1 and count(*) = 1"
    observed, good = f"r{index}_v", f"r{index}_g"
    return Pieces(
        observed=observed,
        passed=good,
        reproduce=f"select {column}, n {modes}",
        aggregates={
            observed: f"(select min({dialect.text(column)}) {modes})",
            good: f"(select {kept} {modes})",
        },
    )


def _absent_values(check: Check, index: int, dialect: Dialect) -> Pieces:
    """How many of the listed values no row has."""
    column, condition = dialect.identifier(check.columns[0]), row_filter(check, dialect)
    values = list(check.arguments["values"])
    found = dialect.only_if(column, both(within(column, values, dialect), condition))
    alias = f"r{index}_v"
    where = f" where {both(f'{column} is not null', condition)}"
    return Pieces(
        observed=alias,
        passed=check.threshold.sql(alias, dialect.literal),
        reproduce=f"select distinct {column} from {TABLE}{where}",
        aggregates={alias: f"{len(values)} - count(distinct {found})"},
    )


def _other_values(check: Check, index: int, dialect: Dialect) -> Pieces:
    """How many values are not listed, and how many of those listed no row has."""
    column, condition = dialect.identifier(check.columns[0]), row_filter(check, dialect)
    values = list(check.arguments["values"])
    listed = within(column, values, dialect)
    found = dialect.only_if(column, both(listed, condition))
    other = dialect.only_if(column, both(f"not ({listed})", condition))
    alias = f"r{index}_v"
    where = f" where {both(f'{column} is not null', condition)}"
    counted = f"{len(values)} - count(distinct {found}) + count(distinct {other})"
    return Pieces(
        observed=alias,
        passed=check.threshold.sql(alias, dialect.literal),
        reproduce=f"select distinct {column} from {TABLE}{where}",
        aggregates={alias: counted},
    )


def _quantiles(check: Check, index: int, dialect: Dialect) -> Pieces:
    """Values below which given shares of a column lie, each within its range."""
    column = dialect.only_if(dialect.identifier(check.columns[0]), row_filter(check, dialect))
    arguments = check.arguments
    aggregates = {
        f"r{index}_q{place}": dialect.quantile(column, share)
        for place, share in enumerate(arguments["quantiles"])
    }
    inside = []
    for alias, (low, high) in zip(aggregates, arguments["ranges"], strict=True):
        # Great Expectations takes a value this near to a bound for the bound.
        inside.append(f"{alias} is not null")
        if low is not None:
            inside.append(f"{alias} >= {dialect.literal(low - 1e-8 - 1e-4 * abs(low))}")
        if high is not None:
            inside.append(f"{alias} <= {dialect.literal(high + 1e-8 + 1e-4 * abs(high))}")
    shown = [f"coalesce({dialect.text(alias)}, 'nothing')" for alias in aggregates]
    return Pieces(
        observed=" || ', ' || ".join(shown),
        passed=both(*inside),
        reproduce=f"select {', '.join(aggregates.values())} from {TABLE}",
        aggregates=aggregates,
    )


def _rows_beyond(check: Check, index: int, dialect: Dialect) -> Pieces:
    """How many rows more than another table has; fewer, where below zero."""
    schema, _, table = str(check.arguments["other"]).rpartition(".")
    other = dialect.relation(Relation(schema or check.relation.schema, table))
    alias = f"r{index}_o"
    return Pieces(
        observed=f"{COUNT} - {alias}",
        passed=check.threshold.sql(f"{COUNT} - {alias}", dialect.literal),
        reproduce=f"select (select count(*) from {TABLE}), (select count(*) from {other})",
        aggregates={alias: f"(select count(*) from {other})"},
    )


def _aggregate(check: Check, index: int, dialect: Dialect) -> Pieces:
    alias = f"r{index}_v"
    column = dialect.only_if(dialect.identifier(check.columns[0]), row_filter(check, dialect))
    match check.metric:
        case "mean":
            expression = f"avg({column})"
        case "stddev":
            expression = f"stddev_samp({column})"
        case "distinct_count":
            expression = f"count(distinct {column})"
        case "distinct_share":
            expression = f"count(distinct {column}) * 1.0 / nullif(count({column}), 0)"
        case "filled_share":
            rows = dialect.count_if(row_filter(check, dialect) or "true")
            expression = f"count({column}) * 1.0 / nullif({rows}, 0)"
        case "age_hours":
            expression = dialect.hours_since(f"max({column})")
        case name:
            expression = f"{name}({column})"
    return Pieces(
        observed=alias,
        passed=check.threshold.sql(alias, dialect.literal),
        reproduce=f"select {expression} from {TABLE}",
        aggregates={alias: expression},
    )
