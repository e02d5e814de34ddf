"""From a webhook to a materialisation: at once, once, and only of what the account confirms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    RepositoryDefinition,
    build_sensor_context,
)
from starlette.testclient import TestClient

from dataplatform.declarations.project import open_project
from dataplatform.duckdb_file import open_duckdb
from dataplatform.ingestion.arrivals.defs import ROUND_SECONDS, SPOOL_SECONDS
from dataplatform.ingestion.arrivals.told import AHEAD_SECONDS
from dataplatform.ingestion.defs import build_definitions
from dataplatform.ingestion.webhooks.receiver import PATH, create_app
from dataplatform.ingestion.webhooks.signature import HEADER, sign
from dataplatform.ingestion.webhooks.spool import Spool, spool_of
from dataplatform.resources.defs import build_resources
from dataplatform.resources.project import declared_project
from dataplatform_tests.ingestion import conftest
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted

SECRET = "sesame"
KINDS = {"live_shop": ("postgres", "raw_shop"), "live_site": ("s3", "raw_site")}


@dataclass
class Account:
    """An account with both connections, whose syncs end when a test says so."""

    ended: dict[str, datetime] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def __call__(self, request: Request) -> Answer:
        if self.away:
            return Answer({"code": "Error", "message": "down"}, 400)
        if request.path == "/v1/groups":
            return Answer({"data": {"items": [{"id": "g", "name": "shop"}]}})
        if request.path == "/v1/groups/g/connections":
            return Answer({"data": {"items": [self.record(one) for one in KINDS]}})
        name = request.path.rsplit("/", 1)[-1]
        self.asked.append(name)
        return Answer({"data": self.record(name)})

    def record(self, name: str) -> dict[str, Any]:
        service, schema = KINDS[name]
        ended = self.ended.get(name)
        return {
            "id": name,
            "service": service,
            "schema": schema,
            "group_id": "g",
            "paused": False,
            "succeeded_at": ended.isoformat() if ended else None,
            "failed_at": None,
            "status": {"setup_state": "connected", "sync_state": "scheduled"},
        }


@dataclass
class Platform:
    """The sensor of a small project whose account is scripted."""

    account: Account
    spool: Spool
    instance: DagsterInstance
    repository: RepositoryDefinition
    resources: dict[str, Any]
    root: Path
    cursor: str | None = None
    skipped: str | None = None

    def tick(self) -> list[str]:
        """Evaluate the sensor once, keep what it tells; return the tables it told of."""
        context = build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.repository,
            resources=self.resources,
        )
        found = self.repository.get_sensor_def("fivetran_syncs").evaluate_tick(context)
        self.cursor, self.skipped = found.cursor, found.skip_message
        for event in found.asset_events:
            self.instance.report_runless_asset_event(event)
            assert isinstance(event, AssetMaterialization | AssetCheckEvaluation)
        told = [event for event in found.asset_events if isinstance(event, AssetMaterialization)]
        return sorted(event.asset_key.to_user_string() for event in told)

    def signal(self, name: str, status: str = "SUCCESSFUL", **more: Any) -> None:
        """Receive a signed webhook of a connection's sync_end."""
        service, schema = KINDS.get(name, ("postgres", "elsewhere"))
        body = {
            "event": "sync_end",
            "created": datetime.now(UTC).isoformat(),
            "connector_type": service,
            "connector_id": name,
            "connector_name": schema,
            "destination_group_id": "g",
            "sync_id": str(time.time_ns()),
            "data": {"status": status},
            **more,
        }
        raw = json.dumps(body).encode()
        with TestClient(create_app(SECRET, self.spool)) as web:
            assert web.post(PATH, content=raw, headers={HEADER: sign(SECRET, raw)}).is_success

    def settle(self) -> None:
        """Make a round, so that what follows comes from webhooks alone."""
        self.tick()
        self.account.asked.clear()


SHOP = ["raw_shop_public/order_items", "raw_shop_public/orders"]


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    account = Account()
    with scripted(account) as server:
        environment = conftest.ENVIRONMENT.replace(
            "FIVETRAN_URL: http://127.0.0.1:9", f"FIVETRAN_URL: {server.url}"
        ).replace(
            "  group: shop\n",
            f"  group: shop\n  webhook: {{url: http://127.0.0.1:9/fivetran, secret: {SECRET}}}\n",
        )
        files = {
            "environments/local.yml": environment,
            "connections/shop.yml": conftest.SHOP,
            "connections/site.yml": conftest.SITE,
            "extracts/site.yml": conftest.EXTRACT,
        }
        for name, text in files.items():
            path = tmp_path / "config" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        project = open_project(tmp_path)
        project.state.mkdir()
        with open_duckdb(project.state / "warehouse.duckdb", purpose="a test") as connection:
            connection.execute("CREATE SCHEMA raw_shop_public; CREATE SCHEMA raw_site")
            synced = "_fivetran_synced TIMESTAMP DEFAULT current_timestamp"
            for table in ("orders", "order_items"):
                connection.execute(
                    f"CREATE TABLE raw_shop_public.{table}"
                    f" (order_id BIGINT, amount DECIMAL(12,2), {synced})"
                )
            connection.execute(f"CREATE TABLE raw_site.users (id BIGINT, name VARCHAR, {synced})")
        declared_project.cache_clear()
        resources = build_resources(project)
        definitions = Definitions.merge(
            build_definitions(project), Definitions(resources=resources)
        )
        with DagsterInstance.ephemeral() as instance:
            yield Platform(
                account,
                spool_of(project.state),
                instance,
                definitions.get_repository_def(),
                resources,
                tmp_path,
            )


