"""A declared sheet: applied, synced into a raw asset, and settled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dagster import AssetKey, DagsterInstance, Definitions

from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.apply import apply_connections, plan_connections
from dataplatform.ingestion.defs import build_definitions
from dataplatform.resources.defs import build_resources
from dataplatform.resources.project import declared_project
from dataplatform_tests.child_server import free_port
from dataplatform_tests.resources.local_servers import served_project

pytestmark = pytest.mark.slow

PRICES = """
service: google_sheets
schema: raw_prices
description: Prices that the buyers keep by hand.
owner: team:buying
config:
  endpoint: {endpoint}
  sheet_id: book
  named_range: prices
  table: prices
  secret_key: ${{PRICES_ACCOUNT}}
tables:
  prices:
    primary_key: [_row]
    columns: {{_row: bigint, product: string, unit_price: double}}
"""


@pytest.fixture
def sheets(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    module = "dataplatform.local.sources.sheets"
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--state", str(tmp_path), "--port", str(port)],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{address}/health").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_a_declared_sheet_becomes_a_raw_asset(
    sheets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = {
        "sheets": {"Prices": [["product", "Unit price"], ["apple", 1.5], ["pear", "#N/A"]]},
        "named_ranges": {"prices": "Prices!A:B"},
        "shared_with": ["reader@local.iam.gserviceaccount.com"],
    }
    (tmp_path / "book.json").write_text(json.dumps(book))
    account = (tmp_path / "service_account.json").read_text()
    monkeypatch.setenv("PRICES_ACCOUNT", account)
    files = {"connections/prices.yml": PRICES.format(endpoint=sheets)}
    with served_project(["fivetran"], files) as project, DagsterInstance.ephemeral() as instance:
        apply_connections(project)
        assert plan_connections(project) == []
        found = materialized(project, instance)
        assert found["dagster/row_count"].value == 1
        assert found["dataplatform/rows_quarantined"].value == 1
        assert plan_connections(project) == []


def materialized(project: Project, instance: DagsterInstance) -> dict[str, object]:
    declared_project.cache_clear()
    project = open_project(project.root)
    definitions = Definitions.merge(
        build_definitions(project), Definitions(resources=build_resources(project))
    )
    result = definitions.get_implicit_global_asset_job_def().execute_in_process(instance=instance)
    assert all(verdict.passed for verdict in result.get_asset_check_evaluations())
    (event,) = [
        one
        for one in result.get_asset_materialization_events()
        if one.asset_key == AssetKey(["raw_prices", "prices"])
    ]
    return dict(event.materialization.metadata)
