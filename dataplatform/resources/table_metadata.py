"""What Dagster's UI shows of a table, in Dagster's own standard metadata.

One place, so that every step that touches a table reports it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dagster import MetadataValue, TableColumn, TableColumnConstraints, TableSchema

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import TableFacts

COLUMN_SCHEMA = "dagster/column_schema"
ROW_COUNT = "dagster/row_count"
TABLE_NAME = "dagster/table_name"


def column_schema(
    columns: Mapping[str, str],
    comments: Mapping[str, str] | None = None,
    primary_key: tuple[str, ...] = (),
) -> TableSchema:
    """Return Dagster's description of columns.

    Args:
        columns: name to type, in order.
        comments: name to description, where there is one.
        primary_key: names of the key's columns; a single one is marked unique.
    """
    comments = comments or {}
    return TableSchema(
        columns=[
            _column(name, kind, comments.get(name), name not in primary_key, primary_key == (name,))
            for name, kind in columns.items()
        ]
    )


@lru_cache(maxsize=4096)
def _column(name: str, kind: str, comment: str | None, nullable: bool, unique: bool) -> TableColumn:
    """Columns are immutable, and many tables have the same ones."""
    return TableColumn(
        name=name,
        type=kind,
        description=comment,
        constraints=TableColumnConstraints(nullable=nullable, unique=unique),
    )


def declared_metadata(
    relation: Relation, columns: Mapping[str, str], primary_key: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the metadata of a table as it is declared, before any row has arrived."""
    metadata: dict[str, Any] = {TABLE_NAME: str(relation)}
    if columns:
        metadata[COLUMN_SCHEMA] = column_schema(columns, primary_key=primary_key)
    return metadata


def observed_metadata(
    relation: Relation, facts: TableFacts, primary_key: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the metadata of a table as it was found after a step."""
    return {
        TABLE_NAME: str(relation),
        ROW_COUNT: MetadataValue.int(facts.row_count),
        COLUMN_SCHEMA: column_schema(facts.columns, facts.comments, primary_key),
    }
