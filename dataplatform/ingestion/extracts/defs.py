"""Extracts as assets: one step per declared extract, one data set in the lake per resource."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from dataplatform.declarations.extract import Extract, Resource
from dataplatform.declarations.project import Project
from dataplatform.ingestion.extracts import objects
from dataplatform.ingestion.extracts.rows import REST_SOURCE, rows_of
from dataplatform.keys import LAKE_RAW, asset_key
from dataplatform.resources.executor import NEEDS
from dataplatform.resources.lake import LakeResource
from dataplatform.resources.project import declared_project
from dataplatform.resources.table_metadata import ROW_COUNT


def build_extracts(project: Project) -> list[AssetsDefinition]:
    """Return one step per declared extract.

    Args:
        project: its extracts are compiled; nothing is contacted.
    """
    return [_extract(extract) for extract in project.extracts]


def extract_specs(extract: Extract) -> list[AssetSpec]:
    """Return the assets of an extract's resources."""
    return [
        AssetSpec(
            asset_key(relation),
            description=_description(extract, resource),
            group_name="lake",
            kinds={"dlt", "s3"},
            owners=[extract.owner],
            tags={"layer": "lake", "extract": extract.name},
            metadata={"dataplatform/folder": objects.folder(extract, resource)},
            skippable=True,
        )
        for relation, resource in extract.relations.items()
    ]


def _extract(extract: Extract) -> AssetsDefinition:
    @multi_asset(
        name=f"extract_{extract.name}",
        specs=extract_specs(extract),
        can_subset=True,
        op_tags={NEEDS: REST_SOURCE} if extract.kind == "rest" else {},
        description=extract.description or None,
    )
    def fetch(
        context: AssetExecutionContext, lake: LakeResource
    ) -> Iterator[MaterializeResult[Any]]:
        project, store = declared_project(lake.project_root), lake.store
        store.ensure_buckets()
        today = datetime.now(UTC).date()
        for relation, resource in extract.relations.items():
            if asset_key(relation) not in context.selected_asset_keys:
                continue
            since = objects.last_cursor(store, extract, resource) if resource.cursor else None
            rows = rows_of(project, extract, resource, since)
            written = objects.write(store, extract, resource, rows, today)
            state = f"{written.rows:,} rows written" if written.new else "unchanged"
            context.log.info(f"{relation}: {state}")
            metadata: dict[str, Any] = {
                ROW_COUNT: written.rows,
                "dataplatform/bytes": written.size,
                "dataplatform/new": MetadataValue.bool(written.new),
            }
            if written.key is not None:
                metadata["dagster/uri"] = store.uri(objects.LAYER, written.key)
            yield MaterializeResult(
                asset_key=asset_key(relation),
                data_version=DataVersion(written.version),
                metadata=metadata,
            )

    return fetch


def _description(extract: Extract, resource: Resource) -> str:
    text = resource.description or extract.description
    source = f"`{resource.path}`" if resource.path else f"`{extract.module}`"
    return (
        f"{text}\n\nRead from {source} by the extract **{extract.name}** and kept as immutable "
        f"JSON lines in the {LAKE_RAW.removeprefix('lake_')} bucket, by date."
    )
