"""What is measured of a table beside its rules, in the same scan.

A measure is one aggregate over the table. Which measures a column gets follows from its type; a
column whose values must never be shown gives no values away. What the figures mean over time is
the business of ``monitors``; rules are not written here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataplatform.checks import families
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.sql_rules import TABLE, with_table

#: Which shares of the rows lie below the quantiles that are kept.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILE_NAMES = tuple(f"q{round(share * 100):02d}" for share in QUANTILES)
#: A measure of the rows of the last day only is named so.
RECENT = "recent_"
#: A column with more values than this has no categories.
CATEGORIES = 40

#: Columns that tell a row's time, the best first; any other column of a time family comes later.
_TIMES = (
    "updated_at",
    "modified_at",
    "last_modified_date",
    "system_modstamp",
    "loaded_at",
    "created_at",
    "ordered_at",
    "occurred_at",
)
_SYNCED = "_fivetran_synced"
_QUANTILES = "quantiles"
#: Whether a row is of the last day, as a column of what is measured.
_LATELY = "dataplatform_lately"


@dataclass(frozen=True)
class Measure:
    """One figure of a table.

    Attributes:
        name: what is measured, for example ``null_share``.
        column: of which column, or None for the table.
        sql: an aggregate over what ``source`` says; a scalar, or a JSON list for quantiles.
        lately: of a figure of the last day's rows, the condition that they satisfy.
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
    fresh = None if recent is None else _last_day(recent, columns, dialect)
    if fresh is not None:
        found.append(Measure(RECENT + "rows", None, dialect.count_if(_LATELY), fresh))
    for name, kind in columns.items():
        if name.lower() == "_fivetran_id":
            continue
        family = families.family_of(kind)
        shown = name.lower() not in hidden
        found += _of_column(name, family, dialect, shown)
        if fresh is not None and name != recent and not name.startswith("_"):
            found += _of_last_day(name, family, dialect, shown, fresh)
    return tuple(found)


def source(table: str, measures: Sequence[Measure]) -> str:
    """Return what measures are selected from, after FROM.

    The newest moment is asked for once: named in every figure it would be planned every time,
    which takes longer than measuring a small table.

    Args:
        table: the quoted name of the table.
        measures: what is measured of it.
    """
    lately = next((measure.lately for measure in measures if measure.lately), None)
    return table if lately is None else f"(select *, {lately} as {_LATELY} from {table}) as looked"


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
    fresh = None if recent is None else _last_day(recent, types or {}, dialect)
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

    def made(*pairs: tuple[str, str]) -> list[Measure]:
        return [Measure(metric, name, sql) for metric, sql in pairs]

    found = made(("null_share", f"1 - count({column}) * 1.0 / nullif(count(*), 0)"))
    if family in {"object", "array", None}:
        return found
    if family != "boolean":
        found += made(("distinct", _distinct(column, dialect)))
    if family in {"integer", "number"}:
        number = f"cast({column} as {_double(dialect)})"
        found += made(("mean", f"avg({number})"))
        if shown:
            found += made(
                ("min", f"min({number})"),
                ("max", f"max({number})"),
                (_QUANTILES, _quantiles(number, dialect)),
            )
    elif family == "boolean":
        found += made(("mean", f"avg({_one_if(column)})"))
    elif family == "string":
        found += made(*_text(column, dialect))
        found += made(
            ("min_length", f"min(length({column}))"), ("max_length", f"max(length({column}))")
        )
    elif family in {"timestamp", "date"}:
        if shown:
            found += made(
                ("min", epoch(f"min({column})", dialect)),
                ("max", epoch(f"max({column})", dialect)),
            )
        if family == "timestamp":
            found += made(*_hours(column, dialect))
    return found


def _of_last_day(
    name: str, family: str | None, dialect: Dialect, shown: bool, fresh: str
) -> list[Measure]:
    """The same figures, fewer of them, of the rows of the last day."""
    column = dialect.only_if(dialect.identifier(name), _LATELY)
    rows = f"nullif({dialect.count_if(_LATELY)}, 0)"
    pairs = [("null_share", f"1 - count({column}) * 1.0 / {rows}")]
    if family in {"integer", "number", "string"}:
        pairs.append(("distinct", _distinct(column, dialect)))
    if family in {"integer", "number"}:
        number = f"cast({column} as {_double(dialect)})"
        pairs.append(("mean", f"avg({number})"))
        if shown:
            pairs.append((_QUANTILES, _quantiles(number, dialect)))
    elif family == "boolean":
        pairs.append(("mean", f"avg({_one_if(column)})"))
    elif family == "string":
        pairs += _text(column, dialect)
    elif family == "timestamp":
        pairs += _hours(column, dialect)
    return [Measure(RECENT + metric, name, sql, fresh) for metric, sql in pairs]


