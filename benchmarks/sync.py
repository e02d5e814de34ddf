"""How fast a first sync from PostgreSQL is, beside the bare tools it stands on.

``python -m benchmarks.sync`` loads a table of 1,000,000 rows and 10 columns into a temporary
PostgreSQL server and moves it, in turns, by

- the Fivetran-compatible service, from the request to the committed sync, its own columns included;
- the bare DuckDB extension: ``CREATE TABLE AS SELECT * FROM postgres_scan(...)`` into a new file;
- ``COPY ... TO STDOUT`` through psycopg, thrown away.

Each side's middle round counts: the service must keep 0.9 of the extension's speed and 0.6 of
COPY's, with its process under 1 GB. A first round warms the server's cache and is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import psycopg

from dataplatform.duckdb_file import load_extension
from dataplatform.local.ports import HOST
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Fivetran, Server

DUCKDB_TARGET = 0.90
COPY_TARGET = 0.60
MEMORY_TARGET = 1_000_000_000
_TABLE = """
CREATE TABLE measured AS
SELECT i::bigint AS id, 'customer ' || i AS name, md5(i::text) AS digest,
       ((i::bigint * 7919) % 100000 / 100.0)::numeric(14,2) AS amount, (i % 5)::int AS kind,
       sqrt(i) AS score, i % 2 = 0 AS flag,
       timestamptz '2025-01-01' + i * interval '1 second' AS created_at,
       date '2025-01-01' + (i % 365)::int AS day,
       CASE WHEN i % 3 > 0 THEN 'note ' || i END AS note
FROM generate_series(1, %s) i
"""


@contextmanager
def _running(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    server.prepare()
    process = subprocess.Popen(
        server.command(),
        env=server.environment(),
        user=server.system_user(),
        group=server.system_user(),
        extra_groups=[] if server.system_user() else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        deadline = time.monotonic() + server.patience
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The server {server.name} did not start.")
            time.sleep(0.1)
        server.after_start()
        yield process
    finally:
        process.send_signal(server.stop_signal)
        process.wait(30)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class _Service:
    """The service, and one fresh connection and warehouse for every round."""

    def __init__(self, port: int, credentials: dict[str, str], folder: Path) -> None:
        auth = (credentials["api_key"], credentials["api_secret"])
        self.client = httpx.Client(base_url=f"http://{HOST}:{port}/v1", auth=auth, timeout=600)
        self.folder = folder
        self.round = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json().get("data")

    def prepare(self, source: dict[str, Any]) -> str:
        """Make a group, a warehouse and a connection; return the connection."""
        self.round += 1
        group = self.call("POST", "/groups", {"name": f"round_{self.round}"})["id"]
        path = self.folder / f"synced-{self.round}.duckdb"
        self.call(
            "POST",
            "/destinations",
            {"group_id": group, "service": "duckdb", "config": {"path": str(path)}},
        )
        body = {
            "group_id": group,
            "service": "postgres",
            "schedule_type": "manual",
            "config": {**source, "schema_prefix": "raw"},
        }
        return str(self.call("POST", "/connections", body)["id"])

    def sync(self, connection: str) -> None:
        self.call("POST", f"/connections/{connection}/sync", {"force": False})
        path = f"/connections/{connection}"
        while (details := self.call("GET", path))["status"]["sync_state"] == "syncing":
            time.sleep(0.02)
        if details["failed_at"] is not None:
            raise SystemExit(f"The sync failed: {details['status']['tasks']}")


def _watch_memory(pid: int, stopping: threading.Event, peak: list[int]) -> None:
    process = psutil.Process(pid)
    while not stopping.wait(0.02):
        peak[0] = max(peak[0], process.memory_info().rss)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(rows: int, rounds: int, folder: Path) -> dict[str, float]:
    """Return the medians in seconds of ``service``, ``duckdb`` and ``copy``, and peak ``rss``.

    Args:
        rows: rows of the table that is moved.
        rounds: how often each side is measured.
        folder: where servers and warehouses live meanwhile.
    """
    postgres = Postgres("postgres", folder / "pg", _free_port(), Postgres.make_credentials())
    credentials = Fivetran.make_credentials()
    fivetran = Fivetran("fivetran", folder / "service", _free_port(), credentials)
    with _running(postgres), _running(fivetran) as process:
        record = postgres.record()
        source = {key: record[key] for key in ("host", "port", "user", "password", "database")}
        dsn = psycopg.conninfo.make_conninfo(
            "",
            **{
                **{k: v for k, v in source.items() if k != "database"},
                "dbname": source["database"],
            },
        )
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(_TABLE.replace("%s", str(int(rows))))
            connection.execute("ALTER TABLE measured ADD PRIMARY KEY (id)")
            connection.execute("VACUUM ANALYZE measured")
            connection.execute("CHECKPOINT")
        service = _Service(fivetran.port, credentials, folder)
        stopping, peak = threading.Event(), [0]
        watcher = threading.Thread(target=_watch_memory, args=(process.pid, stopping, peak))
        watcher.start()
        times: dict[str, list[float]] = {"service": [], "duckdb": [], "copy": []}
        for number in range(rounds + 1):
            fresh = service.prepare(source)
            taken = {
                "service": _timed(lambda: service.sync(fresh)),
                "duckdb": _timed(lambda: _bare_extension(dsn, folder / f"bare-{number}.duckdb")),
                "copy": _timed(lambda: _copy(dsn)),
            }
            for name, seconds in taken.items():
                times[name] += [seconds] if number else []
            for file in folder.glob("*.duckdb*"):
                file.unlink()
        stopping.set()
        watcher.join()
    return {**{name: statistics.median(s) for name, s in times.items()}, "rss": peak[0]}


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


def main() -> int:
    """Measure and print ratios; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.setdefault("TZ", "UTC")
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        found = measure(options.rows, options.rounds, Path(folder))
    by_duckdb = found["duckdb"] / found["service"]
    by_copy = found["copy"] / found["service"]
    print(f"sync/first_sync_vs_duckdb {by_duckdb:.2f} (target >= {DUCKDB_TARGET:.2f})")
    print(f"sync/first_sync_vs_copy {by_copy:.2f} (target >= {COPY_TARGET:.2f})")
    print(f"sync/peak_rss_mb {found['rss'] / 1e6:.0f} (target < {MEMORY_TARGET / 1e6:.0f})")
    print(
        f"sync/seconds service {found['service']:.2f} duckdb {found['duckdb']:.2f} "
        f"copy {found['copy']:.2f}"
    )
    met = by_duckdb >= DUCKDB_TARGET and by_copy >= COPY_TARGET and found["rss"] < MEMORY_TARGET
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
