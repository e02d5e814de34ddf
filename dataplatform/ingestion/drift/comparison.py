"""What has drifted between files and account, sorted by connection.

The comparison itself is the plan's; this only says which connection each difference is of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataplatform.ingestion.account.plan import Account
from dataplatform.ingestion.apply import make_plan
from dataplatform.resources.fivetran.workspace import open_client

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.ingestion.account.changes import Change
    from dataplatform.resources.fivetran.client import AccountClient


@dataclass
class Drift:
    """How a connection differs from its file.

    Attributes:
        sentences: one for each difference; none where it is as declared.
    """

    sentences: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Return the differences as one text."""
        return "; ".join(self.sentences) or "as declared"


def account_drift(project: Project, client: AccountClient | None = None) -> dict[str, Drift]:
    """Return how each declared connection differs from the account, by name.

    Raises:
        UserError: the account cannot be reached, or a secret that must be compared is not set.
    """
    changes = make_plan(Account(project, client or open_client(project))).pending
    return by_connection(project, changes)


def by_connection(project: Project, changes: list[Change]) -> dict[str, Drift]:
    """Return changes sorted by the declared connection that they are of."""
    found = {connection.name: Drift() for connection in project.connections}
    owner = {
        str(relation): connection.name
        for connection in project.connections
        for relation in connection.relations
    }
    schemas = {
        relation.schema: connection.name
        for connection in project.connections
        for relation in connection.relations
    }
    for change in changes:
        if change.kind == "connection":
            if change.name in found:
                found[change.name].sentences.append(change.sentence())
        elif change.kind in ("table", "column"):
            table = ".".join(change.name.split(".")[:2])
            name = owner.get(table) or schemas.get(table.split(".")[0])
            if name is not None:
                found[name].sentences.append(change.sentence())
    return found
