"""What every SQL warehouse does alike: questions about tables, asked in sessions of its own.

An adapter says how a session is opened, how one table is described and how versions are shown;
exporting stays with it, because there the warehouses differ most.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from dataplatform.checks.dialects import dialect
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.interface import (
    DELETED_COLUMN,
    SYNCED_COLUMN,
    Session,
    TableFacts,
    digest,
)
from dataplatform.resources.warehouse.publication import Note, Publication
from dataplatform.resources.warehouse.publishing import Publisher
from dataplatform.resources.warehouse.swap import Swap
from dataplatform.resources.warehouse.transaction import transaction

#: What a table is called whose rows are hashed whole. A column of this name would be taken instead.
ROWS = "_dataplatform_row"


class SqlWarehouse(ABC):
    """The part of a warehouse that is the same whatever its dialect."""

    @property
    def swap(self) -> Swap:
        """How versions of published tables are kept and shown: as tables behind a view."""
        return Swap()

    @property
    @abstractmethod
    def dialect(self) -> str:
        """The SQL dialect by sqlglot's name."""

    @abstractmethod
    def session(
        self, purpose: str, patience: float | None = None
    ) -> AbstractContextManager[Session]:
        """Open a session; ``patience`` is how many seconds to wait for a warehouse in use."""

    @abstractmethod
    def alchemy(self, purpose: str) -> AbstractContextManager[Alchemy]:
        """Open the warehouse for a tool that speaks SQLAlchemy, to be read."""

    #: The newest of a column's points in time, in a form that is the same in every process.
    newest = "max({})"

    @property
    @abstractmethod
    def rows_state(self) -> str:
        """Aggregates as text: they change with any row of the table, which is called ``ROWS``."""

    @property
    @abstractmethod
    def rows_hash(self) -> str:
        """The same as one text, which is enough for the rows of a day."""

    @abstractmethod
    def _columns(self, session: Session, relation: Relation) -> dict[str, str] | None: ...

    def _comments(self, session: Session, relation: Relation) -> dict[str, str]:
        """Return the comments of columns that a copy must be given; none where a clone has them."""
        return {}

    def _facts(
        self, session: Session, relation: Relation, *, fingerprint: bool = True
    ) -> TableFacts | None:
        columns = self._columns(session, relation)
        if columns is None:
            return None
        sql, asked = dialect(self.dialect), ["count(*)"]
        if fingerprint and SYNCED_COLUMN in columns:
            # A sync stamps every row that it touches, so the newest stamp tells of any change.
            deleted = sql.identifier(DELETED_COLUMN)
            asked.append(self.newest.format(sql.identifier(SYNCED_COLUMN)))
            asked.append(sql.count_if(deleted) if DELETED_COLUMN in columns else "0")
        elif fingerprint:
            asked.append(self.rows_state)
        listed = f"SELECT {', '.join(asked)} FROM {sql.relation(relation)} AS {ROWS}"
        state = session.execute(listed)[0]
        told = digest([*state, *columns.items()]) if fingerprint else ""
        return TableFacts(columns, int(state[0]), told, self._comments(session, relation))

    def _missing(self, session: Session, relation: Relation) -> UserError:
        return UserError(f"The warehouse has no table {relation}.")

    def beside_dbt(self, purpose: str) -> AbstractContextManager[Any]:
        """Need nothing while dbt runs in this process, and give no second look at its tables."""
        return nullcontext()

    def around_dbt(self, purpose: str) -> AbstractContextManager[None]:
        """Hold nothing while dbt runs in another process."""
        return nullcontext()

    def query(self, sql: str, purpose: str) -> list[tuple[Any, ...]]:
        """Run one statement in a session of its own and return its rows."""
        with self.session(purpose) as session:
            return session.execute(sql)

    @property
    def published(self) -> Publisher:
        """Publishes tables, and rolls them back."""
        return Publisher(self)

    def published_for(self, patience: float) -> Publisher:
        """Publish and roll back for somebody who waits only some seconds for the warehouse."""
        return Publisher(self, patience)

    def publish(
        self, candidate: Relation, target: Relation, exclude: Sequence[str] = ()
    ) -> TableFacts:
        """Publish one table alone."""
        one = Publication(candidate, target, exclude=exclude)
        return self.published.publish([one], Note())[target]

    def relations(self) -> set[Relation]:
        """Return every relation of the warehouse, in small letters."""
        with self.session("list of tables") as session:
            return self.swap.relations(session)

    def columns(self, relation: Relation, session: Session | None = None) -> dict[str, str] | None:
        """Return column names to types, or None where the relation does not exist."""
        if session is not None:
            return self._columns(session, relation)
        with self.session(f"columns of {relation}") as asking:
            return self._columns(asking, relation)

    def row_count(self, relation: Relation) -> int:
        """Return the number of rows of a relation."""
        with self.session(f"rows of {relation}") as session:
            self._columns_of(session, relation)
            counted = f"SELECT count(*) FROM {dialect(self.dialect).relation(relation)}"
            return int(session.execute(counted)[0][0])

    def facts(
        self,
        relations: Iterable[Relation],
        patience: float | None = None,
        *,
        fingerprint: bool = True,
    ) -> dict[Relation, TableFacts]:
        """Return the facts of several relations from one session; missing ones are left out."""
        wanted = list(relations)
        if not wanted:
            return {}
        with self.session(f"facts of {len(wanted)} tables", patience) as session:
            found = {
                relation: self._facts(session, relation, fingerprint=fingerprint)
                for relation in wanted
            }
        return {relation: facts for relation, facts in found.items() if facts is not None}

    def together(self, session: Session, statements: Sequence[str]) -> None:
        """Run statements that change rows in one transaction."""
        with transaction(session):
            for statement in statements:
                session.execute(statement)

    def day_prints(self, session: Session, relation: Relation, column: str) -> dict[str, str]:
        """Return a fingerprint of each day's rows, by day; empty where there is no such table."""
        if self._columns(session, relation) is None:
            return {}
        sql = dialect(self.dialect)
        rows = session.execute(
            f"SELECT {sql.text(sql.identifier(column))}, {self.rows_hash} "
            f"FROM {sql.relation(relation)} AS {ROWS} GROUP BY 1"
        )
        return {str(day): str(print_) for day, print_ in rows}

    def _columns_of(self, session: Session, relation: Relation) -> dict[str, str]:
        columns = self._columns(session, relation)
        if columns is None:
            raise self._missing(session, relation)
        return columns