def test_the_sensor_looks_every_second_where_webhooks_come_in(platform: Platform) -> None:
    sensor = platform.repository.get_sensor_def("fivetran_syncs")
    assert sensor.minimum_interval_seconds == SPOOL_SECONDS == 1


def test_a_webhook_is_told_of_at_once_and_only_its_connection_asked_after(
    platform: Platform,
) -> None:
    platform.settle()
    platform.account.ended["live_shop"] = datetime.now(UTC)
    assert platform.tick() == []
    assert platform.account.asked == []
    platform.signal("live_shop")
    assert platform.tick() == SHOP
    assert platform.account.asked == ["live_shop"]
    assert platform.spool.waiting() == []


def test_what_a_webhook_told_is_never_told_again(platform: Platform) -> None:
    platform.settle()
    platform.account.ended["live_shop"] = datetime.now(UTC)
    platform.signal("live_shop")
    platform.signal("live_shop")
    assert platform.tick() == SHOP
    assert platform.tick() == []
    platform.signal("live_shop")
    assert platform.tick() == []
    # The next round finds the same end, and a lost cursor finds it in Dagster's records.
    platform.cursor = None
    assert platform.tick() == []


def test_a_round_tells_what_no_webhook_told(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.settle()
    platform.account.ended["live_site"] = datetime.now(UTC)
    assert platform.tick() == []
    later = time.time() + ROUND_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert platform.tick() == ["raw_site/users"]
    platform.signal("live_site")
    assert platform.tick() == []
    assert platform.spool.waiting() == []


def test_a_webhook_that_is_ahead_of_the_account_waits_for_it(platform: Platform) -> None:
    platform.settle()
    platform.signal("live_shop")
    assert platform.tick() == []
    assert len(platform.spool.waiting()) == 1
    platform.account.ended["live_shop"] = datetime.now(UTC)
    assert platform.tick() == SHOP
    assert platform.spool.waiting() == []


def test_a_webhook_that_the_account_never_confirms_tells_of_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.settle()
    platform.account.ended["live_shop"] = datetime.now(UTC) - timedelta(hours=2)
    platform.tick()
    platform.signal("live_shop")
    later = time.time() + AHEAD_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    told = platform.tick()
    assert told in ([], SHOP) and platform.spool.waiting() == []
    assert platform.tick() == []


@pytest.mark.parametrize(
    ("name", "status", "event"),
    [
        ("live_shop", "FAILURE_WITH_TASK", "sync_end"),
        ("live_shop", "RESCHEDULED", "sync_end"),
        ("elsewhere", "SUCCESSFUL", "sync_end"),
        ("live_shop", "SUCCESSFUL", "sync_start"),
        ("live_shop", "SUCCESSFUL", "pause_connector"),
    ],
)
def test_what_tells_of_no_rows_is_taken_and_leads_to_nothing(
    platform: Platform, name: str, status: str, event: str
) -> None:
    platform.settle()
    platform.signal(name, status, event=event)
    assert platform.tick() == []
    assert platform.spool.waiting() == []


def test_an_account_that_is_away_is_asked_again_and_said(platform: Platform) -> None:
    platform.settle()
    platform.account.ended["live_shop"] = datetime.now(UTC)
    platform.signal("live_shop")
    platform.account.away = True
    assert platform.tick() == []
    assert platform.skipped and "400 Error: down" in platform.skipped
    platform.account.away = False
    assert platform.tick() == SHOP


def test_a_verdict_on_columns_comes_with_the_rows(platform: Platform) -> None:
    with open_duckdb(
        platform.root / ".dataplatform" / "warehouse.duckdb", purpose="a test"
    ) as connection:
        connection.execute("ALTER TABLE raw_site.users DROP COLUMN name")
    platform.account.ended["live_site"] = datetime.now(UTC)
    assert platform.tick() == ["raw_site/users"]
    key = next(
        key
        for key in platform.repository.asset_graph.asset_check_keys
        if (key.asset_key.to_user_string(), key.name) == ("raw_site/users", "declared_columns")
    )
    record = platform.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    evaluation = record[key].event.dagster_event.event_specific_data
    assert not evaluation.passed and "missing: name" in evaluation.description
