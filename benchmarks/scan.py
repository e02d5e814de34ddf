"""All rules of a contract over one hand-written scan with the same predicates.

Prints the ratio of medians of interleaved runs; the limit is 1.5 at 2,000,000 rows. Run it with
``python benchmarks/scan.py [--rows N] [--rounds N]``; it writes to a temporary folder only.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation

LIMIT = 1.5
TABLE = Relation("staging", "customers")
EMAIL = r"^[^@]+@[^@]+\.[^@]+$"

HAND_WRITTEN = f"""
select count(*),
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
       count(*) filter (where status = 'prospect' and amount > 5000)
from staging.customers
"""


def checks() -> list[Check]:
    """Twelve rules, as a contract compiles to them."""
    none, every = Threshold("eq", 0), Threshold("mostly", 1.0)

    def check(name: str, metric: str, threshold: Threshold, *columns: str, **arguments: object):
        return Check(name, TABLE, metric, threshold, columns, arguments, key=("customer_id",))

    values = {"share_of": "values"}
    return [
        check("rows", "row_count", Threshold("ge", 1000)),
        check("id_not_null", "null_count", none, "customer_id"),
        check("id_unique", "nonunique_count", every, "customer_id"),
        check("email_not_null", "null_count", none, "email"),
        check("email", "invalid_count", every, "email", pattern=EMAIL, **values),
        check("age", "invalid_count", every, "age", minimum=0, maximum=120, **values),
        check(
            "status",
            "invalid_count",
            every,
            "status",
            values=["active", "inactive", "prospect"],
            **values,
        ),
        check("country", "invalid_count", every, "country", min_length=2, max_length=2, **values),
        check("amount", "invalid_count", every, "amount", minimum=0, **values),
        check("mean", "mean", Threshold("between", 0, 10_000), "amount"),
        check("newest", "max", Threshold("ge", "2020-01-01"), "updated_at"),
        check(
            "prospects",
            "failing_rows",
            none,
            "status",
            "amount",
            predicate="status = 'prospect' and amount > 5000",
        ),
    ]


def fill(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Make the table."""
    connection.execute("create schema staging")
    connection.execute(f"""
        create table staging.customers as
        select i as customer_id, 'user' || i || '@example.com' as email, i % 90 as age,
               (['active', 'inactive', 'prospect'])[1 + i % 3] as status,
               (['DE', 'FR', 'US'])[1 + i % 3] as country, (i * 7919 % 400000) / 100.0 as amount,
               timestamp '2025-01-01' + interval (i % 500000) minute as updated_at
        from range({rows}) t(i)""")


def measure(rows: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of (our rules, the hand-written scan)."""
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(str(Path(folder, "warehouse.duckdb")))
        fill(connection, rows)
        rules = checks()
        names = [row[0] for row in connection.execute("describe staging.customers").fetchall()]
        columns = dict.fromkeys(names, "")

        def ours() -> None:
            verdicts = run_scan(
                lambda sql: connection.execute(sql).fetchall(), rules, "duckdb", columns
            )
            assert all(verdict.passed for verdict in verdicts), verdicts

        def theirs() -> None:
            connection.execute(HAND_WRITTEN).fetchall()

        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        for turn in range(rounds + 1):
            for name, run in (("ours", ours), ("theirs", theirs)):
                start = time.perf_counter()
                run()
                if turn:  # the first turn warms the file's pages
                    times[name].append(time.perf_counter() - start)
        connection.close()
    return statistics.median(times["ours"]), statistics.median(times["theirs"])


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    ours, theirs = measure(options.rows, options.rounds)
    ratio = ours / theirs
    verdict = "within" if ratio <= LIMIT else "OVER"
    print(
        f"scan: 12 rules over one hand-written scan, {options.rows:,} rows: {ratio:.2f} "
        f"({ours:.3f} s / {theirs:.3f} s), {verdict} the limit of {LIMIT}"
    )


if __name__ == "__main__":
    main()
