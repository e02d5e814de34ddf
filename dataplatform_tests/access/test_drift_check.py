"""Drift as a daily check: each mart tells of itself, the first of what is about none."""

from __future__ import annotations

import pytest
from dagster import AssetCheckSeverity, DagsterInstance

from dataplatform.access.defs import build_definitions, sorted_by_mart
from dataplatform.access.items import Change, Item
from dataplatform.access.opening import open_engine
from dataplatform.access.plan import carry_out, make_plan
from dataplatform.declarations.project import Project, open_project
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.warehouse import Warehouse

MARTS = [Relation("marts", "a"), Relation("marts", "b")]


def test_differences_are_sorted_by_mart() -> None:
    changes = [
        Change("revoke", Item(("x",), "eve reads marts.b", table="marts.b")),
        Change("grant", Item(("y",), "ada holds analyst")),
        Change("change", Item(("z",), "a view of staging.c", table="staging.c")),
    ]
    assert sorted_by_mart(changes, MARTS) == {
        MARTS[0]: ["ada holds analyst: is missing", "a view of staging.c: is not as declared"],
        MARTS[1]: ["eve reads marts.b: is not declared"],
    }


@pytest.mark.slow
def test_the_check_finds_what_a_hand_made(project: Project, warehouse: Warehouse) -> None:
    engine = open_engine(project)
    carry_out(engine, make_plan(project, engine), allow_revoke=False)
    warehouse.query("create view as_analyst__marts.secrets as from staging.stg_customers", "hand")
    warehouse.query("drop view as_support__marts.fact_orders", "hand")
    job = build_definitions(project).resolve_job_def("access_drift")
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    found = {one.asset_key: one for one in result.get_asset_check_evaluations()}
    assert {one.severity for one in found.values()} == {AssetCheckSeverity.WARN}
    assert {key.path[1] for key, one in found.items() if not one.passed} == {
        "community_engagement",
        "fact_orders",
    }
    told = found[asset_key(Relation("marts", "fact_orders"))].description or ""
    assert "support reads marts.fact_orders" in told and "is missing" in told
    assert found[asset_key(Relation("marts", "daily_sales"))].description == "as declared."


def test_an_environment_made_from_another_compares_no_access(project: Project) -> None:
    declared = project.root / "config/environments/local.yml"
    made = "made: {from: local, how: defer, state: .dataplatform, by: anna,"
    times = "at: 2026-01-01T00:00:00Z, expires: 2026-01-02T00:00:00Z}"
    text = f"{declared.read_text()}\n{made} {times}\n"
    declared.with_name("pr-1.yml").write_text(text, encoding="utf-8")
    new = open_project(project.root, "pr-1")
    assert new.access.file is not None and new.environment.made is not None
    assert not build_definitions(new).asset_checks
