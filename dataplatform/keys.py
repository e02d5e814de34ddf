"""How a table is named everywhere.

An asset key and a warehouse relation say the same thing in two languages: the key's path is
always ``[schema, table]``. Objects in the lake follow the same rule, with the bucket's layer in
the schema's place. Nothing else in the platform builds an asset key by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dagster import AssetKey

LAKE_RAW = "lake_raw"
STAGING = "staging"
INTERMEDIATE = "intermediate"
SNAPSHOTS = "snapshots"
CANDIDATE = "candidate"
PUBLISHED = "marts"
CURATED = "curated"
#: The platform's own tables: what monitors remember, what was published and accepted.
PLATFORM = "dataplatform"
#: Rows that were set aside because they break a rule.
QUARANTINE = "quarantine"


class Relation(NamedTuple):
    """A table or view in the warehouse, or a data set in the lake."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def published(self) -> Relation:
        """The relation that consumers read, for a candidate."""
        return Relation(PUBLISHED, self.table)

    @property
    def quarantined(self) -> Relation:
        """The table that holds rows set aside from this one."""
        return Relation(QUARANTINE, f"{self.schema}__{self.table}")

    @property
    def curated(self) -> Relation:
        """The Parquet data set that is written from this relation."""
        return Relation(CURATED, self.table)


def asset_key(relation: Relation) -> AssetKey:
    """Return the Dagster asset key of a relation."""
    from dagster import AssetKey

    return AssetKey([relation.schema, relation.table])


def relation_of(key: AssetKey) -> Relation:
    """Return the relation that an asset key names.

    Raises:
        ValueError: the key does not have exactly two parts, so no relation can belong to it.
    """
    if len(key.path) != 2:
        raise ValueError(f"The asset key {key.to_user_string()} is not of the form schema/table.")
    return Relation(*key.path)


def layer_of(relation: Relation) -> str:
    """Return the layer a relation belongs to: its schema, with every raw schema under ``raw``."""
    return "raw" if relation.schema.startswith("raw_") else relation.schema
