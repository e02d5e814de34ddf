"""What a table cost, as its asset's metadata: recorded once a day, never by a run of its own."""

from __future__ import annotations

from dagster import AssetObservation, DagsterInstance, MetadataValue

from dataplatform.keys import Relation, asset_key
from dataplatform.resources.profile_metadata import PROFILE

AMOUNT = "dataplatform/cost_amount"
MONEY = "dataplatform/cost"


def record_cost(
    instance: DagsterInstance,
    relation: Relation,
    days: int,
    told: str,
    money: float | None,
    currency: str,
) -> None:
    """Attach what a table cost to its asset, as an observation without a run.

    Args:
        instance: where it is recorded.
        relation: the table.
        days: of how many days.
        told: the amount in words, in the warehouse's unit.
        money: the same in money; None without a price.
        currency: of the money.
    """
    metadata = {
        # Says nothing of the table's freshness, as a profile does not.
        PROFILE: MetadataValue.text("cost"),
        AMOUNT: MetadataValue.text(f"{told} in {days} days"),
    }
    if money is not None:
        metadata[MONEY] = MetadataValue.text(f"{money:,.2f} {currency} in {days} days")
    instance.report_runless_asset_event(
        AssetObservation(asset_key(relation), description="Cost", metadata=metadata)
    )
