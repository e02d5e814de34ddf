"""What brings access into a warehouse: how it is asked, and how it is told.

Each warehouse's own engine stands beside what it is told; which one serves an environment is said
in ``opening``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.access.items import Change, Holding
from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.keys import Relation
    from dataplatform.resources.warehouse import Session, Warehouse

#: Seconds that a person waits for a warehouse in use.
PATIENCE = 20.0

Finished = Callable[[Change], None]
#: Gives the resolved ``warehouse`` block of the environment when it is first needed.
Settings = Callable[[], Mapping[str, Any]]


class Engine(Protocol):
    """A warehouse that holds grants, policies or views."""

    @property
    def answers_as_roles(self) -> bool:
        """Whether a rewritten query shows what a role sees, without anybody's log-in."""
        ...

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what it should hold and what it holds.

        Raises:
            UserError: it cannot be asked.
        """
        ...

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send the statements of some changes, in order.

        Raises:
            UserError: it refuses one.
        """
        ...

    def protection(
        self, rights: Rights, target: Relation, copy: Relation, columns: Mapping[str, str]
    ) -> Sequence[str]:
        """Return the statements that protect a fresh copy of a table as the table itself is.

        Args:
            rights: who may see what.
            target: the table that readers know.
            copy: the table whose rows they are about to be shown.
            columns: its columns, to their types.
        """
        ...


class SqlEngine(ABC):
    """What is asked and told by SQL in one session of the warehouse.

    Args:
        warehouse: the warehouse.
        settings: gives its resolved settings.
    """

    answers_as_roles = False

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._warehouse = warehouse
        self._settings = settings

    @abstractmethod
    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the warehouse should hold and what it holds."""

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the warehouse should hold and what it holds."""
        with self._warehouse.session("compare access", PATIENCE) as session:
            return self.read(session, rights)

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send the statements of some changes, in order."""
        with self._warehouse.session("apply access", PATIENCE) as session:
            send(session, changes, finished)

    def protection(
        self, rights: Rights, target: Relation, copy: Relation, columns: Mapping[str, str]
    ) -> Sequence[str]:
        """Return none: readers are let into views, which stay as they are."""
        return ()


def send(session: Session, changes: Sequence[Change], finished: Finished) -> None:
    """Send the statements of some changes in a session, in order.

    Raises:
        UserError: one is refused.
    """
    for change in changes:
        for statement in change.statements:
            try:
                session.execute(statement)
            except UserError:
                raise
            except Exception as error:  # each driver has errors of its own
                reason = str(error).splitlines()[0]
                raise UserError(
                    f"The warehouse refused `{statement}`: {reason} What was shown as done "
                    "before it stays; plan again."
                ) from error
        finished(change)
