"""What Dagster is told of a table that consumers read, other than by publishing a new build.

A rollback, and a publication whose process ended before it was recorded. Both are materialisations
with the data version of the rows that are served, so that lineage, staleness and what is downstream
follow.
"""

from __future__ import annotations

from typing import Any

from dagster import AssetMaterialization, DagsterInstance, MetadataValue

from dataplatform.keys import CANDIDATE, Relation, asset_key
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.table_metadata import ROW_COUNT, TABLE_NAME, observed_metadata
from dataplatform.resources.warehouse import TableFacts, Warehouse
from dataplatform.resources.warehouse.publication import Note, Served, Version
from dataplatform.transform.records import version_tags

# Raised when the way a mart is published changes, so that all are published again.
CODE = "publish-2"


def served_event(served: Served, facts: TableFacts | None = None) -> AssetMaterialization:
    """Return the materialisation that says what is served of a table.

    Args:
        served: as the journal of publications says it.
        facts: the columns, where they are known.
    """
    metadata: dict[str, Any] = {
        TABLE_NAME: str(served.target),
        ROW_COUNT: MetadataValue.int(served.row_count),
        "dataplatform/version": served.version,
    }
    if facts is not None:
        metadata |= observed_metadata(served.target, facts)
    if served.rolled_back:
        metadata["dataplatform/rolled_back_by"] = served.note.who
        metadata["dataplatform/rolled_back_why"] = served.note.why
    candidate = asset_key(Relation(CANDIDATE, served.target.table))
    tags = version_tags(served.data_version, CODE, {candidate: (served.data_version, None)})
    return AssetMaterialization(asset_key(served.target), metadata=metadata, tags=tags)


def roll_back(
    instance: DagsterInstance,
    warehouse: Warehouse,
    target: Relation,
    to: str | None,
    note: Note,
    patience: float,
) -> Version:
    """Show consumers a kept version again, and tell Dagster.

    Args:
        instance: where the rollback is recorded.
        warehouse: where versions are kept.
        target: the published table.
        to: the version's id or its beginning; None for the one before.
        note: who and why.
        patience: seconds to wait for a warehouse in use.

    Raises:
        UserError: there is no such table or version, or the warehouse stayed in use.
    """
    publisher = warehouse.published_for(patience)
    version, facts = publisher.roll_back(target, to, note)
    served = publisher.served([target])[target]
    instance.report_runless_asset_event(served_event(served, facts))
    return version


def repair(instance: DagsterInstance, warehouse: Warehouse, patience: float) -> list[str]:
    """Finish or undo what killed publications left, and tell Dagster what is served.

    Returns:
        A sentence for each table that needed it; none when all was in order.
    """
    publisher = warehouse.published_for(patience)
    said = publisher.repair()
    served = publisher.served()
    known = latest_materialisations(instance, [asset_key(target) for target in served])
    for target, now in sorted(served.items()):
        last = known.get(asset_key(target))
        if last is None or last.data_version != now.data_version:
            instance.report_runless_asset_event(served_event(now))
            said.append(f"{target}: recorded version {now.version}, which is served.")
    return said
