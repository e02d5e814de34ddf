"""How fast a first sync from PostgreSQL is, beside the bare tools it stands on.

``python -m benchmarks.sync`` loads a table of 1,000,000 rows and 10 columns into a temporary
PostgreSQL server and moves it, in turns, by

- the Fivetran-compatible service, from the request to the committed sync, its own columns included;
- the bare DuckDB extension: ``CREATE TABLE AS SELECT * FROM postgres_scan(...)`` into a new file;
- ``COPY ... TO STDOUT`` through psycopg, thrown away;
- once, at the end, dlt with its Arrow backend into a DuckDB file, which is only reported.

Each side's middle round counts: the service must keep 0.9 of the extension's speed and 0.6 of
COPY's, with its process under 1 GB. A first round warms the server's cache and is not counted.
``--rows 10000000 --rounds 1`` shows the memory of a large table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb
import psycopg

from benchmarks.servers import MEMORY_TARGET, servers, timed
from benchmarks.targets import Targets
from dataplatform.duckdb_file import load_extension

DUCKDB_TARGET = 0.90
COPY_TARGET = 0.60
COPY_AIM = 0.80


def measure(rows: int, rounds: int, folder: Path, *, with_dlt: bool = True) -> dict[str, float]:
    """Return the medians in seconds of ``service``, ``duckdb`` and ``copy``, and peak ``rss``.

    Args:
        rows: rows of the table that is moved.
        rounds: how often each side is measured.
        folder: where servers and warehouses live meanwhile.
        with_dlt: whether dlt takes its turn as well, as ``dlt``.
    """
    with servers(folder, rows) as bench:
        times: dict[str, list[float]] = {"service": [], "duckdb": [], "copy": []}
        for number in range(rounds + 1):
            fresh = bench.service.prepare(bench.source)
            bare = folder / f"bare-{number}.duckdb"
            taken = {
                "service": timed(lambda: bench.service.sync(fresh)),
                "duckdb": timed(lambda: _bare_extension(bench.dsn, bare)),
                "copy": timed(lambda: _copy(bench.dsn)),
            }
            for name, seconds in taken.items():
                times[name] += [seconds] if number else []
            for file in folder.glob("*.duckdb*"):
                file.unlink()
        if with_dlt:
            times["dlt"] = [timed(lambda: _dlt(bench.source, folder))]
        peak = bench.memory.peak
    return {**{name: statistics.median(s) for name, s in times.items()}, "rss": peak}


def _bare_extension(dsn: str, file: Path) -> None:
    with duckdb.connect(str(file)) as engine:
        load_extension(engine, "postgres_scanner")
        quoted = dsn.replace("'", "''")
        engine.execute(
            f"CREATE TABLE t AS SELECT * FROM postgres_scan('{quoted}', 'public', 'measured')"
        )


def _copy(dsn: str) -> None:
    with (
        psycopg.connect(dsn) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY measured TO STDOUT") as stream,
    ):
        for _ in stream:
            pass


def _dlt(source: dict[str, object], folder: Path) -> None:
    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR")
    import dlt
    from dlt.sources.sql_database import sql_table
    from sqlalchemy.engine import URL

    url = URL.create(
        "postgresql+psycopg2",
        str(source["user"]),
        str(source["password"]),
        str(source["host"]),
        int(str(source["port"])),
        str(source["database"]),
    )
    table = sql_table(
        credentials=url.render_as_string(hide_password=False),
        table="measured",
        backend="pyarrow",
        chunk_size=100_000,
    )
    pipeline = dlt.pipeline(
        "bench_sync",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
    )
    pipeline.run(table)


def main() -> int:
    """Measure and print ratios; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-dlt", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("TZ", "UTC")
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        found = measure(
            options.rows, options.rounds, Path(folder), with_dlt=not options.without_dlt
        )
    told = Targets("sync")
    told.at_least("first_sync_vs_duckdb", found["duckdb"] / found["service"], DUCKDB_TARGET)
    told.at_least("first_sync_vs_copy", found["copy"] / found["service"], COPY_TARGET)
    told.reported("first_sync_vs_copy", found["copy"] / found["service"], aim=f">= {COPY_AIM:.2f}")
    told.at_most("peak_rss_mb", found["rss"] / 1e6, MEMORY_TARGET / 1e6, digits=0)
    for side in ("service", "duckdb", "copy"):
        told.reported(f"seconds_{side}", found[side])
    if "dlt" in found:
        told.reported("first_sync_vs_dlt", found["dlt"] / found["service"])
    return told.code


if __name__ == "__main__":
    sys.exit(main())