def _last_day(name: str, columns: Mapping[str, str], dialect: Dialect) -> str | None:
    """The condition of a row of the last day in the table."""
    kind = next((kind for each, kind in columns.items() if each.lower() == name.lower()), None)
    if kind is None:
        return None
    column = dialect.identifier(name)
    newest = f"(select max({column}) from {TABLE})"
    if dialect.name == "snowflake":
        return f"{column} > dateadd('day', -1, {newest})"
    if dialect.name == "bigquery":
        unit = families.base_type(kind)
        function = {"date": "date_sub", "datetime": "datetime_sub"}.get(unit, "timestamp_sub")
        return f"{column} > {function}({newest}, interval 1 day)"
    return f"{column} > {newest} - interval 1 day"


def _text(column: str, dialect: Dialect) -> list[tuple[str, str]]:
    """Lengths and damage: text of more than one byte to a character, or of a wrong decoding."""
    size = "byte_length" if dialect.name == "bigquery" else "strlen"
    foreign = f"{size}({column}) > length({column})"
    # What UTF-8 looks like that was read as Latin-1, and what stands for bytes nobody could read.
    damaged = " or ".join(f"{column} like '%{mark}%'" for mark in ("Ã", "â€", "Â", "\ufffd"))
    digit = "regexp_contains" if dialect.name == "bigquery" else "regexp_matches"
    has_digit = f"{digit}({column}, '[0-9]')"
    if dialect.name == "snowflake":
        has_digit = f"regexp_instr({column}, '[0-9]') > 0"
        # Not by its bytes: the stand-in counts those of binary values alone.
        foreign = f"regexp_instr({column}, '[^ -~\t\r\n]') > 0"
    test_like = " or ".join(
        f"lower({column}) like '{pattern}'" for pattern in ("test%", "% test%", "%@test.%")
    )
    return [
        ("digits", f"avg({_one_if(has_digit)})"),
        ("test_like", f"avg({_one_if(test_like)})"),
        ("mean_length", f"avg(length({column}))"),
        ("non_ascii", f"avg({_one_if(foreign)})"),
        ("damaged", f"avg({_one_if(damaged)})"),
    ]


def _hours(column: str, dialect: Dialect) -> list[tuple[str, str]]:
    """The time of day as a point on a circle: its average moves when clocks are mistaken."""
    angle = f"{_hour(column, dialect)} * {3.141592653589793 / 12}"
    return [("hour_sin", f"avg(sin({angle}))"), ("hour_cos", f"avg(cos({angle}))")]


def _hour(column: str, dialect: Dialect) -> str:
    return f"extract(hour from {column})"


def _one_if(condition: str) -> str:
    return f"case when {condition} then 1.0 when not ({condition}) then 0.0 end"


def _double(dialect: Dialect) -> str:
    return "float64" if dialect.name == "bigquery" else "double"


def _distinct(column: str, dialect: Dialect) -> str:
    return f"approx_count_distinct({column})"


def _quantiles(number: str, dialect: Dialect) -> str:
    listed = ", ".join(str(share) for share in QUANTILES)
    if dialect.name == "snowflake":
        each = ", ".join(f"approx_percentile({number}, {share})" for share in QUANTILES)
        return f"to_json(array_construct({each}))"
    if dialect.name == "bigquery":
        each = ", ".join(
            f"approx_quantiles({number}, 100)[safe_offset({round(share * 100)})]"
            for share in QUANTILES
        )
        return f"to_json_string([{each}])"
    return f"cast(approx_quantile({number}, [{listed}]) as varchar)"


def epoch(expression: str, dialect: Dialect) -> str:
    """Return the seconds since 1970 of a point in time."""
    if dialect.name == "snowflake":
        return f"date_part('epoch_second', {expression})"
    if dialect.name == "bigquery":
        return f"unix_seconds(timestamp({expression}))"
    return f"epoch({expression})"


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
