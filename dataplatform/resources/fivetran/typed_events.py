"""The events of a sync, with the columns that arrived and their types.

Fivetran's API names columns and no types, and asks for them by the source's names, which events do
not carry; the warehouse knows both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dagster import AssetMaterialization, MaterializeResult
from dagster_fivetran.fivetran_event_iterator import FivetranEventIterator
from dagster_fivetran.translator import FivetranMetadataSet

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.table_metadata import COLUMN_SCHEMA, column_schema
from dataplatform.resources.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from dataplatform.resources.fivetran.workspace import DeclaredWorkspace

Event = AssetMaterialization | MaterializeResult[Any]


class TypedEvents(FivetranEventIterator[Event]):
    """dagster-fivetran's iterator, whose columns have types."""

    _fivetran_workspace: DeclaredWorkspace

    def fetch_column_metadata(self) -> FivetranEventIterator[Event]:
        """Return the same events, each with the columns of its table as the warehouse has them."""
        return FivetranEventIterator(
            events=self._typed(), fivetran_workspace=self._fivetran_workspace, context=self._context
        )

    def _typed(self) -> Iterator[Event]:
        project = self._fivetran_workspace.project
        warehouse = open_warehouse(project.environment, project)
        for event in self:
            columns: dict[str, str] | None = None
            try:
                for relation in _relations(event):
                    columns = columns or warehouse.columns(relation)
            except UserError as error:
                # The rows are there; what they look like is not worth failing for.
                self._context.log.warning(f"The columns could not be read: {error}")
            if columns:
                found: Any = {**(event.metadata or {}), COLUMN_SCHEMA: column_schema(columns)}
                event = event._replace(metadata=found)
            yield event


def _relations(event: Event) -> list[Relation]:
    """Where the table of an event may lie: accounts tell a schema with or without its prefix."""
    said = FivetranMetadataSet.extract(event.metadata or {})
    schema, table = said.destination_schema_name, said.destination_table_name
    if not schema or not table:
        return []
    return [Relation(schema, table), Relation(f"{said.connector_name}_{schema}", table)]
