"""How BigQuery keeps versions of published tables and shows one of them, as SQL.

The order of the statements is the business of ``publishing``, what a table looks like that of
``bigquery``.
"""

from __future__ import annotations

from typing import Any

from dataplatform.bigquery_load import quoted
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.swap import CloneSwap

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}


def literal(text: str) -> str:
    """Return a text as a literal of BigQuery, where a quote is not doubled but escaped."""
    return "'" + "".join(_ESCAPES.get(one, one) for one in text) + "'"


class BigQuerySwap(CloneSwap):
    """BigQuery's way: a clone costs only what changes; a dataset cannot be swapped as a whole."""

    text_type = "string"
    number_type = "int64"

    def column(self, name: str) -> str:
        """Return the name in backticks."""
        return quoted(name)

    def literal(self, text: str) -> str:
        """Return a text as a literal."""
        return literal(text)

    def kind(self, session: Session, relation: Relation) -> str | None:
        """Return ``VIEW``, ``BASE TABLE`` or None for a relation that does not exist."""
        table = session.table(relation)  # type: ignore[attr-defined]
        return None if table is None else "VIEW" if table.table_type == "VIEW" else "BASE TABLE"

    def tables(self, session: Session, schema: str) -> set[str]:
        """Return the names of the relations of a dataset, in small letters."""
        found: Any = session.tables(schema)  # type: ignore[attr-defined]
        return {str(name).lower() for name in found}

    def relations(self, session: Session) -> set[Relation]:
        """Return every relation of the project, in small letters."""
        datasets: Any = session.datasets()  # type: ignore[attr-defined]
        return {
            Relation(str(schema).lower(), table)
            for schema in datasets
            for table in self.tables(session, schema)
        }
