"""One look at an account, shared by the steps that bring it in line.

It remembers what was found and what went wrong; what is looked at is the steps' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.changes import Change, looks_secret
from dataplatform.ingestion.account.secrets import SentSecrets
from dataplatform.resources.fivetran.workspace import group_name

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient

Live = Mapping[str, Any]


def _silent(change: Change) -> None:
    """Tell nobody."""


@dataclass
class Pass:
    """One pass over an account.

    Attributes:
        project: whose connections are declared.
        client: the account.
        changing: whether what differs is changed, or only told.
        tell: called with each change when it is made.
        changes: what differs, in the order in which it was found.
        troubles: what could not be done, in sentences.
    """

    project: Project
    client: AccountClient
    changing: bool
    tell: Callable[[Change], None] = _silent
    changes: list[Change] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.group = group_name(self.project)
        self.secrets = SentSecrets(
            self.project.state, f"{self.project.environment.name}/{self.group}"
        )

    def found(self, change: Change) -> None:
        """Note a difference, and tell of it where it is about to be removed."""
        self.changes.append(change)
        if self.changing:
            self.tell(change)

    def resolved(self, value: Any) -> Any:
        """Return a declared value of any shape with its references expanded."""
        return self.project.environment.resolve_all(value)

    def remember(self, name: str, config: Mapping[str, Any]) -> None:
        """Keep the fingerprints of settings that were sent."""
        # Services mask more than names tell; every text setting is therefore remembered.
        self.secrets.remember(
            name,
            {
                key: value
                for key, value in config.items()
                if looks_secret(key) or isinstance(value, str)
            },
        )
