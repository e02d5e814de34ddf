"""Marts as Parquet on a real S3 server, and the verification that finds damage."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, materialize
from pyarrow import parquet

from dataplatform.declarations.dbt_project import PublishedMart
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.keys import Relation
from dataplatform.lake.curated import object_key, write_mart
from dataplatform.lake.defs import _curate
from dataplatform.lake.storage import layer_of_text, list_objects, verify
from dataplatform.resources.defs import build_resources
from dataplatform.resources.object_store import ObjectStore, open_object_store
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform_tests.resources.local_servers import served_project

pytestmark = pytest.mark.slow

CANDIDATE, PUBLISHED = Relation("candidate", "sales"), Relation("marts", "sales")
CURATED = AssetKey(["curated", "sales"])


@pytest.fixture(scope="module")
def served() -> Iterator[Project]:
    with served_project(["object_store"]) as project:
        yield project


@pytest.fixture
def store(served: Project) -> ObjectStore:
    opened = open_object_store(served)
    opened.ensure_buckets()
    return opened


@pytest.fixture
def warehouse(served: Project) -> Warehouse:
    opened = open_warehouse(served.environment, served)
    with opened.session("test") as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS candidate")
        session.execute(
            "CREATE OR REPLACE TABLE candidate.sales AS SELECT i AS id FROM range(5) t(i)"
        )
    opened.publish(CANDIDATE, PUBLISHED)
    return opened


def test_a_mart_is_written_once_and_again_when_it_changes(
    warehouse: Warehouse, store: ObjectStore
) -> None:
    first = write_mart(warehouse, store, "sales", "v1")
    assert (first.rows, first.uri) == (5, "s3://curated/sales/data.parquet")
    assert not write_mart(warehouse, store, "sales", "v2").new
    head = store.head("curated", object_key("sales"))
    assert head is not None and head.metadata["version"] == "v2"
    warehouse.query("DELETE FROM candidate.sales WHERE id = 1", "test")
    warehouse.publish(CANDIDATE, PUBLISHED)
    assert write_mart(warehouse, store, "sales", "v3").new
    table = parquet.read_table(io.BytesIO(store.get("curated", object_key("sales"))))
    assert table.column("id").to_pylist() == [0, 2, 3, 4]


def test_the_step_leaves_unchanged_marts_alone(
    served: Project, warehouse: Warehouse, store: ObjectStore
) -> None:
    assets = [_curate([PublishedMart("sales", "Sales.", "team:sales", ())])]
    with DagsterInstance.ephemeral() as instance:

        def run() -> list[AssetKey]:
            result = materialize(assets, instance=instance, resources=build_resources(served))
            events = result.get_asset_materialization_events()
            return [event.materialization.asset_key for event in events]

        def publish(version: str) -> None:
            instance.report_runless_asset_event(
                AssetMaterialization(["marts", "sales"], tags={"dagster/data_version": version})
            )

        publish("a")
        assert run() == [CURATED]
        assert run() == []
        publish("b")
        assert run() == [CURATED]


def test_verification_finds_what_is_damaged(
    warehouse: Warehouse, store: ObjectStore, tmp_path: Path
) -> None:
    body = b'{"id":1}\n'
    name = hashlib.sha256(body).hexdigest()[:16]
    store.put_if_absent("raw", f"site/users/date=2026-01-01/{name}.jsonl", body)
    write_mart(warehouse, store, "sales", "v9")
    assert all(finding.good for finding in verify(store, warehouse, ["sales"]))

    store.put_if_absent("raw", "site/users/date=2026-01-02/0123456789abcdef.jsonl", body)
    warehouse.query("DELETE FROM candidate.sales WHERE id = 0", "test")
    warehouse.publish(CANDIDATE, PUBLISHED)
    torn = tmp_path / "torn"
    torn.write_bytes(b"PAR1 but no Parquet")
    store.put_file("curated", "torn/data.parquet", torn)
    bad = {f.uri: f.text for f in verify(store, warehouse, ["sales"]) if not f.good}
    assert len(bad) == 3
    assert "4" in bad["s3://curated/sales/data.parquet"]
    assert "cannot be read" in bad["s3://curated/torn/data.parquet"]


def test_a_published_mart_without_an_object_is_found(
    warehouse: Warehouse, store: ObjectStore
) -> None:
    warehouse.publish(CANDIDATE, Relation("marts", "absent"))
    found = [finding for finding in verify(store, warehouse, ["absent"]) if not finding.good]
    assert any("missing" in finding.text for finding in found)


def test_objects_are_listed_by_layer(store: ObjectStore) -> None:
    store.put_if_absent("raw", "listed/one", b"1")
    assert [item.key for item in list_objects(store, "raw", "listed/")] == ["listed/one"]
    assert "listed/one" in {item.key for item in list_objects(store, None, "")}


def test_an_unknown_layer_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'curate' is not a layer.*Did you mean 'curated'"):
        layer_of_text("curate")
