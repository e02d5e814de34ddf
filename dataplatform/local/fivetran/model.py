"""The words that sources, destinations and the service share.

A source describes its tables in these terms, a destination writes them, and a finished sync is
told as counts per table. How any of it is done lives with the service or destination that does it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dataplatform.declarations.errors import UserError

SYNCED = "_fivetran_synced"
DELETED = "_fivetran_deleted"
ROW_ID = "_fivetran_id"
START, END, ACTIVE = "_fivetran_start", "_fivetran_end", "_fivetran_active"
RESERVED = (SYNCED, DELETED, ROW_ID, START, END, ACTIVE)
# What the ``_kind`` of a change that was told says: the row is there as it stands, or it is gone.
UPSERT, DELETE = "U", "D"
SOFT_DELETE, HISTORY, LIVE = SYNC_MODES = ("SOFT_DELETE", "HISTORY", "LIVE")


class SyncRescheduled(Exception):
    """A sync cannot go on now and is to be tried again later; that is no failure.

    Args:
        reason: one clear sentence.
        seconds: how long to wait.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class SyncFailure(UserError):
    """A sync or a setup test failed for a reason its owner can mend.

    Args:
        message: one clear sentence.
        code: a short machine-readable reason, shown in the connection's status.
        broken: the connection cannot work until its set-up is changed (wrong credentials).
    """

    def __init__(self, message: str, *, code: str = "sync_failed", broken: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.broken = broken


@dataclass(frozen=True)
class Column:
    """One column: its name in the source and in the destination, and its destination type."""

    source: str
    name: str
    type: str
    key: bool = False
    source_type: str = ""


@dataclass(frozen=True)
class Table:
    """One table of a source and where its rows land.

    ``signature`` changes whenever rows may read differently although none was rewritten (a column
    added, another table under the same name); a sync then compares the whole table.
    """

    schema: str
    name: str
    target_schema: str
    target: str
    columns: tuple[Column, ...]
    signature: str = ""
    # Destination column that says whether the source itself counts a row as deleted.
    deleted_by: str | None = None
    # Files carry no deletes, so their tables have no ``_fivetran_deleted``.
    soft_delete: bool = True
    # What becomes of a row that changes or goes: one of ``SYNC_MODES``.
    mode: str = SOFT_DELETE
    # Source names of the columns that arrive as a hash of their value.
    hashed: frozenset[str] = frozenset()
    # Columns whose types are inferred from values may widen as far as text.
    inferred: bool = False
    details: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def key(self) -> tuple[str, ...]:
        """Destination names of the primary key; the row's own hash where there is none."""
        return tuple(column.name for column in self.columns if column.key) or (ROW_ID,)

    @property
    def has_key(self) -> bool:
        return any(column.key for column in self.columns)

    @property
    def marks_deleted(self) -> bool:
        """Whether its rows bear ``_fivetran_deleted``."""
        return self.mode == SOFT_DELETE and self.soft_delete

    def is_hashed(self, column: Column) -> bool:
        return column.source in self.hashed

    def landed_type(self, column: Column) -> str:
        """Return the type a column has in the destination before any widening."""
        return "VARCHAR" if self.is_hashed(column) else column.type

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass
class TableResult:
    """What one sync did to one table, in rows."""

    schema: str
    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Parts:
    """Some parts of a table: ranges of equal width of the values of an integer key.

    Part number n holds the rows whose value is at least ``low + n * width`` and less than the
    next part's first. Values below ``low`` count to the first part, those above ``high`` to the
    last.
    """

    column: str
    low: int
    high: int
    width: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class SetupTest:
    """One setup test, in the API's words: status PASSED, FAILED or SKIPPED."""

    title: str
    status: str
    message: str = ""
    broken: bool = False

    def as_json(self) -> dict[str, str]:
        return {"title": self.title, "status": self.status, "message": self.message}
