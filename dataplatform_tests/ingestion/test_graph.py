"""Declared files as assets, with nothing running."""

from __future__ import annotations

from dagster import AssetKey, Definitions

from dataplatform.declarations.project import Project
from dataplatform.ingestion.defs import build_definitions
from dataplatform.resources.defs import build_resources


def graph(project: Project):
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


def test_every_raw_table_has_a_gate_on_its_columns(project: Project) -> None:
    checks = graph(project).asset_graph.asset_check_keys
    assert {(key.asset_key.to_user_string(), key.name) for key in checks} == {
        ("raw_site/users", "declared_columns"),
        ("raw_shop_public/orders", "declared_columns"),
        ("raw_shop_public/order_items", "declared_columns"),
    }


def test_the_sensor_is_there(project: Project) -> None:
    assert [sensor.name for sensor in graph(project).sensor_defs] == ["fivetran_syncs"]
