"""Days at one company: its runs, its report and Dagster's interface in a browser, its clocks.

The tests follow each other as days do, and each can be run alone: the first run is a fixture.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dataplatform.local import supervisor
from dataplatform.runtime.home import open_instance
from dataplatform_tests.browser import chromium, picture
from dataplatform_tests.end_to_end.company import Company, company
from dataplatform_tests.runtime.dev_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def it() -> Iterator[Company]:
    with company() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def first_run(it: Company) -> str:
    """What the company's first run said."""
    return it.command("run")


@pytest.fixture(scope="module")
def interface(it: Company) -> Iterator[Server]:
    # A clock that ticks every minute, for a pipeline that takes seconds.
    it.edit("config/pipelines/community.yml", r"cron: .*", 'cron: "* * * * *"')
    with it.interface() as server:
        yield server


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1600, "height": 1000})


def _open(page: Page, server: Server, path: str) -> None:
    page.goto(f"http://127.0.0.1:{server.port}{path}")
    skip = page.get_by_text("Skip", exact=True)
    page.wait_for_timeout(1500)
    if skip.count():
        skip.first.click()


def test_a_first_run_builds_what_the_sources_say(it: Company, first_run: str) -> None:
    assert "Green" in first_run.splitlines()[-1]
    assert it.differences() == []
    report = (it.project.state / "report" / "index.html").read_text()
    assert "Every promise is kept" in report
    assert "marts" in it.command("status")

    # The lake holds what was published, and every object is what its name says.
    it.command("storage", "verify")
    listed = it.command("storage", "ls")
    assert "curated" in listed and "dim_customers" in listed


def test_the_report_opens_without_network(it: Company, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((it.project.state / "report" / "index.html").as_uri())
    expect(page.locator("h1")).to_contain_text("Every promise is kept")
    picture(page, "report")
    page.get_by_role("searchbox").fill("dim_customers")
    expect(page.get_by_text("marts.dim_customers").first).to_be_visible()
    expect(page.get_by_text("raw_salesforce.contact").first).not_to_be_visible()
    assert {url.split(":")[0] for url in asked} == {"file"}


def test_a_quiet_day_changes_nothing_and_a_busy_one_all_that_it_must(it: Company) -> None:
    stamps = "select max(_fivetran_synced), count(*) from raw_postgres_public.orders"
    before = it.rows(stamps)
    second = it.command("run")
    assert "Rows synced: none. Models run: none" in second
    assert it.rows(stamps) == before

    it.command("demo", "advance", "--days", "3")
    third = it.command("run")
    assert "Rows synced: none" not in third
    assert it.differences() == []
    deleted = it.rows("select count(*) from raw_postgres_public.orders where _fivetran_deleted")
    assert deleted[0][0] > 0

    # Days built again by hand hold what they held.
    sales = "select * from marts.daily_sales order by all"
    before = it.rows(sales)
    it.command("backfill", "--from", "2025-03-01", "--to", "2025-03-07")
    assert it.rows(sales) == before

    graph = json.loads(it.command("lineage", "marts.dim_customers", "--format", "json"))
    assert "raw_salesforce.contact" in graph["tables"]
    assert "curated.dim_customers" in graph["tables"]


def test_the_interface_shows_the_platform(it: Company, interface: Server, page: Page) -> None:
    _open(page, interface, "/asset-groups")
    for group in ("raw_salesforce", "staging", "candidate", "marts", "curated"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(2500)
    picture(page, "lineage")

    _open(page, interface, "/assets/candidate/dim_customers?view=checks")
    expect(page.get_by_text("customer_id_not_null").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    picture(page, "checks")

    _open(page, interface, "/assets/marts/dim_customers")
    expect(page.get_by_text("Row count").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("lifetime_value_eur").first).to_be_visible()
    page.wait_for_timeout(1500)
    picture(page, "asset")

    _open(page, interface, "/automation")
    for name in ("customers_schedule", "fivetran_syncs", "delayed_retries", "notify_failures"):
        expect(page.get_by_text(name).first).to_be_visible(timeout=30_000)
    picture(page, "automation")


def test_clocks_tick_and_syncs_elsewhere_are_noticed(it: Company, interface: Server) -> None:
    """The daemon runs a schedule; a sync that Fivetran started itself builds what is below it."""
    with open_instance(it.project) as instance:

        def runs(job: str) -> list[Any]:
            return [
                run
                for run in instance.get_runs(limit=50)
                if run.job_name == job and "dagster/schedule_name" in run.tags
            ]

        interface.until(lambda: [r for r in runs("community") if r.is_success], 240)

        # The clock has done its part; what follows must come from the sensor.
        it.command("demo", "advance", "--days", "1")
        before = it.rows("select count(*) from marts.fact_orders")
        _sync_elsewhere(it)
        interface.until(lambda: it.rows("select count(*) from marts.fact_orders") != before, 240)
        made = instance.get_latest_materialization_event(_key("candidate/fact_orders"))
        assert made is not None
        run = instance.get_run_by_id(made.run_id)
        assert run is not None and run.tags.get("dataplatform/automation") == "condition", run


def _key(text: str) -> Any:
    from dagster import AssetKey

    return AssetKey(text.split("/"))


def _sync_elsewhere(it: Company) -> None:
    """Have the account sync by itself, as its own schedule does."""
    import httpx

    found = it.project.environment.resolve_all(
        {name: f"${{local:fivetran.{name}}}" for name in ("url", "api_key", "api_secret")}
    )
    with httpx.Client(
        base_url=found["url"], auth=(found["api_key"], found["api_secret"]), timeout=60
    ) as client:
        items = client.get("/v1/connections").json()["data"]["items"]
        (chosen,) = [one["id"] for one in items if one["service"] == "postgres"]
        before = client.get(f"/v1/connections/{chosen}").json()["data"]["succeeded_at"]
        client.post(f"/v1/connections/{chosen}/sync", json={"force": True}).raise_for_status()
        deadline = time.monotonic() + 120
        while client.get(f"/v1/connections/{chosen}").json()["data"]["succeeded_at"] == before:
            assert time.monotonic() < deadline, supervisor.log_path(it.project, "fivetran")
            time.sleep(0.5)
