"""Each warehouse's SQL for what is measured of a column.

Aggregates and conditions as text. Which of them a column gets, and what they are called, is the
business of ``measures``.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataplatform.checks import families
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.sql_rules import TABLE

#: Which shares of the rows lie below the quantiles that are kept.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Up to so many rows of the last day their distinct values are counted one by one.
FEW = 100_000
#: Whether the rows of the last day are few, as a column of those rows.
_FEW = "dataplatform_few"


def null_share(column: str) -> str:
    """Return the share of rows without a value."""
    return f"1 - count({column}) * 1.0 / nullif(count(*), 0)"


def distinct(column: str) -> str:
    """Return about how many values there are, in little memory however many they are."""
    return f"approx_count_distinct({column})"


def distinct_lately(column: str, dialect: Dialect) -> str:
    """Return how many values the rows of ``lately`` have: exactly where they are few.

    DuckDB's approximation errs by 13 %, which among few rows looks like values that repeat.
    Snowflake and BigQuery err by less than anybody is told of.
    """
    if dialect.name != "duckdb":
        return distinct(column)
    exact = f"count(distinct {column}) filter (where {_FEW})"
    about = f"{distinct(column)} filter (where not {_FEW})"
    return f"case when count(*) <= {FEW} then {exact} else {about} end"


def lately(table: str, condition: str, dialect: Dialect) -> str:
    """Return the rows of the last day, to stand after FROM.

    Args:
        table: the quoted name of the table.
        condition: see ``last_day``.
        dialect: the warehouse's SQL.
    """
    few = ""
    if dialect.name == "duckdb":
        few = f", (select count(*) from {table} where {condition}) <= {FEW} as {_FEW}"
    return f"(select *{few} from {table} where {condition}) as lately"


def last_day(name: str, columns: Mapping[str, str], dialect: Dialect) -> str | None:
    """Return the condition of a row of the last day in the table, the 24 hours up to its newest.

    Args:
        name: the column that tells a row's time.
        columns: the table's columns with their types.
        dialect: the warehouse's SQL.

    Returns:
        None where the table has no such column.
    """
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


def double(column: str, dialect: Dialect) -> str:
    """Cast a number to a float."""
    return f"cast({column} as {'float64' if dialect.name == 'bigquery' else 'double'})"


def quantiles(number: str, dialect: Dialect) -> str:
    """Return ``QUANTILES`` as one list, as text."""
    if dialect.name == "snowflake":
        each = ", ".join(f"approx_percentile({number}, {share})" for share in QUANTILES)
        return f"to_json(array_construct({each}))"
    if dialect.name == "bigquery":
        each = ", ".join(
            f"approx_quantiles({number}, 100)[safe_offset({round(share * 100)})]"
            for share in QUANTILES
        )
        return f"to_json_string([{each}])"
    listed = ", ".join(str(share) for share in QUANTILES)
    return f"cast(approx_quantile({number}, [{listed}]) as varchar)"


def text_figures(column: str, dialect: Dialect) -> list[tuple[str, str]]:
    """Lengths and damage: text of more than one byte to a character, or of a wrong decoding."""
    size = "byte_length" if dialect.name == "bigquery" else "strlen"
    foreign = f"{size}({column}) > length({column})"
    # What UTF-8 looks like that was read as Latin-1, and what stands for bytes nobody could read.
    marks = " or ".join(f"{column} like '%{mark}%'" for mark in ("Ã", "â€", "Â", "\ufffd"))
    digit = "regexp_contains" if dialect.name == "bigquery" else "regexp_matches"
    has_digit = f"{digit}({column}, '[0-9]')"
    if dialect.name == "snowflake":
        has_digit = f"regexp_instr({column}, '[0-9]') > 0"
        # Not by its bytes: the stand-in counts those of binary values alone.
        foreign = f"regexp_instr({column}, '[^ -~\t\r\n]') > 0"
    damaged = f"case when {foreign} then {marks} else {foreign} end"
    lowered = f"lower({column})"
    tests = " or ".join(
        f"{lowered} like '{pattern}'" for pattern in ("test%", "% test%", "%@test.%")
    )
    # Most text is plain and of no test, which is told first and by less work.
    test = f"{lowered} like '%test%'"
    test_like = f"case when {test} then {tests} else {test} end"
    return [
        ("digits", share(has_digit)),
        ("test_like", share(test_like)),
        ("mean_length", f"avg(length({column}))"),
        ("non_ascii", share(foreign)),
        ("damaged", share(damaged)),
    ]


def hours(column: str) -> list[tuple[str, str]]:
    """The time of day as a point on a circle: its average moves when clocks are mistaken."""
    angle = f"extract(hour from {column}) * {3.141592653589793 / 12}"
    return [("hour_sin", f"avg(sin({angle}))"), ("hour_cos", f"avg(cos({angle}))")]


def share(condition: str) -> str:
    """Return the share of rows in which a condition holds, of those in which it is known."""
    return f"avg(cast({condition} as int))"


def epoch(expression: str, dialect: Dialect) -> str:
    """Return the seconds since 1970 of a point in time."""
    if dialect.name == "snowflake":
        return f"date_part('epoch_second', {expression})"
    if dialect.name == "bigquery":
        return f"unix_seconds(timestamp({expression}))"
    return f"epoch({expression})"
