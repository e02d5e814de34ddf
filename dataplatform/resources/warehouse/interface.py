"""What every warehouse can do, and how names are quoted for it.

No adapter lives here, and nothing that only one warehouse knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.keys import Relation

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.alchemy import Alchemy
    from dataplatform.resources.warehouse.publishing import Publisher
    from dataplatform.resources.warehouse.swap import Swap

SYNCED_COLUMN = "_fivetran_synced"
DELETED_COLUMN = "_fivetran_deleted"
#: The comment of a view that only shows the table of the same name of another environment.
DEFERRED_COMMENT = "dataplatform: deferred"


def quoted(name: str) -> str:
    """Return an identifier quoted for SQL, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def qualified(relation: Relation) -> str:
    """Return the quoted ``schema.table`` of a relation."""
    return f"{quoted(relation.schema)}.{quoted(relation.table)}"


@dataclass(frozen=True)
class TableFacts:
    """What is true of a table at one moment.

    Attributes:
        columns: column name to the warehouse's own name of its type, in order.
        row_count: number of rows, soft-deleted ones included.
        fingerprint: changes whenever a row or a column changes, and only then; empty where it
            was not asked for.
    """

    columns: Mapping[str, str]
    row_count: int
    fingerprint: str
    comments: Mapping[str, str] = field(default_factory=dict)


def digest(parts: Iterable[object]) -> str:
    """Return a short stable hash of some values."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:32]


class Session(Protocol):
    """An open conversation with the warehouse; short, because others may be waiting."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows (none for a statement without a result)."""
        ...


class Warehouse(Protocol):
    """A warehouse of any kind.

    Every method takes what it needs from the outside world when called, never before, so that
    making one needs neither a server nor credentials.
    """

    @property
    def dialect(self) -> str:
        """The SQL dialect by sqlglot's name, for example ``duckdb``."""
        ...

    def session(
        self, purpose: str, patience: float | None = None
    ) -> AbstractContextManager[Session]:
        """Open a session.

        Args:
            purpose: who asks and why, in words that help someone who waits for the lock.
            patience: seconds to wait for a warehouse that is in use; long by default.

        Raises:
            UserError: the warehouse cannot be reached, or stayed locked by another program.
        """
        ...

    def query(self, sql: str, purpose: str) -> list[tuple[Any, ...]]:
        """Run one statement in a session of its own and return its rows."""
        ...

    def relations(self) -> set[Relation]:
        """Return every relation of the warehouse, in small letters."""
        ...

    def columns(self, relation: Relation, session: Session | None = None) -> dict[str, str] | None:
        """Return column names to types, or None where the relation does not exist.

        Args:
            relation: the table or view.
            session: an open one to ask in; without it one is opened for the question.
        """
        ...

    def row_count(self, relation: Relation) -> int:
        """Return the number of rows of a relation."""
        ...

    def facts(
        self,
        relations: Iterable[Relation],
        patience: float | None = None,
        *,
        fingerprint: bool = True,
    ) -> dict[Relation, TableFacts]:
        """Return the facts of several relations from one session; missing ones are left out.

        Args:
            relations: the tables.
            patience: seconds to wait for a warehouse that is in use; long by default.
            fingerprint: whether to take it, which may scan the whole of each table.

        Raises:
            UserError: the warehouse cannot be reached, or stayed in use by another program.
        """
        ...

    def together(self, session: Session, statements: Sequence[str]) -> None:
        """Run statements that change rows, all of them or none.

        Args:
            session: an open one, outside a transaction.
            statements: in order; none that changes what a table is.
        """
        ...

    def day_prints(self, session: Session, relation: Relation, column: str) -> dict[str, str]:
        """Return a fingerprint of each day's rows of a table, by day.

        Args:
            session: an open one to ask in.
            relation: the table; one that does not exist has no days.
            column: of dates, which says the day of a row.
        """
        ...

    @property
    def swap(self) -> Swap:
        """How the warehouse names things and keeps versions, as SQL."""
        ...

    @property
    def published(self) -> Publisher:
        """Publishes tables together, keeps their versions, and rolls them back."""
        ...

    def published_for(self, patience: float) -> Publisher:
        """The same for somebody who waits only some seconds for a warehouse in use."""
        ...

    def publish(
        self, candidate: Relation, target: Relation, exclude: Sequence[str] = ()
    ) -> TableFacts:
        """Publish one table alone, atomically: readers see old or new.

        Args:
            candidate: the relation that passed its checks.
            target: the table that consumers read.
            exclude: columns that are left behind.

        Returns:
            The facts of the target after the change, without a fingerprint (a scan of its own).

        Raises:
            UserError: the candidate does not exist.
        """
        ...

    def alchemy(self, purpose: str) -> AbstractContextManager[Alchemy]:
        """Open the warehouse for a tool that speaks SQLAlchemy, to be read.

        Args:
            purpose: who asks and why, in words that help someone who waits for the lock.

        Raises:
            UserError: the warehouse is not there yet, or stayed locked by another program.
        """
        ...

    def dbt_variables(self) -> dict[str, str]:
        """Return the variables that the profile of dbt reads, with addresses and secrets.

        Raises:
            UserError: a secret or an address is not set.
        """
        ...

    def beside_dbt(self, purpose: str) -> AbstractContextManager[Any]:
        """Hold what dbt needs while it runs in this process.

        Returns:
            A context that gives a second DuckDB connection to the same tables, or None.
        """
        ...

    def around_dbt(self, purpose: str) -> AbstractContextManager[None]:
        """Hold what dbt needs while it runs in a process of its own."""
        ...

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows, by the way the warehouse loads many rows best.

        Args:
            relation: the table; replaced if it exists, its schema is made where it is missing.
            path: a local file.

        Returns:
            The number of rows loaded.
        """
        ...

    def export_parquet(self, relation: Relation, path: Path) -> int:
        """Write a relation as one Parquet file, the same bytes for the same rows.

        Args:
            relation: what to write.
            path: a local file; replaced if it exists.

        Returns:
            The number of rows written.
        """
        ...
