"""What a publication is: words shared by whoever asks for one and whoever carries it out.

No SQL lives here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dataplatform.keys import Relation

#: The schema of kept versions; consumers read the published table, never these.
VERSIONS = "versions"
#: Published versions that are kept of a table, unless its contract says otherwise.
KEPT = 5


#: Says, for a version's table and its columns, the statements that protect it from its readers.
Protect = Callable[[Relation, Mapping[str, str]], Sequence[str]]


def unprotected(copy: Relation, columns: Mapping[str, str]) -> Sequence[str]:
    """Return no statement: the table shows all of itself to whoever may read it."""
    return ()


@dataclass(frozen=True)
class Publication:
    """One table that is to be published.

    Attributes:
        candidate: the relation that passed its checks.
        target: the table that consumers read.
        data_version: of the candidate's rows, as recorded.
        exclude: columns that are left behind.
        keep: how many versions stay, this one included.
        protect: how its rows are protected before anybody reads them.
    """

    candidate: Relation
    target: Relation
    data_version: str = ""
    exclude: Sequence[str] = ()
    keep: int = KEPT
    protect: Protect = unprotected


@dataclass(frozen=True)
class Note:
    """Who publishes, why, and in which run."""

    who: str = ""
    why: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Version:
    """A kept version of a published table.

    Attributes:
        id: its name, which sorts by time.
        current: whether consumers read it now.
    """

    target: Relation
    id: str
    published_at: datetime
    data_version: str
    row_count: int
    who: str
    why: str
    run_id: str
    current: bool

    @property
    def relation(self) -> Relation:
        """The table that holds its rows."""
        return version_relation(self.target, self.id)


@dataclass(frozen=True)
class Served:
    """What consumers read of a table now, and whether a person chose it.

    Attributes:
        version: the version's id.
        rolled_back: whether it was chosen by a rollback that still holds.
        held: the data version that is not published again until it changes; empty for none.
        present: whether the version's rows are still there.
    """

    target: Relation
    version: str
    data_version: str
    row_count: int
    rolled_back: bool = False
    held: str = ""
    note: Note = field(default_factory=Note)
    present: bool = True


def version_relation(target: Relation, version: str) -> Relation:
    """Return the table that holds a version's rows."""
    return Relation(VERSIONS, f"{target.table}__{version}")


def new_id() -> str:
    """Return a name for a publication that sorts by time and that no other one has."""
    return f"{datetime.now(UTC):%Y%m%dt%H%M%S%f}_{secrets.token_hex(2)}"


def time_of(version: str) -> datetime:
    """Return when a version was published."""
    return datetime.strptime(version.split("_")[0], "%Y%m%dt%H%M%S%f").replace(tzinfo=UTC)
