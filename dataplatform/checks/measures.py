"""What is measured of a table beside its rules, in the same statement.

A measure is one aggregate over the table, or over its rows of the last day. Which measures a
column gets follows from its type; a column whose values must never be shown gives no values away.
How a warehouse computes them is the business of ``measure_sql``, what they mean over time that of
``monitors``; rules are not written here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataplatform.checks import families
from dataplatform.checks import measure_sql as sql
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.sql_rules import with_table

#: The names of the quantiles that are kept.
QUANTILE_NAMES = tuple(f"q{round(share * 100):02d}" for share in sql.QUANTILES)
#: A measure of the rows of the last day only is named so.
RECENT = "recent_"
#: A column with more values than this has no categories.
CATEGORIES = 40

#: Columns that tell a row's time, the best first; any other column of a time family comes later.
_TIMES = (
    *("updated_at", "modified_at", "last_modified_date", "system_modstamp"),
    *("loaded_at", "created_at", "ordered_at", "occurred_at"),
)
_SYNCED = "_fivetran_synced"
_QUANTILES = "quantiles"
#: What is not measured of the last day by itself.
_WHOLE_ONLY = frozenset({"min", "max", "min_length", "max_length"})


@dataclass(frozen=True)
class Measure:
    """One figure of a table.

    Attributes:
        name: what is measured, for example ``null_share``.
        column: of which column, or None for the table.
        sql: an aggregate; a scalar, or a JSON list for quantiles.
        lately: of a figure of the last day's rows, the condition that they satisfy; see
            ``lately_rows``.
    """

    name: str
    column: str | None
    sql: str
    lately: str | None = None


def time_column(columns: Mapping[str, str], preferred: str | None = None) -> str | None:
    """Return the column that tells when a row was last touched, or None.

    Args:
        columns: names to types.
        preferred: the declared one, taken where it exists.
    """
    times = {
        name.lower(): name
        for name, kind in columns.items()
        if families.family_of(kind) in {"timestamp", "date"}
    }
    if preferred is not None and preferred.lower() in times:
        return times[preferred.lower()]
    squeezed = {name.replace("_", ""): shown for name, shown in times.items()}
    for wanted in _TIMES:
        if wanted.replace("_", "") in squeezed:
            return squeezed[wanted.replace("_", "")]
    others = [name for name in times if not name.startswith("_")]
    others.sort(key=lambda name: not name.endswith(("_at", "_time", "timestamp")))
    return times[others[0]] if others else times.get(_SYNCED)


def measures_for(
    columns: Mapping[str, str],
    dialect: Dialect,
    masked: Collection[str] = (),
    recent: str | None = None,
) -> tuple[Measure, ...]:
    """Return what is measured of a table.

    Args:
        columns: names to types, as the warehouse or a contract calls them.
        dialect: the warehouse's SQL.
        masked: columns whose values must never be shown: no minimum, maximum or quantile of them.
        recent: the column that tells a row's time; with it, rows of the last day in the table
            (the 24 hours up to its newest row) are measured once more by themselves.
    """
    hidden = {name.lower() for name in masked}
    found = [Measure("rows", None, "count(*)")]
    fresh = None if recent is None else sql.last_day(recent, columns, dialect)
    if fresh is not None:
        found.append(Measure(RECENT + "rows", None, "count(*)", fresh))
    for name, kind in columns.items():
        if name.lower() == "_fivetran_id":
            continue
        family = families.family_of(kind)
        mine = _of_column(name, family, dialect, name.lower() not in hidden)
        found += mine
        if fresh is not None and name != recent and not name.startswith("_"):
            found += _of_last_day(mine, family, dialect, fresh)
    return tuple(found)


def lately_rows(table: str, measures: Sequence[Measure], dialect: Dialect) -> str | None:
    """Return what figures of the last day are selected from, after FROM; None without any.

    They are read by themselves: an aggregate that leaves nearly all rows out takes nearly as long
    as one that looks at them.

    Args:
        table: the quoted name of the table.
        measures: what is measured of it.
        dialect: the warehouse's SQL.
    """
    condition = next((measure.lately for measure in measures if measure.lately), None)
    return None if condition is None else sql.lately(table, condition, dialect)


def measured(measures: Sequence[Measure], row: Sequence[Any]) -> dict[tuple[str | None, str], Any]:
    """Return the values of a scan's row by column and name; quantiles each by their own name."""
    values: dict[tuple[str | None, str], Any] = {}
    for measure, value in zip(measures, row, strict=True):
        if not measure.name.endswith(_QUANTILES):
            values[measure.column, measure.name] = _number(value)
            continue
        prefix = measure.name.removesuffix(_QUANTILES)
        listed = _listed(value) if isinstance(value, str) else value or ()
        for name, quantile in zip(QUANTILE_NAMES, listed, strict=False):
            values[measure.column, prefix + name] = _number(quantile)
    return values


