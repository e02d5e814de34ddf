"""Published marts as Parquet in the curated layer: one asset per mart, one step for all.

A mart that has not changed since its object was written is left alone, and the log says so.
"""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    DataVersion,
    Definitions,
    Failure,
    MaterializeResult,
    multi_asset,
)

from dataplatform.declarations.dbt_project import PublishedMart, published_marts
from dataplatform.declarations.project import Project
from dataplatform.keys import CURATED, PUBLISHED, Relation, asset_key
from dataplatform.lake.curated import is_current, object_key, write_mart
from dataplatform.resources.gates import latest_blocking_verdicts
from dataplatform.resources.instance import (
    latest_data_version,
)
from dataplatform.resources.lake import LakeResource
from dataplatform.resources.table_metadata import ROW_COUNT
from dataplatform.resources.warehouse.resource import WarehouseResource

STEP = "curate_marts"


def build_definitions(project: Project) -> Definitions:
    """Return the room's assets for a project; nothing is contacted.

    Args:
        project: its dbt project says which marts are published.
    """
    marts = published_marts(project)
    return Definitions(assets=[_curate(marts)] if marts else [])


def curated_spec(mart: PublishedMart) -> AssetSpec:
    """Return the asset of a mart's Parquet object."""
    return AssetSpec(
        asset_key(Relation(CURATED, mart.name)),
        deps=[AssetDep(asset_key(Relation(PUBLISHED, mart.name)))],
        description=(
            f"{mart.description}\n\nThe published mart as one Parquet object, "
            f"`{object_key(mart.name)}` in the curated bucket."
        ).strip(),
        group_name=CURATED,
        kinds={"parquet", "s3"},
        owners=[mart.owner] if mart.owner else [],
        tags={"layer": CURATED},
        skippable=True,
    )


def _curate(marts: list[PublishedMart]) -> AssetsDefinition:
    @multi_asset(
        name=STEP,
        specs=[curated_spec(mart) for mart in marts],
        can_subset=True,
        description="Writes published marts to the curated layer as Parquet.",
    )
    def curate_marts(
        context: AssetExecutionContext, warehouse: WarehouseResource, lake: LakeResource
    ) -> Iterator[MaterializeResult[Any]]:
        chosen = [
            mart
            for mart in marts
            if asset_key(Relation(CURATED, mart.name)) in context.selected_asset_keys
        ]
        published = {mart.name: asset_key(Relation(PUBLISHED, mart.name)) for mart in chosen}
        broken = latest_blocking_verdicts(context, list(published.values()))
        lake.store.ensure_buckets()
        for mart in chosen:
            source = published[mart.name]
            if source in broken:
                continue
            version = latest_data_version(context.instance, source)
            if is_current(lake.store, mart.name, version):
                context.log.info(f"{CURATED}.{mart.name}: unchanged")
                continue
            done = write_mart(warehouse.warehouse, lake.store, mart.name, version)
            context.log.info(f"{CURATED}.{mart.name}: {done.rows:,} rows, {done.size:,} bytes")
            yield MaterializeResult(
                asset_key=asset_key(Relation(CURATED, mart.name)),
                data_version=DataVersion(done.sha256[:32]),
                metadata={
                    ROW_COUNT: done.rows,
                    "dagster/uri": done.uri,
                    "dataplatform/bytes": done.size,
                },
            )
        if broken:
            raise Failure(
                " ".join(
                    f"{key.to_user_string()} was left out: its check "
                    f"{', '.join(verdict.check.name for verdict in verdicts)} failed."
                    for key, verdicts in broken.items()
                ),
                allow_retries=False,
            )

    return curate_marts
