"""The real daemon: a failed pipeline is told and tried again, a reported sync is followed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, DagsterRunStatus

from dataplatform.runtime.home import open_instance
from dataplatform_tests.runtime.dev_server import Server, prepare_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

GRAPH = """
from pathlib import Path
from types import SimpleNamespace
import dagster as dg
from dataplatform.automation.defs import build_definitions

from dataplatform.declarations.pipeline import Pipeline, Retries

@dg.asset(key=["raw", "orders"])
def orders():
    pass

@dg.asset(key=["staging", "orders"], deps=[orders], owners=["team:sales"])
def staged():
    if not Path("well").exists():
        raise dg.Failure("the column is gone")

class Environment(SimpleNamespace):
    def resolve(self, text):
        return text

project = SimpleNamespace(
    pipelines=(Pipeline(
        name="daily", file=Path("config/pipelines/daily.yml"), description="All.", selection="*",
        cron=None, timezone="UTC", retries=Retries(max=1, delay_minutes=0),
        notify=["webhook"], owner="team:data"),),
    environment=Environment(
        file="local.yml", dagster_url="http://dagster",
        notifications=SimpleNamespace(smtp=None, webhook_url=Path("hook").read_text())),
)
defs = build_definitions(project, dg.Definitions(assets=[orders, staged]))
"""


@pytest.fixture
def posts(tmp_path: Path) -> Iterator[list[Any]]:
    found: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "hook").write_text(f"http://127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(tmp_path: Path, posts: list[Any]) -> Iterator[Server]:
    (tmp_path / "small_pipelines.py").write_text(GRAPH)
    prepare_folder(tmp_path, "small_pipelines")
    found = Server(tmp_path)
    yield found
    found.stop()


def _ticked(instance: DagsterInstance) -> bool:
    """Whether every sensor has looked once: what was before their first look is no news."""
    states = {state.name: state for state in instance.all_instigator_state()}
    data = [states[name].instigator_data for name in ("automation", "notify_failures")]
    return all(getattr(one, "last_tick_timestamp", None) for one in data)


def test_retry_notice_and_condition(server: Server, tmp_path: Path, posts: list[Any]) -> None:
    server.wait_until_warm()
    with open_instance(SimpleNamespace(state=tmp_path / ".dataplatform")) as instance:  # type: ignore[arg-type]
        server.until(lambda: _quietly(lambda: _ticked(instance)), 120)

        failed = server.launch("daily")
        server.until(lambda: _status(instance, failed) == DagsterRunStatus.FAILURE, 60)
        (tmp_path / "well").touch()

        # The retry: only what failed, linked to its parent.
        retry = server.until(lambda: _child(instance, failed), 90)
        server.until(lambda: _status(instance, retry) == DagsterRunStatus.SUCCESS, 60)
        run = instance.get_run_by_id(retry)
        assert run is not None
        assert run.asset_selection == {AssetKey(["staging", "orders"])}
        assert run.tags["dagster/root_run_id"] == failed

        # The notice.
        server.until(lambda: posts, 90)
        assert posts[0]["blocks"][0]["text"]["text"] == "Pipeline daily failed"
        assert "the column is gone" in json.dumps(posts[0])

        # A sync that finished outside runs what reads it.
        instance.report_runless_asset_event(AssetMaterialization(AssetKey(["raw", "orders"])))
        server.until(lambda: _automated(instance), 120)
        # And nothing was done twice.
        assert len([run for run in instance.get_runs() if run.job_name == "daily"]) == 2
        assert len(posts) == 1


def _quietly(look: Any) -> Any:
    try:
        return look()
    except KeyError:
        return None


def _status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _child(instance: DagsterInstance, run_id: str) -> str | None:
    for run in instance.get_runs():
        if run.tags.get("dagster/parent_run_id") == run_id:
            return run.run_id
    return None


def _automated(instance: DagsterInstance) -> bool:
    return any(
        run.tags.get("dataplatform/automation") == "condition"
        and run.asset_selection == {AssetKey(["staging", "orders"])}
        and run.status == DagsterRunStatus.SUCCESS
        for run in instance.get_runs()
    )