def low_cardinality(
    columns: Mapping[str, str],
    values: Mapping[tuple[str | None, str], Any],
    masked: Collection[str] = (),
) -> list[str]:
    """Return the text columns few enough in values to be counted value by value."""
    hidden = {name.lower() for name in masked}
    rows = values.get((None, "rows")) or 0
    found = []
    for name, kind in columns.items():
        distinct = values.get((name, "distinct"))
        if families.family_of(kind) != "string" or name.lower() in hidden or not distinct:
            continue
        # Few rows make every column look like one of few values.
        if distinct <= CATEGORIES and distinct * 5 <= rows:
            found.append(name)
    return found


def categories_sql(
    table: str,
    columns: Sequence[str],
    dialect: Dialect,
    types: Mapping[str, str] | None = None,
    recent: str | None = None,
) -> str:
    """Return the query of (column, value, rows, rows of the last day) for columns of few values.

    Args:
        table: the quoted name of the table.
        columns: see ``low_cardinality``.
        dialect: the warehouse's SQL.
        types: all columns of the table with their types.
        recent: the column that tells a row's time; without it all rows are of the last day.
    """
    fresh = None if recent is None else sql.last_day(recent, types or {}, dialect)
    lately = "count(*)" if fresh is None else dialect.count_if(fresh)
    parts = []
    for name in columns:
        column = dialect.identifier(name)
        parts.append(
            f"select {dialect.literal(name)} as name, {dialect.text(column)} as value, "
            f"count(*) as n, {lately} as lately "
            f"from {table} where {column} is not null group by {column}"
        )
    return with_table("\nunion all\n".join(parts), table)


def _of_column(name: str, family: str | None, dialect: Dialect, shown: bool) -> list[Measure]:
    column = dialect.identifier(name)
    pairs = [("null_share", sql.null_share(column))]
    if family not in {"object", "array", "boolean", None}:
        pairs.append(("distinct", sql.distinct(column)))
    if family in {"integer", "number"}:
        number = sql.double(column, dialect)
        pairs.append(("mean", f"avg({number})"))
        if shown:
            pairs += [("min", f"min({number})"), ("max", f"max({number})")]
            pairs.append((_QUANTILES, sql.quantiles(number, dialect)))
    elif family == "boolean":
        pairs.append(("mean", sql.share(column)))
    elif family == "string":
        pairs += sql.text_figures(column, dialect)
        length = f"length({column})"
        pairs += [("min_length", f"min({length})"), ("max_length", f"max({length})")]
    elif family in {"timestamp", "date"}:
        if shown:
            pairs += [
                ("min", sql.epoch(f"min({column})", dialect)),
                ("max", sql.epoch(f"max({column})", dialect)),
            ]
        if family == "timestamp":
            pairs += sql.hours(column)
    return [Measure(metric, name, expression) for metric, expression in pairs]


def _of_last_day(
    measures: Sequence[Measure], family: str | None, dialect: Dialect, fresh: str
) -> list[Measure]:
    """The same figures of a column, fewer of them, of the rows of the last day."""
    found = []
    for one in measures:
        if one.column is None or one.name in _WHOLE_ONLY:
            continue
        expression = one.sql
        if one.name == "distinct":
            if family not in {"integer", "number", "string"}:
                continue
            expression = sql.distinct_lately(dialect.identifier(one.column), dialect)
        found.append(Measure(RECENT + one.name, one.column, expression, fresh))
    return found


def _listed(text: str) -> list[Any]:
    """Read a list of numbers; warehouses spell what is no number in ways that JSON does not."""
    for spelled, json_name in (("nan", "NaN"), ("inf", "Infinity"), ("NULL", "null")):
        text = text.replace(spelled, json_name)
    found: list[Any] = json.loads(text)
    return found


def _number(value: Any) -> Any:
    """Return a figure as a float; a warehouse, or dbt's log, may hand it over as text."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float | Decimal | str):
        number = float(value)
        return number if number - number == 0 else None
    return value
