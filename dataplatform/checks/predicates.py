"""One check as pieces of SQL.

Each check gives the aggregates it adds to the table's scan, and expressions over those for what
was observed, how many rows fail out of how many, and whether the promise is kept. The pieces are
put together by ``scan`` (one statement) and by the compiler of dbt tests, so both judge alike.
"""

from __future__ import annotations

from dataclasses import replace

from dataplatform.checks import figures
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.masking import MASK
from dataplatform.checks.pieces import COUNT, Pieces
from dataplatform.checks.portable_sql import translated
from dataplatform.checks.row_conditions import bad_row, both, row_filter, scope_of
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import TABLE

#: Metrics whose value is a value of the column itself.
_SHOWS_VALUES = frozenset({"min", "max", "median", "most_common", "quantiles"})


def pieces(check: Check, index: int, dialect: Dialect) -> Pieces:
    """Compile a check.

    Args:
        check: a check of the engine ``scan`` that needs the table's rows (not ``schema``).
        index: its place in the scan; makes its aliases unique.
        dialect: the warehouse's SQL.

    Raises:
        NotPortable: the rule cannot be asked there.
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
            return figures.most_common(check, index, dialect)
        case "absent_values":
            return figures.absent_values(check, index, dialect)
        case "other_values":
            return figures.other_values(check, index, dialect)
        case "quantiles":
            return figures.quantiles(check, index, dialect)
        case "rows_beyond":
            return figures.rows_beyond(check, index, dialect)
    return figures.aggregate(check, index, dialect)


def _judge(check: Check, failing: str, considered: str, dialect: Dialect) -> tuple[str, str]:
    """Return (observed, passed) of a check that counts failing rows."""
    threshold = check.threshold
    if threshold.operator == "mostly":
        if float(threshold.value) >= 1:
            return failing, f"{failing} = 0"
        kept = dialect.double(f"{considered} - {failing}")
        share = f"{kept} / {dialect.double(considered)}"
        enough = f"{share} >= {dialect.double(repr(threshold.value))}"
        return failing, f"case when {considered} = 0 then true else {enough} end"
    observed = failing
    if check.unit == "percent":
        percent = dialect.double(f"100 * {failing}")
        observed = f"coalesce({percent} / nullif({considered}, 0), 0)"
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
    bad = f"{whole} and {dialect.among(names, groups)}"
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
    query, alias = translated(str(check.arguments["query"]), dialect.name), f"r{index}_v"
    rows = check.arguments.get("rows")
    return Pieces(
        observed=alias,
        passed=check.threshold.sql(alias, dialect.literal),
        reproduce=translated(str(rows), dialect.name) if rows else query,
        aggregates={alias: f"({query})"},
    )
