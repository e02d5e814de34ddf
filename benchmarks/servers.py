"""What the benchmarks of syncs share: a PostgreSQL server, the service, and a client of it.

What is measured, and against what, is in ``sync`` and ``cdc``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from dataplatform.local.ports import HOST
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Fivetran
from dataplatform_tests.child_server import child, free_port

#: What the service may hold, however many rows it moves.
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


class Service:
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

    def warehouse(self) -> Path:
        """Return the warehouse of the latest connection."""
        return self.folder / f"synced-{self.round}.duckdb"

    def prepare(self, source: dict[str, Any], **more: Any) -> str:
        """Make a group, a warehouse and a connection; return the connection.

        Args:
            source: where the database is.
            more: further settings of the connection.
        """
        self.round += 1
        group = self.call("POST", "/groups", {"name": f"round_{self.round}"})["id"]
        path = self.warehouse()
        self.call(
            "POST",
            "/destinations",
            {"group_id": group, "service": "duckdb", "config": {"path": str(path)}},
        )
        body = {
            "group_id": group,
            "service": "postgres",
            "schedule_type": "manual",
            "config": {**source, "schema_prefix": "raw", **more},
        }
        return str(self.call("POST", "/connections", body)["id"])

    def sync(self, connection: str) -> None:
        self.call("POST", f"/connections/{connection}/sync", {"force": False})
        path = f"/connections/{connection}"
        while (details := self.call("GET", path))["status"]["sync_state"] == "syncing":
            time.sleep(0.01)
        if details["failed_at"] is not None:
            raise SystemExit(f"The sync failed: {details['status']['tasks']}")


class Memory:
    """The most memory a process has held, watched by a thread."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._process = psutil.Process(pid)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stopping.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Bench:
    """The servers of one benchmark, and where they are."""

    def __init__(self, service: Service, source: dict[str, Any], memory: Memory) -> None:
        self.service = service
        self.source = source
        self.memory = memory
        named = {("dbname" if k == "database" else k): v for k, v in source.items()}
        self.dsn = psycopg.conninfo.make_conninfo("", **named)


@contextmanager
def servers(folder: Path, rows: int) -> Iterator[Bench]:
    """Run PostgreSQL with a table ``measured`` of so many rows and 10 columns, and the service."""
    postgres = Postgres("postgres", folder / "pg", free_port(), Postgres.make_credentials())
    credentials = Fivetran.make_credentials()
    fivetran = Fivetran("fivetran", folder / "service", free_port(), credentials)
    with child(postgres), child(fivetran) as process, Memory(process.pid) as memory:
        record = postgres.record()
        source = {key: record[key] for key in ("host", "port", "user", "password", "database")}
        bench = Bench(Service(fivetran.port, credentials, folder), source, memory)
        with psycopg.connect(bench.dsn, autocommit=True) as connection:
            connection.execute(_TABLE.replace("%s", str(int(rows))))
            connection.execute("ALTER TABLE measured ADD PRIMARY KEY (id)")
            connection.execute("VACUUM ANALYZE measured")
            connection.execute("CHECKPOINT")
        yield bench
