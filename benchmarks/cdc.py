"""What it costs to keep up with PostgreSQL: by its log, and by query.

``python -m benchmarks.cdc`` loads a table of 10,000,000 rows and 10 columns, changes rows in it,
and measures, from the request to the committed sync,

- 1,000 changed rows by the log, and 1,000 changed with 10 deleted ones by query, each beside the
  table's own first load in the same run;
- a backlog of mixed changes by the log, beside the same log read by psycopg2 and thrown away;
- the lag while 1,000 changes a second are written and one sync follows the other: the time from
  the start of one sync to the end of the next, which no change can exceed.

``--rows`` and ``--changes`` make it smaller; the shares of a first load then mean little.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from benchmarks.servers import MEMORY_TARGET, Bench, servers, timed
from benchmarks.targets import Targets
from dataplatform.duckdb_file import open_duckdb
from dataplatform.local.fivetran.services.postgres_slot import Names, drop_slot, number
from dataplatform.local.fivetran.services.postgres_stream import changes, connect

LOG_SHARE = 0.02
QUERY_SHARE = 0.15
CHANGES_A_SECOND = 50_000
LAG_SECONDS = 5.0
CHANGED = 1000
_BARE = Names("bare", "bare")


def _keep_up(
    bench: Bench, connection: psycopg.Connection, rows: int, rounds: int, **more: str
) -> tuple[str, float, float]:
    """Return a connection, the seconds of its first load, and of a sync of few changes."""
    made = bench.service.prepare(bench.source, **more)
    load = timed(lambda: bench.service.sync(made))
    taken = []
    for turn in range(rounds):
        connection.execute(
            "UPDATE measured SET name = 'changed ' || %s WHERE id IN "
            "(SELECT (random() * %s)::bigint FROM generate_series(1, %s))",
            (turn, rows, CHANGED),
        )
        connection.execute(
            "DELETE FROM measured WHERE id IN "
            "(SELECT (random() * %s)::bigint FROM generate_series(1, 10))",
            (rows,),
        )
        taken.append(timed(lambda: bench.service.sync(made)))
    return made, load, statistics.median(taken)


def _write_backlog(connection: psycopg.Connection, rows: int, wanted: int) -> int:
    """Commit transactions of about a thousand mixed changes; return how many changes in all."""
    statements = [
        """INSERT INTO measured SELECT nextval('later'), 'new', md5('x'), 1.5, 1, 0.5, true, now(),
           current_date, 'note' FROM generate_series(1, 300)""",
        f"""UPDATE measured SET amount = amount + 1, note = 'again' WHERE id IN
            (SELECT (random() * {rows})::bigint FROM generate_series(1, 600))""",
        f"""DELETE FROM measured WHERE id IN
            (SELECT (random() * {rows})::bigint FROM generate_series(1, 100))""",
    ]
    written = 0
    while written < wanted:
        written += sum(connection.execute(sql).rowcount for sql in statements)
    return written


def _throw_away(bench: Bench, until: int) -> int:
    return sum(1 for _ in changes(connect(bench.dsn, _BARE), _BARE, 0, until))


def _lag(bench: Bench, made: str, seconds: float) -> float:
    """Return the longest time a change can have waited while a writer keeps its pace."""
    stopping = threading.Event()

    def write() -> None:
        with psycopg.connect(bench.dsn, autocommit=True) as connection:
            due = time.monotonic()
            while not stopping.is_set():
                connection.execute(
                    "UPDATE measured SET score = score + 1 WHERE id IN "
                    "(SELECT id FROM measured ORDER BY id LIMIT 100)"
                )
                due += 0.1
                time.sleep(max(0.0, due - time.monotonic()))

    writer = threading.Thread(target=write)
    writer.start()
    worst = 0.0
    ending = time.monotonic() + seconds
    before = time.monotonic()
    while time.monotonic() < ending:
        started = time.monotonic()
        bench.service.sync(made)
        worst = max(worst, time.monotonic() - before)
        before = started
    stopping.set()
    writer.join()
    bench.service.sync(made)
    return worst


def _assert_equal(bench: Bench, connection: psycopg.Connection, warehouse: Path) -> None:
    sums = "SELECT count(*), sum(id)::bigint, sum(amount)::numeric(38,2)::text FROM "
    there = connection.execute(f"{sums} measured").fetchone()
    with open_duckdb(warehouse, purpose="benchmark") as engine:
        here = engine.execute(
            f"{sums.replace('::text', '::varchar')} raw_public.measured WHERE NOT _fivetran_deleted"
        ).fetchone()
    if here != there:
        raise SystemExit(f"The warehouse holds {here}, the source {there}.")


def measure(rows: int, backlog: int, rounds: int, seconds: float, folder: Path) -> dict[str, float]:
    """Return what was measured, by name.

    Args:
        rows: rows of the table.
        backlog: changes that are applied in one sync.
        rounds: how often a few changes are synced.
        seconds: how long the lag is watched.
        folder: where servers and warehouses live meanwhile.
    """
    found: dict[str, float] = {}
    with (
        servers(folder, rows) as bench,
        psycopg.connect(bench.dsn, autocommit=True) as connection,
    ):
        _, load, few = _keep_up(bench, connection, rows, rounds)
        found |= {"query_load": load, "query_few": few}
        _assert_equal(bench, connection, bench.service.warehouse())
        made, load, few = _keep_up(bench, connection, rows, rounds, update_method="WAL_PGOUTPUT")
        found |= {"log_load": load, "log_few": few}
        connection.execute(f"CREATE SEQUENCE later START {rows + 1}")
        connection.execute("CREATE PUBLICATION bare FOR TABLE measured")
        connection.execute("SELECT pg_create_logical_replication_slot('bare', 'pgoutput')")
        found["written"] = _write_backlog(connection, rows, backlog)
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        until = number(row[0])
        found["apply"] = timed(lambda: bench.service.sync(made))
        found["read"] = timed(lambda: _throw_away(bench, until))
        drop_slot(connection, _BARE.slot)
        found["lag"] = _lag(bench, made, seconds)
        _assert_equal(bench, connection, bench.service.warehouse())
        found["rss"] = bench.memory.peak
    return found


def main() -> int:
    """Measure and print figures against their targets; return 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--changes", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-cdc-") as folder:
        found = measure(
            options.rows, options.changes, options.rounds, options.seconds, Path(folder)
        )
    told = Targets("cdc")
    told.at_most("few_by_log_vs_first_load", found["log_few"] / found["log_load"], LOG_SHARE)
    told.at_most(
        "few_by_query_vs_first_load", found["query_few"] / found["query_load"], QUERY_SHARE
    )
    speed = found["written"] / found["apply"]
    told.at_least("changes_applied_per_second", speed, CHANGES_A_SECOND, digits=0)
    told.at_most("lag_seconds_at_1000_per_second", found["lag"], LAG_SECONDS)
    told.at_most("peak_rss_mb", found["rss"] / 1e6, MEMORY_TARGET / 1e6, digits=0)
    told.reported("applied_vs_read_and_thrown_away", found["read"] / found["apply"])
    told.reported("seconds_first_load_by_log", found["log_load"])
    told.reported("seconds_first_load_by_query", found["query_load"])
    told.reported("seconds_few_by_log", found["log_few"], digits=3)
    told.reported("seconds_few_by_query", found["query_few"], digits=3)
    told.reported("seconds_backlog", found["apply"])
    return told.code


if __name__ == "__main__":
    sys.exit(main())
