"""From a connection's table, declared or live, to its asset.

dagster-fivetran asks a translator both at load (declared tables) and after a sync (what the
account reports); both must give the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dagster import AssetDep, AssetKey, AssetSpec, FreshnessPolicy
from dagster._core.definitions.metadata.metadata_set import TableMetadataSet
from dagster_fivetran import DagsterFivetranTranslator
from dagster_fivetran.translator import FivetranConnectorTableProps, FivetranMetadataSet
from dagster_fivetran.utils import DAGSTER_FIVETRAN_TRANSLATOR_METADATA_KEY
from dagster_shared.record import replace

from dataplatform.keys import Relation, asset_key
from dataplatform.resources.table_metadata import declared_metadata

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection, Table


class DeclaredTranslator(DagsterFivetranTranslator):
    """Gives declared tables their keys and all that the UI shows of them.

    Args:
        connection: the connection whose tables are translated.
        inputs: gives what a table, by its name in the destination, is loaded from.
    """

    def __init__(
        self, connection: Connection, inputs: Callable[[str], Sequence[AssetKey]] = lambda _: ()
    ) -> None:
        self._connection = connection
        self._tables = connection.relations
        self._inputs = inputs
        # What all tables of a connection have alike is made once: there may be thousands.
        hours = connection.freshness
        self._freshness = (
            FreshnessPolicy.time_window(fail_window=timedelta(hours=hours)) if hours else None
        )
        self._shared: dict[str, dict[str, Any]] = {}
        self._specs: dict[str, AssetSpec] = {}

    def get_asset_spec(self, props: FivetranConnectorTableProps) -> AssetSpec:
        """Return the asset of a table, complete where the table is declared."""
        relation = self._relation(props)
        table = self._tables.get(relation)
        if table is not None:
            return self._declared(relation, table, props)
        spec = super().get_asset_spec(props)
        # Its address is made from the logical id; the true one is known after a sync.
        known = {key: value for key, value in spec.metadata.items() if key != "connector_url"}
        return spec.replace_attributes(
            key=asset_key(relation),
            group_name=relation.schema,
            kinds={"fivetran", self._connection.service},
            metadata=known,
        )

    def _declared(
        self, relation: Relation, table: Table, props: FivetranConnectorTableProps
    ) -> AssetSpec:
        """Make the asset from what all of a schema have alike, which is checked once."""
        return replace(
            self._alike(relation.schema, props),
            key=asset_key(relation),
            deps=[AssetDep(key) for key in self._inputs(relation.table)],
            description=_description(self._connection, table),
            metadata={
                **self._shared_metadata(props),
                "dagster-fivetran/destination_schema_name": relation.schema,
                "dagster-fivetran/destination_table_name": relation.table,
                **declared_metadata(relation, table.columns, tuple(table.primary_key)),
            },
        )

    def _alike(self, schema: str, props: FivetranConnectorTableProps) -> AssetSpec:
        if schema not in self._specs:
            connection = self._connection
            self._specs[schema] = AssetSpec(
                key=asset_key(self._relation(props)),
                # A table that is gone from the source fails the step, not the other tables.
                skippable=True,
                group_name=schema,
                kinds={"fivetran", connection.service},
                owners=[connection.owner] if connection.owner else [],
                tags={"layer": "raw", "connection": connection.name},
                freshness_policy=self._freshness,
            )
        return self._specs[schema]

    def _shared_metadata(self, props: FivetranConnectorTableProps) -> dict[str, Any]:
        """What dagster-fivetran tells alike of all tables of a connection."""
        if props.connector_id not in self._shared:
            self._shared[props.connector_id] = {
                **TableMetadataSet(storage_kind=props.service),
                **FivetranMetadataSet(
                    connector_id=props.connector_id,
                    connector_name=props.connector_name,
                    destination_id=props.destination_id,
                    sync_frequency_minutes=props.sync_frequency,
                    schedule_type=props.schedule_type,
                    daily_sync_time=props.daily_sync_time,
                ),
                DAGSTER_FIVETRAN_TRANSLATOR_METADATA_KEY: self,
            }
        return self._shared[props.connector_id]

    def _relation(self, props: FivetranConnectorTableProps) -> Relation:
        schema, _, table = props.table.partition(".")
        relation = Relation(schema, table)
        prefixed = Relation(f"{self._connection.destination_schema}_{schema}", table)
        # Accounts report a database's schema with or without the connection's prefix.
        if relation not in self._tables and prefixed in self._tables:
            return prefixed
        return relation


def _description(connection: Connection, table: Table) -> str:
    text = table.description or connection.description or ""
    return (
        f"{text}\n\nSynced from `{table.name}` by the Fivetran connection "
        f"**{connection.name}** (`{connection.service}`)."
    ).strip()
