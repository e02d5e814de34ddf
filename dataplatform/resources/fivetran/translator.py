"""From a connection's table, declared or live, to its asset.

dagster-fivetran asks a translator both at load (declared tables) and after a sync (what the
account reports); both must give the same key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dagster import AssetSpec, FreshnessPolicy
from dagster_fivetran import DagsterFivetranTranslator
from dagster_fivetran.translator import FivetranConnectorTableProps

from dataplatform.keys import Relation, asset_key
from dataplatform.resources.table_metadata import declared_metadata

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection, Table


class DeclaredTranslator(DagsterFivetranTranslator):
    """Gives declared tables their keys and all that the UI shows of them.

    Args:
        connection: the connection whose tables are translated.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = connection.relations

    def get_asset_spec(self, props: FivetranConnectorTableProps) -> AssetSpec:
        """Return the asset of a table, complete where the table is declared."""
        relation = self._relation(props)
        spec = super().get_asset_spec(props)
        # Its address is made from the logical id; the true one is known after a sync.
        known = {key: value for key, value in spec.metadata.items() if key != "connector_url"}
        table = self._tables.get(relation)
        spec = spec.replace_attributes(
            key=asset_key(relation),
            group_name=relation.schema,
            kinds={"fivetran", self._connection.service},
            metadata=known,
        )
        if table is None:
            return spec
        connection = self._connection
        hours = connection.freshness
        policy = FreshnessPolicy.time_window(fail_window=timedelta(hours=hours)) if hours else None
        return spec.replace_attributes(
            description=_description(connection, table),
            owners=[connection.owner] if connection.owner else [],
            tags={**spec.tags, "layer": "raw", "connection": connection.name},
            freshness_policy=policy,
        ).merge_attributes(
            metadata=declared_metadata(relation, table.columns, tuple(table.primary_key))
        )

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
