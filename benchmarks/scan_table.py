"""The table of the scan benchmark: its rows, its twelve rules, and the statement written by hand.

The statement takes what the rules and measures take, as somebody would write it who knows the
table; none of the platform's own SQL is in it. It fails where the platform measures what it does
not.
"""

from __future__ import annotations

from typing import Any

from dataplatform.checks.dialects import dialect
from dataplatform.checks.measures import RECENT, Measure, measures_for
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation

TABLE = Relation("staging", "customers")
EMAIL = r"^[^@]+@[^@]+\.[^@]+$"
COLUMNS = {
    **{"customer_id": "BIGINT", "email": "VARCHAR", "age": "INTEGER", "status": "VARCHAR"},
    **{"country": "VARCHAR", "amount": "DOUBLE", "updated_at": "TIMESTAMP", "born_on": "DATE"},
    **{"first_name": "VARCHAR", "city": "VARCHAR", "is_active": "BOOLEAN", "orders": "INTEGER"},
    **{"balance": "DOUBLE", "discount": "DOUBLE", "visits": "INTEGER", "score": "DOUBLE"},
    **{"segment": "VARCHAR", "channel": "VARCHAR", "points": "BIGINT", "joined_on": "DATE"},
}
_NUMBERS = "[0.05, 0.25, 0.5, 0.75, 0.95]"
_TEXT = {
    "digits": "avg(regexp_matches({c}, '[0-9]')::int)",
    "test_like": "avg((lower({c}) like 'test%' or lower({c}) like '% test%' "
    "or lower({c}) like '%@test.%')::int)",
    "mean_length": "avg(length({c}))",
    "min_length": "min(length({c}))",
    "max_length": "max(length({c}))",
    "non_ascii": "avg((strlen({c}) > length({c}))::int)",
    "damaged": "avg(({c} like '%Ã%' or {c} like '%â€%' or {c} like '%Â%' or {c} like '%�%')::int)",
}
_TIME = {
    "min": "min({c})",
    "max": "max({c})",
    "hour_sin": "avg(sin(hour({c}) * 0.2617993877991494))",
    "hour_cos": "avg(cos(hour({c}) * 0.2617993877991494))",
}
_NUMBER = {
    "mean": "avg({c})",
    "min": "min({c})",
    "max": "max({c})",
    "quantiles": f"approx_quantile({{c}}, {_NUMBERS})",
}
_COMMON = {"null_share": "count({c})", "distinct": "approx_count_distinct({c})"}
_BY_TYPE: dict[str, dict[str, str]] = {
    "BIGINT": _NUMBER,
    "INTEGER": _NUMBER,
    "DOUBLE": _NUMBER,
    "VARCHAR": _TEXT,
    "BOOLEAN": {"mean": "avg({c}::int)"},
    "DATE": _TIME,
    "TIMESTAMP": _TIME,
}
_RULES = f"""
  count(*),
  count(*) filter (where customer_id is null),
  count(*) - count(distinct customer_id),
  count(*) filter (where email is null),
  count(*) filter (where not regexp_matches(email, '{EMAIL}')),
  count(*) filter (where age < 0 or age > 120),
  count(*) filter (where status not in ('active', 'inactive', 'prospect')),
  count(*) filter (where length(country) <> 2),
  count(*) filter (where amount < 0),
  avg(amount),
  max(updated_at),
  count(*) filter (where status = 'prospect' and amount > 5000)"""


def measures() -> tuple[Measure, ...]:
    """Return what the platform measures of the table."""
    return measures_for(COLUMNS, dialect("duckdb"), recent="updated_at")


def hand_written() -> str:
    """Return the statement that takes the same figures."""
    parts = [_RULES]
    for measure in measures():
        name = measure.name.removeprefix(RECENT)
        lately = measure.name.startswith(RECENT)
        only = " filter (where lately)" if lately else ""
        if measure.column is None:
            parts.append(f"count(*){only}")
            continue
        known = {**_COMMON, **_BY_TYPE[COLUMNS[measure.column]]}
        if lately:
            # The rows of a day are few enough to be counted exactly.
            known["distinct"] = "count(distinct {c})"
        if name not in known:
            raise SystemExit(f"The hand-written scan does not take {name} of {measure.column}.")
        parts.append(known[name].format(c=measure.column) + only)
    select = ",\n  ".join(parts)
    newest = "(select max(updated_at) from staging.customers)"
    return (
        f"select {select}\nfrom (select *, updated_at > {newest} - interval 1 day as lately "
        "from staging.customers)"
    )


def checks() -> list[Check]:
    """Twelve rules, as a contract compiles to them."""
    none, every = Threshold("eq", 0), Threshold("mostly", 1.0)

    def check(
        name: str, metric: str, threshold: Threshold, *columns: str, **arguments: Any
    ) -> Check:
        return Check(name, TABLE, metric, threshold, columns, arguments, key=("customer_id",))

    values = {"share_of": "values"}
    known = ["active", "inactive", "prospect"]
    condition = "status = 'prospect' and amount > 5000"
    return [
        check("rows", "row_count", Threshold("ge", 1000)),
        check("id_not_null", "null_count", none, "customer_id"),
        check("id_unique", "nonunique_count", every, "customer_id"),
        check("email_not_null", "null_count", none, "email"),
        check("email", "invalid_count", every, "email", pattern=EMAIL, **values),
        check("age", "invalid_count", every, "age", minimum=0, maximum=120, **values),
        check("status", "invalid_count", every, "status", values=known, **values),
        check("country", "invalid_count", every, "country", min_length=2, max_length=2, **values),
        check("amount", "invalid_count", every, "amount", minimum=0, **values),
        check("mean", "mean", Threshold("between", 0, 10_000), "amount"),
        check("newest", "max", Threshold("ge", "2020-01-01"), "updated_at"),
        check("prospects", "failing_rows", none, "status", "amount", predicate=condition),
    ]


def fill(connection: Any, rows: int) -> None:
    """Make the table."""
    connection.execute("create schema staging")
    connection.execute(f"""
        create table staging.customers as
        select cast(i as bigint) as customer_id, 'user' || i || '@example.com' as email,
               cast(i % 90 as integer) as age,
               (['active', 'inactive', 'prospect'])[1 + i % 3] as status,
               (['DE', 'FR', 'US'])[1 + i % 3] as country,
               cast((i * 7919 % 400000) / 100.0 as double) as amount,
               timestamp '2025-01-01' + interval (i % 500000) minute as updated_at,
               date '1950-01-01' + cast(i % 20000 as integer) as born_on,
               'Name ' || (i % 5000) as first_name, 'City ' || (i % 800) as city,
               i % 5 > 0 as is_active, cast(i % 37 as integer) as orders,
               cast(i % 9973 as double) / 7 as balance, cast(i % 40 as double) / 100 as discount,
               cast(i % 1009 as integer) as visits, sin(i) as score,
               (['a', 'b', 'c', 'd'])[1 + i % 4] as segment,
               (['web', 'shop'])[1 + i % 2] as channel, cast(i * 3 as bigint) as points,
               date '2020-01-01' + cast(i % 1800 as integer) as joined_on
        from range({rows}) t(i)""")
