"""How BigQuery keeps versions of published tables and shows one of them, as SQL.

The order of the statements is the business of ``publishing``, what a table looks like that of
``bigquery``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataplatform.bigquery_load import quoted
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.swap import Swap

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}


def literal(text: str) -> str:
    """Return a text as a literal of BigQuery, where a quote is not doubled but escaped."""
    return "'" + "".join(_ESCAPES.get(one, one) for one in text) + "'"


class BigQuerySwap(Swap):
    """A version is a clone, and so is what consumers read; a clone costs only what changes.

    A clone of the whole table replaces what consumers read in one statement. A dataset cannot be
    swapped as a whole, and no transaction holds changes of tables: a publication of several tables
    is finished or undone by the journal.
    """

    transactional = False
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

    def copy(self, candidate: Relation, version: Relation, kept: Sequence[str] | None) -> str:
        """Return the statement that keeps a candidate's rows: a clone where no column is left."""
        if kept is None:
            return f"CREATE OR REPLACE TABLE {self.name(version)} CLONE {self.name(candidate)}"
        return super().copy(candidate, version, kept)

    def show(
        self, version: Relation, target: Relation, kind: str | None, columns: Sequence[str]
    ) -> list[str]:
        """Return the one statement that replaces the target."""
        clone = f"CREATE OR REPLACE TABLE {self.name(target)} CLONE {self.name(version)}"
        return [f"DROP VIEW {self.name(target)}", clone] if kind == "VIEW" else [clone]

    def comment(self, relation: Relation, comments: Mapping[str, str]) -> list[str]:
        """Return nothing: a clone has its descriptions."""
        return []
