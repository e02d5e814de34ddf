"""Cost on DuckDB: from what runs recorded to the command, the check and the assets' metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetCheckSeverity, AssetMaterialization, DagsterInstance
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.cost.defs import build_definitions, placed_budgets, record_costs
from dataplatform.cost.gather import gather
from dataplatform.declarations.project import Project
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.cost_metadata import MONEY
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.runtime.home import open_instance
from dataplatform_tests.servers import copy_project

#: dbt parses the copied project once.
pytestmark = pytest.mark.slow

ORDERS = Relation("candidate", "fact_orders")
DIM = Relation("candidate", "dim_customers")
STAGED = Relation("staging", "stg_customers")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATAPLATFORM_ENV", raising=False)
        found = copy_project(tmp_path_factory.mktemp("cost") / "project")
        patch.setenv("DATAPLATFORM_PROJECT", str(found.root))
        with open_warehouse(found.environment, found).session("a test") as session:
            session.execute("create schema candidate")
            session.execute(
                "create table candidate.fact_orders as "
                "select i, md5(i::varchar) as t from range(200000) r(i)"
            )
            session.execute("checkpoint")
        with open_instance(found) as instance:
            for relation, seconds in ((ORDERS, 7200.0), (ORDERS, 3600.0), (STAGED, 60.0)):
                # Ten processor seconds of each second: eleven cores were busy at times.
                metadata = {"seconds": seconds / 10, "processor_seconds": seconds}
                event = AssetMaterialization(asset_key(relation), metadata=metadata)
                instance.report_runless_asset_event(event)
            # A build of which only the length is known counts as one core's.
            event = AssetMaterialization(asset_key(DIM), metadata={"seconds": 30.0})
            instance.report_runless_asset_event(event)
            # What is no build of a known length costs nothing.
            instance.report_runless_asset_event(AssetMaterialization(asset_key(ORDERS)))
        yield found


@pytest.fixture
def instance(project: Project) -> Iterator[DagsterInstance]:
    with open_instance(project) as found:
        yield found


def test_builds_are_priced_and_tables_weighed(project: Project, instance: DagsterInstance) -> None:
    ledger = gather(project, instance, 7)
    found = {one.name: one for one in ledger.by("asset")}
    orders = found[str(ORDERS)]
    # Without a run of its own each event is one of no run: the longest of them counts.
    assert (orders.amount, orders.owner) == (7200.0, "sales-data@example.com")
    assert orders.stored is not None and orders.stored > 1_000_000
    assert orders.money == pytest.approx(0.8, abs=0.001)
    assert (found[str(STAGED)].amount, found[str(STAGED)].seconds) == (60.0, 6.0)
    assert found[str(DIM)].amount == 30.0
    assert ledger.last == datetime.now(UTC).date()


def test_the_command_prints_a_table_json_and_a_page(project: Project, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["cost", "--days", "7"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "candidate.fact_orders" in shown.output and "2.0 h CPU" in shown.output
    assert "everything is within its budget" in shown.output
    page = tmp_path / "cost.html"
    asked = ["cost", "--by", "owner", "--json", "--html", str(page)]
    said = json.loads(CliRunner().invoke(app, asked, catch_exceptions=False).stdout)
    assert said["unit"] == "seconds" and said["currency"] == "EUR"
    assert said["rows"][0]["name"] == "sales-data@example.com"
    assert [one["state"] for one in said["budgets"]] == ["kept", "kept", "kept"]
    assert "By owner" in page.read_text(encoding="utf-8")


def test_an_exceeded_budget_fails_the_command_and_the_check(
    project: Project, instance: DagsterInstance
) -> None:
    path = project.config / "budgets.yml"
    before = path.read_text(encoding="utf-8")
    text = before.replace("    monthly: 100\n    warn_at: 50", "    monthly: 0.5")
    path.write_text(text, encoding="utf-8")
    try:
        shown = CliRunner().invoke(app, ["cost"], catch_exceptions=False)
        assert shown.exit_code == 1
        assert "asset candidate.fact_orders is over its budget: 0.80 of 0.50" in shown.output
        again = Project(project.root)
        assert [len(one) for one in placed_budgets(again).values()] == [2, 1]
        definitions = build_definitions(again)
        job = definitions.resolve_job_def("cost_of_tables")
        result = job.execute_in_process(instance=instance)
        verdicts = {one.asset_key: one for one in result.get_asset_check_evaluations()}
        assert not verdicts[asset_key(ORDERS)].passed
        assert verdicts[asset_key(ORDERS)].severity == AssetCheckSeverity.ERROR
        assert sum(one.passed for one in verdicts.values()) == 1
    finally:
        path.write_text(before, encoding="utf-8")


def test_what_a_model_cost_is_told_by_its_asset(
    project: Project, instance: DagsterInstance
) -> None:
    assert record_costs(instance, project, gather(project, instance, 7)) == 3
    records = instance.fetch_observations(asset_key(ORDERS), limit=1).records
    observed = records[0].asset_observation
    assert observed is not None
    assert observed.metadata[MONEY].value == "0.80 EUR in 7 days"
