"""How each warehouse keeps versions and shows one of them to readers, as SQL.

Where a change of tables can be part of a transaction, all tables of a group change at once. Where
each statement commits by itself, the journal tells how far a publication came. In which order the
statements run is the business of ``publishing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import Session, quoted


class Swap:
    """DuckDB's way: a version is a table, and what consumers read is a view of one."""

    #: Whether CREATE and DROP can be taken back by ROLLBACK.
    transactional = True
    text_type = "varchar"
    number_type = "bigint"
    #: Which rows of ``information_schema.tables`` are this database's.
    here = "table_catalog = current_database()"

    def folded(self, name: str) -> str:
        """Return a name as the warehouse writes it down."""
        return name

    def name(self, relation: Relation) -> str:
        """Return the quoted name of a relation."""
        return f"{self.column(relation.schema)}.{self.column(relation.table)}"

    def column(self, name: str) -> str:
        """Return the quoted name of a column."""
        return quoted(self.folded(name))

    def literal(self, text: str) -> str:
        """Return a text as a SQL literal."""
        return "'" + text.replace("'", "''") + "'"

    def schema(self, name: str) -> str:
        """Return the statement that makes a schema where it is missing."""
        return f"CREATE SCHEMA IF NOT EXISTS {self.column(name)}"

    def kind(self, session: Session, relation: Relation) -> str | None:
        """Return ``VIEW``, ``BASE TABLE`` or None for a relation that does not exist."""
        rows = self._listed(
            session,
            "table_type",
            f"{self._of_schema(relation.schema)} "
            f"AND table_name = {self.literal(self.folded(relation.table))}",
        )
        return str(rows[0][0]) if rows else None

    def tables(self, session: Session, schema: str) -> set[str]:
        """Return the names of the relations of a schema, in small letters."""
        rows = self._listed(session, "table_name", self._of_schema(schema))
        return {str(name).lower() for (name,) in rows}

    def relations(self, session: Session) -> set[Relation]:
        """Return every relation of the database, in small letters."""
        rows = self._listed(session, "table_schema, table_name", self.here)
        return {Relation(str(schema).lower(), str(table).lower()) for schema, table in rows}

    def _of_schema(self, name: str) -> str:
        return f"{self.here} AND table_schema = {self.literal(self.folded(name))}"

    def _listed(self, session: Session, columns: str, condition: str) -> list[tuple[Any, ...]]:
        return session.execute(f"SELECT {columns} FROM information_schema.tables WHERE {condition}")

    def copy(self, candidate: Relation, version: Relation, kept: Sequence[str] | None) -> str:
        """Return the statement that keeps a candidate's rows as a version.

        Args:
            candidate: what was built.
            version: the table to make; replaced where it is there half.
            kept: its columns, or None for all.
        """
        columns = "*" if kept is None else ", ".join(map(self.column, kept))
        return (
            f"CREATE OR REPLACE TABLE {self.name(version)} AS "
            f"SELECT {columns} FROM {self.name(candidate)}"
        )

    def show(
        self, version: Relation, target: Relation, kind: str | None, columns: Sequence[str]
    ) -> list[str]:
        """Return the statements after which readers of the target see a version.

        Args:
            version: the table with its rows.
            target: what consumers read.
            kind: what the target is now, as ``kind`` says.
            columns: the version's columns.
        """
        listed = ", ".join(map(self.column, columns))
        view = (
            f"CREATE OR REPLACE VIEW {self.name(target)} AS "
            f"SELECT {listed} FROM {self.name(version)}"
        )
        return [f"DROP TABLE {self.name(target)}", view] if kind == "BASE TABLE" else [view]

    def comment(self, relation: Relation, comments: Mapping[str, str]) -> list[str]:
        """Return the statements that put comments on columns."""
        return [
            f"COMMENT ON COLUMN {self.name(relation)}.{self.column(column)} IS {self.literal(text)}"
            for column, text in comments.items()
        ]

    def drop(self, version: Relation) -> str:
        """Return the statement that drops a version."""
        return f"DROP TABLE IF EXISTS {self.name(version)}"


class CloneSwap(Swap):
    """The way of a warehouse of clones: a version is one, and so is what consumers read.

    A clone of the whole table replaces what consumers read in one statement, and no transaction
    holds changes of tables: a publication of several tables is finished or undone by the journal.
    """

    transactional = False
    #: How a clone is told to keep the grants of the table whose place it takes.
    grants = ""

    def copy(self, candidate: Relation, version: Relation, kept: Sequence[str] | None) -> str:
        """Return the statement that keeps a candidate's rows: a clone where no column is left."""
        if kept is None:
            return f"CREATE OR REPLACE TABLE {self.name(version)} CLONE {self.name(candidate)}"
        return super().copy(candidate, version, kept)

    def show(
        self, version: Relation, target: Relation, kind: str | None, columns: Sequence[str]
    ) -> list[str]:
        """Return the one statement that replaces the target; a view must go first."""
        clone = (
            f"CREATE OR REPLACE TABLE {self.name(target)} CLONE {self.name(version)}{self.grants}"
        )
        return [f"DROP VIEW {self.name(target)}", clone] if kind == "VIEW" else [clone]

    def comment(self, relation: Relation, comments: Mapping[str, str]) -> list[str]:
        """Return nothing: a clone has its comments."""
        return []


class SnowflakeSwap(CloneSwap):
    """Snowflake's way: clones cost nothing, and keep the grants of what they replace."""

    grants = " COPY GRANTS"
    #: Snowflake's information schema lists its own database alone.
    here = "true"

    def folded(self, name: str) -> str:
        """Return a name after Snowflake's own folding to upper case."""
        return name.upper()

    def literal(self, text: str) -> str:
        """Return a text as a literal; a backslash escapes in Snowflake's."""
        return super().literal(text.replace("\\", "\\\\"))
