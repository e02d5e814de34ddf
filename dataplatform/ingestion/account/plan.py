"""A plan: the steps that bring an account in line, each with the differences it removes.

A step is made while the account is read and carried out later, so that what is done is what was
printed. Which steps there are is the business of ``steps`` and its siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.kept import KeptFile
from dataplatform.ingestion.account.secrets import SentSecrets
from dataplatform.ingestion.account.settings import Knowledge
from dataplatform.resources.fivetran.workspace import group_name

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient

Live = Mapping[str, Any]


@dataclass(frozen=True)
class SetupResult:
    """What one setup test said.

    Attributes:
        subject: the connection or destination.
        title: what was tried.
        status: ``PASSED``, ``WARNING``, ``SKIPPED`` or ``FAILED`` (or what the account says).
        message: why, where it did not pass.
    """

    subject: str
    title: str
    status: str
    message: str = ""


@dataclass(frozen=True)
class Listener:
    """Who is told while a plan is carried out: of each change made, and of each setup test."""

    change: Callable[[Change], None] = lambda change: None
    test: Callable[[SetupResult], None] = lambda result: None


@dataclass(frozen=True)
class Step:
    """Something to do, and the differences that it removes; nothing to do for a mere remark."""

    changes: tuple[Change, ...]
    act: Callable[[Listener], None] | None = None


@dataclass
class Plan:
    """The steps in the order in which they are carried out."""

    steps: list[Step] = field(default_factory=list)

    def add(self, changes: Iterable[Change], act: Callable[[Listener], None] | None = None) -> None:
        """Add a step; without a difference there is none."""
        found = tuple(changes)
        if found:
            self.steps.append(Step(found, act))

    @property
    def changes(self) -> list[Change]:
        """Every difference and remark, in order."""
        return [change for step in self.steps for change in step.changes]

    @property
    def pending(self) -> list[Change]:
        """What keeps the account from being as declared."""
        return [change for change in self.changes if change.pending]


@dataclass
class Account:
    """The account a project is applied to, and what is known of it on this machine.

    Attributes:
        project: whose connections are declared.
        client: the account.
        rotate: whether every secret is sent anew.
        group_id: the group's id; None until it is made.
        troubles: what could not be done, in sentences.
    """

    project: Project
    client: AccountClient
    rotate: bool = False
    group_id: str | None = None
    troubles: list[str] = field(default_factory=list)

    @cached_property
    def group(self) -> str:
        """The group's declared name."""
        return group_name(self.project)

    @cached_property
    def secrets(self) -> SentSecrets:
        """What was sent from here."""
        return SentSecrets(self.project.state, self._name, self.project.root)

    @cached_property
    def made(self) -> KeptFile:
        """The connections and webhooks that were made from here; only these are ever deleted."""
        return KeptFile(self.project.state / "connections" / "made.json", self._name)

    @property
    def _name(self) -> str:
        return f"{self.project.environment.name}/{self.group}"

    def resolved(self, value: Any) -> Any:
        """Return a declared value of any shape with its references expanded."""
        return self.project.environment.resolve_all(value)

    def knows(self, name: str) -> Callable[[str, Any], Knowledge]:
        """Return what tells of a connection's setting whether it is as last sent."""

        def knowledge(path: str, value: Any) -> Knowledge:
            if self.rotate:
                return "changed"
            return self.secrets.knows(name, path, value)

        return knowledge

    def knows_hidden(self, name: str, place: str) -> Callable[[str, Any], Knowledge]:
        """Return the same for settings that the account shows in no way.

        Of a connection that was made from here, what was never sent is not there.

        Args:
            name: the connection.
            place: its service and schema, as it was written down when it was made.
        """
        knows, made_here = self.knows(name), place in self.made.content

        def knowledge(path: str, value: Any) -> Knowledge:
            state = knows(path, value)
            return "changed" if made_here and state == "unknown" else state

        return knowledge


def tests_of(subject: str, answer: Live) -> list[SetupResult]:
    """Return the setup tests that an answer tells of."""
    return [
        SetupResult(
            subject,
            str(test.get("title", "")),
            str(test.get("status", "")),
            str(test.get("message") or ""),
        )
        for test in answer.get("setup_tests") or []
    ]
