"""What differs between the access file and the warehouse, and removing the difference.

Which engine is asked is decided here; what it is told is the business of the module of each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataplatform.access.items import Change, differences
from dataplatform.access.rights import Rights, rights_of
from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.access.engines import Engine
    from dataplatform.declarations.project import Project


@dataclass(frozen=True)
class Plan:
    """What applying would do, in order.

    Attributes:
        changes: every difference.
        notes: what else was found, and is left alone.
    """

    changes: list[Change] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def revokes(self) -> list[Change]:
        """The changes that take something away."""
        return [change for change in self.changes if change.action == "revoke"]

    @property
    def digest(self) -> str:
        """A short text that is the same for the same statements, and only for them."""
        said = json.dumps([change.as_json() for change in self.changes], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:10]

    def about(self, table: str) -> list[Change]:
        """Return the changes about one table, as ``schema.table``."""
        return [change for change in self.changes if change.item.table == table]


def make_plan(project: Project, engine: Engine, rights: Rights | None = None) -> Plan:
    """Return what differs between a project's access file and a warehouse.

    Args:
        project: its access file.
        engine: how the warehouse is asked.
        rights: who may read what, where the caller has worked that out already.

    Raises:
        UserError: the project has no access file, or the warehouse cannot be asked.
    """
    if project.access.file is None:
        raise UserError("There is no config/access.yml, so nothing is planned: write it first.")
    declared, found = engine.compare(rights or rights_of(project))
    return Plan(differences(declared, found), (*declared.notes, *found.notes))


def carry_out(
    engine: Engine,
    plan: Plan,
    *,
    allow_revoke: bool,
    told: Callable[[Change], None] = lambda change: None,
) -> list[Change]:
    """Do what a plan says and return what was done; revokes only where they are allowed.

    Args:
        engine: how the warehouse is told.
        plan: what was shown.
        allow_revoke: whether to take away what is not declared.
        told: is told of each change once it is done.

    Raises:
        UserError: the warehouse refuses a statement; the text says which, and what was done.
    """
    chosen: Sequence[Change] = [
        change for change in plan.changes if allow_revoke or change.action != "revoke"
    ]
    done: list[Change] = []

    def finished(change: Change) -> None:
        done.append(change)
        told(change)

    if chosen:
        engine.carry_out(chosen, finished)
    return done
