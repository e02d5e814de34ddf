"""Real servers for the service's tests: PostgreSQL, an S3 server, and the service itself."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi.testclient import TestClient

from dataplatform.local.fivetran.app import create_app
from dataplatform_tests.child_server import child, free_port

KEY, SECRET = "key", "secret"
_numbers = itertools.count()


@contextmanager
def serve(kind: Any, **more: Any) -> Iterator[Any]:
    """Run one of the local servers in a folder of its own."""
    # Not pytest's own folder: PostgreSQL runs as a user who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    server = kind(kind.__name__.lower(), folder, free_port(), kind.make_credentials(), **more)
    try:
        with child(server):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, Any]]:
    """A PostgreSQL server, as the settings of a connection."""
    from dataplatform.local.postgres import Postgres

    with serve(Postgres) as server:
        record = server.record()
        yield {key: record[key] for key in ("host", "port", "user", "password", "database")}


@pytest.fixture
def source(postgres: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """An open connection to a database that holds nothing but what the test makes."""
    with psycopg.connect(dsn(postgres), autocommit=True) as connection:
        names = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' "
            "AND nspname <> 'information_schema'"
        ).fetchall()
        for (name,) in names:
            quoted = psycopg.sql.Identifier(name).as_string(connection)
            connection.execute(f"DROP SCHEMA {quoted} CASCADE")
        connection.execute("CREATE SCHEMA public")
        yield connection


def dsn(settings: dict[str, Any]) -> str:
    named = {**settings, "dbname": settings["database"]}
    del named["database"]
    return psycopg.conninfo.make_conninfo("", **named)


class Service:
    """The service as a process, and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", auth=(KEY, SECRET), timeout=60
        )
        self.group = ""

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dataplatform.local.fivetran",
             "--state", str(self.folder / "state"), "--port", str(self.port)],
            env={**os.environ, "FIVETRAN_API_KEY": KEY, "FIVETRAN_API_SECRET": SECRET},
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                assert self.client.get("/health").status_code == 200
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the service did not start"
                time.sleep(0.05)

    def stop(self, sign: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait(30)
            self.process = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, f"/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json().get("data")

    def set_up(self) -> None:
        self.group = self.call("POST", "/groups", {"name": f"test_{next(_numbers)}"})["id"]
        config = {"path": str(self.warehouse)}
        self.call(
            "POST",
            "/destinations",
            {"group_id": self.group, "service": "duckdb", "config": config},
        )

    def connect(self, service: str, config: dict[str, Any], **more: Any) -> str:
        body = {
            "group_id": self.group,
            "service": service,
            "schedule_type": "manual",
            "config": config,
            **more,
        }
        return str(self.call("POST", "/connections", body)["id"])

    def details(self, connection: str) -> Any:
        return self.call("GET", f"/connections/{connection}")

    def wait(self, connection: str) -> Any:
        deadline = time.monotonic() + 120
        while self.details(connection)["status"]["sync_state"] == "syncing":
            assert time.monotonic() < deadline, "the sync did not end"
            time.sleep(0.02)
        return self.call("GET", f"/local/connections/{connection}/syncs")["items"][0]

    def sync(self, connection: str) -> Any:
        """Sync and return the record of the sync, tables by name."""
        self.call("POST", f"/connections/{connection}/sync", {"force": False})
        record = self.wait(connection)
        record["by_table"] = {
            t["table"]: (t["inserted"], t["updated"], t["deleted"]) for t in record["tables"]
        }
        return record

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        from dataplatform.duckdb_file import open_duckdb

        with open_duckdb(self.warehouse, purpose="test") as engine:
            return engine.execute(sql).fetchall()


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("fivetran"))
    running.start()
    try:
        yield running
    finally:
        running.stop()
        running.client.close()


@pytest.fixture
def service(shared_service: Service, tmp_path: Path) -> Service:
    """The service, with a group and a DuckDB destination of the test's own."""
    shared_service.warehouse = tmp_path / "warehouse.duckdb"
    shared_service.set_up()
    return shared_service


@pytest.fixture
def production(service: Service, postgres: dict[str, Any]) -> Callable[..., str]:
    """Makes the connection to the test's database."""

    def make(**more: Any) -> str:
        return service.connect("postgres", {**postgres, "schema_prefix": "raw"}, **more)

    return make


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "state", "k", "s")) as running:
        running.auth = ("k", "s")
        yield running


@pytest.fixture
def group(client: TestClient) -> str:
    return str(client.post("/v1/groups", json={"name": "local"}).json()["data"]["id"])


def connection_body(group: str, **more: Any) -> dict[str, Any]:
    config = {
        "schema_prefix": "raw",
        "host": "127.0.0.1",
        "port": 1,
        "user": "u",
        "password": "pass-word",
        "database": "d",
    }
    return {"group_id": group, "service": "postgres", "config": config, **more}


@pytest.fixture
def connection(client: TestClient, group: str) -> str:
    body = connection_body(group, run_setup_tests=False)
    return str(client.post("/v1/connections", json=body).json()["data"]["id"])
