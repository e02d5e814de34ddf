"""Checks of a column or a table as a whole, as pieces of SQL: one figure, held to a threshold.

Checks that count rows are ``predicates``' business.
"""

from __future__ import annotations

from dataplatform.checks.dialects import Dialect
from dataplatform.checks.pieces import COUNT, Pieces
from dataplatform.checks.row_conditions import both, row_filter, within
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import TABLE
from dataplatform.keys import Relation


def most_common(check: Check, index: int, dialect: Dialect) -> Pieces:
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


def absent_values(check: Check, index: int, dialect: Dialect) -> Pieces:
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


def other_values(check: Check, index: int, dialect: Dialect) -> Pieces:
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


def quantiles(check: Check, index: int, dialect: Dialect) -> Pieces:
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


def rows_beyond(check: Check, index: int, dialect: Dialect) -> Pieces:
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


def aggregate(check: Check, index: int, dialect: Dialect) -> Pieces:
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
        case "median":
            expression = dialect.median(column)
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
