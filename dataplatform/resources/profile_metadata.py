"""A table's profile as an asset's metadata: recorded when somebody asks, never by a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dagster import (
    AssetObservation,
    DagsterInstance,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)

from dataplatform.keys import Relation, asset_key

#: Marks an observation that says nothing of a table's freshness.
PROFILE = "dataplatform/profile"


def record_profile(
    instance: DagsterInstance, relation: Relation, rows: int, columns: Sequence[Mapping[str, str]]
) -> None:
    """Attach a profile to a table's asset, as an observation without a run.

    Args:
        instance: where it is recorded.
        relation: the table.
        rows: how many it has.
        columns: a row of words for each column, with the same names in each.
    """
    schema = TableSchema(columns=[TableColumn(name=name, type="string") for name in columns[0]])
    table = MetadataValue.table([TableRecord(dict(row)) for row in columns], schema)
    metadata = {PROFILE: table, "rows": MetadataValue.int(rows)}
    instance.report_runless_asset_event(
        AssetObservation(asset_key(relation), description="Profile", metadata=metadata)
    )
