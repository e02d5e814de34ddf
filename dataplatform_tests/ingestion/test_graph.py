"""Declared files as assets, with nothing running."""

from __future__ import annotations

from typing import Any

from dagster import AssetKey, Definitions

from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.account.settings import declared_settings
from dataplatform.ingestion.defs import build_definitions
from dataplatform.resources.defs import build_resources


def graph(project: Project) -> Any:
    merged = Definitions.merge(
        build_definitions(project), Definitions(resources=build_resources(project))
    )
    return merged.get_repository_def()


def test_keys_follow_fivetrans_naming_and_extracts_come_first(project: Project) -> None:
    assets = graph(project).asset_graph
    keys = {key.to_user_string() for key in assets.get_all_asset_keys()}
    assert keys == {
        "lake_raw/site_users",
        "raw_site/users",
        "raw_shop_public/orders",
        "raw_shop_public/order_items",
    }
    parents = assets.get(AssetKey(["raw_site", "users"])).parent_keys
    assert parents == {AssetKey(["lake_raw", "site_users"])}


def test_an_asset_shows_what_is_declared(project: Project) -> None:
    repository = graph(project)
    key = AssetKey(["raw_shop_public", "orders"])
    definition = repository.assets_defs_by_key[key]
    spec = definition.specs_by_key[key]
    assert definition.op.name == "sync_shop"
    assert spec.owners == ["team:shop"] and spec.kinds == {"fivetran", "postgres"}
    assert spec.group_name == "raw_shop_public" and spec.tags["layer"] == "raw"
    assert spec.freshness_policy is not None
    schema = spec.metadata["dagster/column_schema"]
    assert {column.name: column.type for column in schema.columns} == {
        "order_id": "bigint",
        "amount": "decimal(12,2)",
    }
    assert spec.metadata["dagster-fivetran/connector_id"] == "shop"
    assert not spec.skippable or not definition.can_subset


def test_raw_tables_have_a_gate_on_columns_and_connections_a_check_of_the_account(
    project: Project,
) -> None:
    checks = graph(project).asset_graph.asset_check_keys
    assert {(key.asset_key.to_user_string(), key.name) for key in checks} == {
        ("raw_site/users", "declared_columns"),
        ("raw_site/users", "account_as_declared"),
        ("raw_shop_public/orders", "declared_columns"),
        ("raw_shop_public/orders", "account_as_declared"),
        ("raw_shop_public/order_items", "declared_columns"),
    }


def test_a_declared_cron_is_a_schedule_of_a_job_of_its_own(project: Project) -> None:
    path = project.config / "connections" / "shop.yml"
    text = path.read_text(encoding="utf-8")
    clock = "schedule: {cron: '5 7 * * *', timezone: Europe/Berlin}"
    path.write_text(text.replace("sync_frequency: 60", clock), encoding="utf-8")
    edited = open_project(project.root)
    shop = next(one for one in edited.connections if one.name == "shop")
    assert declared_settings(shop) == {"schedule_type": "manual"}
    repository = graph(edited)
    [schedule] = [one for one in repository.schedule_defs if one.job_name == "connection_shop"]
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("5 7 * * *", "Europe/Berlin")
    job = repository.get_job("connection_shop")
    assert {key.path[0] for key in job.asset_layer.executable_asset_keys} == {"raw_shop_public"}
    assert [node.name for node in job.nodes] == ["sync_shop"]


def test_the_sensor_is_there(project: Project) -> None:
    assert [sensor.name for sensor in graph(project).sensor_defs] == ["fivetran_syncs"]
