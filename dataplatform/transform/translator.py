"""What Dagster shows of dbt: one asset specification for each node, one check for each test.

Built from the slim graph rather than from ``dagster_dbt``, whose import costs more than loading
the whole platform. Keys, groups, owners, kinds, tags, columns and versions are decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DailyPartitionsDefinition,
    PartitionsDefinition,
    TableColumn,
    TableSchema,
)

from dataplatform.checks.spec import safe_name
from dataplatform.declarations.dbt_graph import DbtExposure, DbtGraph, DbtNode, DbtTest
from dataplatform.keys import asset_key, layer_of
from dataplatform.resources.instance import GATE, RULE, SEVERITY

UNIQUE_ID = "dataplatform/dbt_unique_id"


def owners(owner: str | None) -> list[str] | None:
    """Return an owner as Dagster takes it: a mail address or ``team:name``."""
    if not owner:
        return None
    known = "@" in owner or owner.startswith("team:")
    return [owner if known else f"team:{owner}"]


def partitions_of(node: DbtNode) -> PartitionsDefinition[Any] | None:
    """Return the days of a model that is rebuilt by day."""
    partition = node.partition
    if partition is None:
        return None
    # The day that is running counts: its sales are already arriving.
    return DailyPartitionsDefinition(start_date=partition["start"], end_offset=1)


def asset_spec(graph: DbtGraph, node: DbtNode, warehouse: str, freshness: Any = None) -> AssetSpec:
    """Return the asset of a node.

    Args:
        graph: the dbt graph.
        node: a model, seed or snapshot.
        warehouse: the warehouse's type, shown as a kind.
        freshness: a freshness policy that its contract promises, or None.
    """
    metadata: dict[str, Any] = {
        UNIQUE_ID: node.id,
        "dagster/table_name": str(node.relation),
        "dataplatform/file": f"dbt_project/{node.path}",
        "dataplatform/materialized": node.materialized,
    }
    if node.columns:
        metadata["dagster/column_schema"] = TableSchema(
            columns=[
                TableColumn(name, column["type"] or "unknown", column["description"] or None)
                for name, column in node.columns.items()
            ]
        )
    tags = {"layer": layer_of(node.relation)}
    tags.update({safe_name(tag): "" for tag in node.tags})
    return AssetSpec(
        key=asset_key(node.relation),
        deps=[asset_key(graph.relation(parent)) for parent in node.parents],
        description=node.description or None,
        metadata=metadata,
        group_name=layer_of(node.relation),
        code_version=node.code_version,
        owners=owners(node.owner),
        tags=tags,
        kinds={"dbt", warehouse},
        skippable=True,
        partitions_def=partitions_of(node),
        freshness_policy=freshness,
    )


def test_check_name(test: DbtTest) -> str:
    """Return the name of the check that a test becomes."""
    return safe_name(test.name)


def test_spec(graph: DbtGraph, test: DbtTest) -> AssetCheckSpec:
    """Return the check of a dbt test."""
    return AssetCheckSpec(
        name=test_check_name(test),
        asset=asset_key(graph.by_id[test.node].relation),
        description=test.description or f"dbt test in {test.path}",
        blocking=False,
        metadata={
            GATE: test.severity == "ERROR",
            SEVERITY: test.severity,
            RULE: f"dbt_project/{test.path}",
            UNIQUE_ID: test.id,
        },
    )


def exposure_spec(
    graph: DbtGraph, exposure: DbtExposure, published: Mapping[str, AssetKey]
) -> AssetSpec:
    """Return what reads models outside dbt, as an asset that nobody here materialises.

    Args:
        graph: the dbt graph.
        exposure: the declared reader.
        published: the published key of each candidate's node id; readers see only those.
    """
    deps: Sequence[AssetKey] = [
        published.get(parent, asset_key(graph.relation(parent))) for parent in exposure.parents
    ]
    return AssetSpec(
        key=AssetKey(["exposures", exposure.name]),
        deps=deps,
        description=f"{exposure.label}\n\n{exposure.description}".strip(),
        group_name="exposures",
        owners=owners(exposure.owner),
        metadata={"url": exposure.url} if exposure.url else {},
        tags={"layer": "exposures"},
        kinds={exposure.type.lower()},
    )
