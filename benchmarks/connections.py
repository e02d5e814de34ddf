"""How long a plan takes, and how much longer the graph loads, with many declared connections.

``python -m benchmarks.connections`` makes a project of 500 connections with 10,000 tables beside
the repository's own, and a local service that holds them as declared, and prints

- the seconds of ``dataplatform connections plan`` (aiming at 10), in a process of its own, and of
  its parts;
- loading the big graph over loading the small one (at most 2), in turns, and beside it the same
  tables as bare Dagster assets with the same checks, without files, metadata or anything else: what
  Dagster's decorators alone cost.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.targets import Targets
from dataplatform_tests.child_server import free_port

REPOSITORY = Path(__file__).resolve().parents[1]
CONNECTIONS, TABLES = 500, 10_000
PLAN_SECONDS, LOAD_RATIO = 10.0, 2.0
KEY, SECRET = "key", "secret"
COLUMNS = {
    "id": "bigint",
    "name": "string",
    "amount": "decimal(12,2)",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
_LOAD = "from dataplatform.definitions import defs; defs.get_repository_def()"
_BARE = """
import gc, sys
gc.disable()
import dagster as dg, dagster_fivetran
connections, tables = int(sys.argv[1]), int(sys.argv[2])
steps, keys = [], []
for number in range(connections):
    mine = [
        dg.AssetKey([f"bench{number:04}_public", f"table_{index:03}"])
        for index in range(tables // connections)
    ]
    keys += mine
    @dg.multi_asset(
        name=f"sync_{number}",
        specs=[dg.AssetSpec(key) for key in mine],
        check_specs=[dg.AssetCheckSpec("columns", asset=key) for key in mine],
    )
    def sync(context):
        yield
    steps.append(sync)
specs = [dg.AssetCheckSpec("drift", asset=key) for key in keys[:: tables // connections]]
@dg.multi_asset_check(specs=specs, can_subset=True)
def drift(context):
    yield
dg.Definitions(assets=steps, asset_checks=[drift]).get_repository_def()
"""
_PARTS = """
import time
begun = time.perf_counter()
import gc
gc.disable()  # as the command does
from dataplatform.declarations.project import open_project
from dataplatform.ingestion.account.plan import Account
from dataplatform.ingestion.apply import make_plan
from dataplatform.resources.fivetran.workspace import open_client
imported = time.perf_counter()
project = open_project()
tables = sum(len(one.tables) for one in project.connections)
read = time.perf_counter()
plan = make_plan(Account(project, open_client(project)))
made = time.perf_counter()
assert not plan.pending, plan.pending[:3]
print(f"{imported - begun:.2f} {read - imported:.2f} {made - read:.2f} {tables}")
"""


def project_folder(folder: Path, connections: int, tables: int) -> Path:
    """Copy the repository's project, with so many more connections and tables."""
    for part in ("config", "dbt_project"):
        shutil.copytree(REPOSITORY / part, folder / part)
    for number in range(connections):
        path = folder / "config" / "connections" / f"bench{number:04}.yml"
        path.write_text(_file(number, tables // connections), encoding="utf-8")
    return folder


def _file(number: int, tables: int) -> str:
    columns = "".join(f"      {name}: {kind}\n" for name, kind in COLUMNS.items())
    return (
        f"service: postgres\nprefix: bench{number:04}\ndescription: One of many.\n"
        "owner: team:data\nsync_frequency: 60\npaused: true\n"
        f"config:\n  host: db{number}\n  port: 5432\n  user: u\n  password: p\n  database: d\n"
        "tables:\n"
        + "".join(
            f"  public.table_{index:03}:\n    description: Rows.\n    primary_key: [id]\n"
            f"    columns:\n{columns}"
            for index in range(tables)
        )
    )


def fill(state: Path, connections: int, tables: int, warehouse: Path) -> None:
    """Write an account that holds the connections as declared into a service's state."""
    from dataplatform.local.fivetran.connection_document import new_connection
    from dataplatform.local.fivetran.store import Store, now

    store = Store(state)
    store.put("group", {"id": "bench_group", "name": "bench", "created_at": now()})
    for number in range(connections):
        config: dict[str, Any] = {
            "schema_prefix": f"bench{number:04}", "host": f"db{number}", "port": 5432,
            "user": "u", "password": "p", "database": "d",
        }  # fmt: skip
        held = new_connection(
            {"group_id": "bench_group", "service": "postgres", "config": config, "paused": True,
             "sync_frequency": 60}
        )  # fmt: skip
        held |= {
            "setup_state": "connected",
            "schema_config": {
                "schema_change_handling": "ALLOW_COLUMNS",
                "schemas": {
                    "public": {
                        "name_in_destination": f"bench{number:04}_public",
                        "enabled": True,
                        "tables": {
                            f"table_{index:03}": _table(f"table_{index:03}")
                            for index in range(tables // connections)
                        },
                    }
                },
            },
        }
        store.put("connection", held)
    store.close()


def _table(name: str) -> dict[str, Any]:
    allowed = {"enabled": True, "enabled_patch_settings": {"allowed": True}}
    return {
        **allowed,
        "name_in_destination": name,
        "sync_mode": "SOFT_DELETE",
        "columns": {
            column: {**allowed, "name_in_destination": column, "hashed": False,
                     "is_primary_key": column == "id"}
            for column in COLUMNS
        },
    }  # fmt: skip


@contextmanager
def service(state: Path) -> Iterator[str]:
    """Run the local service on a state folder and yield its address."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "dataplatform.local.fivetran", "--state", str(state),
         "--port", str(port)],
        env={**os.environ, "FIVETRAN_API_KEY": KEY, "FIVETRAN_API_SECRET": SECRET},
        cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError("the local service did not start") from None
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def point_at(project: Path, url: str) -> None:
    """Write an environment ``bench`` whose account is the service."""
    folder = project / "config" / "environments"
    # The demo's own connections are not in this account.
    for path in (project / "config" / "connections").glob("*.yml"):
        if not path.stem.startswith("bench"):
            path.unlink()
    for other in ("contracts", "pipelines", "extracts"):
        shutil.rmtree(project / "config" / other, ignore_errors=True)
    (folder / "bench.yml").write_text(
        "warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}\n"
        f"fivetran:\n  api_url: {url}\n  api_key: {KEY}\n  api_secret: {SECRET}\n"
        "  group: bench\n  destination: {service: duckdb, config: {path: /nowhere.duckdb}}\n"
        "lake:\n  endpoint: http://127.0.0.1:9\n  region: us-east-1\n  access_key: a\n"
        "  secret_key: s\n  buckets: {raw: raw, staging: staging, curated: curated}\n",
        encoding="utf-8",
    )


def give_destination(url: str) -> None:
    """Give the service's group its destination, so that nothing is left to plan."""
    import base64
    import json

    token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    body = {
        "group_id": "bench_group", "service": "duckdb", "region": "EU", "time_zone_offset": "0",
        "config": {"path": "/nowhere.duckdb"}, "run_setup_tests": False,
    }  # fmt: skip
    request = urllib.request.Request(
        f"{url}/v1/destinations",
        json.dumps(body).encode(),
        {"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).close()


def _run(code: list[str], project: Path, environment: str = "local") -> tuple[float, str]:
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", *code],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "DATAPLATFORM_PROJECT": str(project), "DATAPLATFORM_ENV": environment},
    )  # fmt: skip
    if ran.returncode:
        raise RuntimeError((ran.stdout + ran.stderr)[-3000:])
    return time.perf_counter() - started, ran.stdout


def measure_plan(told: Targets, connections: int, tables: int, rounds: int) -> None:
    """Print the seconds of an empty plan."""
    with tempfile.TemporaryDirectory(prefix="bench-connections-") as name:
        folder = Path(name)
        project = project_folder(folder / "project", connections, tables)
        fill(folder / "state", connections, tables, folder / "warehouse.duckdb")
        with service(folder / "state") as url:
            point_at(project, url)
            give_destination(url)
            verb = "from dataplatform.cli.main import app; app(['connections', 'plan'])"
            whole = [_run(["-c", verb], project, "bench")[0] for _ in range(rounds)]
            imported, read, compared, counted = _run(["-c", _PARTS], project, "bench")[1].split()
    seconds = statistics.median(whole)
    print(f"plan of {connections} connections, {counted} tables:")
    told.at_most("plan_seconds", seconds, PLAN_SECONDS, digits=1)
    told.reported("plan_seconds_imports", float(imported))
    told.reported("plan_seconds_reading_files", float(read))
    told.reported("plan_seconds_reading_and_comparing_the_account", float(compared))


def measure_load(told: Targets, connections: int, tables: int, rounds: int) -> None:
    """Print the ratio of loading the big graph to loading the small one."""
    with tempfile.TemporaryDirectory(prefix="bench-connections-") as name:
        small = project_folder(Path(name) / "small", 1, 0)
        (small / "config" / "connections" / "bench0000.yml").unlink()
        big = project_folder(Path(name) / "big", connections, tables)
        for project in (small, big):
            _run(["-c", _LOAD], project)
        bare: list[float] = []
        times: dict[Path, list[float]] = {small: [], big: []}
        for _ in range(rounds):
            for project, found in times.items():
                found.append(_run(["-c", _LOAD], project)[0])
            bare.append(_run(["-c", _BARE, str(connections), str(tables)], small)[0])
    one, other = statistics.median(times[small]), statistics.median(times[big])
    ratio = other / one
    print(f"loading the graph, small and with {connections} connections and {tables} more tables:")
    told.at_most("load_ratio", ratio, LOAD_RATIO)
    told.reported("load_seconds_small", one)
    told.reported("load_seconds_big", other)
    told.reported("load_seconds_bare_assets_and_checks", statistics.median(bare))


def main() -> None:
    """Measure what is asked for; both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-load", action="store_true")
    parser.add_argument("--skip-plan", action="store_true")
    chosen = parser.parse_args()
    size = (chosen.connections, chosen.tables, chosen.rounds)
    told = Targets("connections")
    if not chosen.skip_plan:
        measure_plan(told, *size)
    if not chosen.skip_load:
        measure_load(told, *size)
    raise SystemExit(told.code)


if __name__ == "__main__":
    main()
