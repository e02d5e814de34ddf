"""One difference between what is declared and what an account holds, in words.

What differs is found in ``settings`` and ``tables``; what is done about it in ``steps``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

SECRET = "(secret)"

Action = Literal[
    "create", "change", "pause", "resume", "test", "delete", "keep", "unmanaged", "unknown"
]
Kind = Literal["group", "destination", "connection", "table", "column", "webhook"]
#: What is told and never acted on.
TOLD_ONLY = frozenset({"unmanaged", "unknown"})


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        action: what applying does about it; ``unmanaged`` and ``unknown`` are only told, and
            ``keep`` is a deletion that was not allowed.
        kind: what it is about.
        name: the group's, connection's, table's or column's name.
        field: what differs, for a change.
        before: the account's value; a secret is never shown.
        after: the declared value; a secret is never shown.
    """

    action: Action
    kind: Kind
    name: str
    field: str = ""
    before: Any = None
    after: Any = None

    @property
    def pending(self) -> bool:
        """Whether the account is not as declared because of it."""
        return self.action not in TOLD_ONLY

    def sentence(self) -> str:
        """Return the difference as one line."""
        subject = f"{self.kind} {self.name}"
        match self.action:
            case "change":
                if self.before == self.after == SECRET:
                    return f"change {subject}: {self.field} is a secret that is sent anew"
                return f"change {subject}: {self.field} {_said(self.before)} → {_said(self.after)}"
            case "test":
                return f"test {subject}: it is {self.before}"
            case "delete":
                return f"delete {subject}: its file is gone"
            case "keep":
                return f"keep {subject}: its file is gone, and --allow-destroy was not given"
            case "unmanaged":
                return f"leave {subject}: it is in the account and in no file"
            case "unknown":
                return f"leave {self.field} of {subject}: only --rotate can tell this secret anew"
        return f"{self.action} {subject}"

    def as_json(self) -> dict[str, Any]:
        """Return the difference for programs."""
        return asdict(self)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) and value else repr(value)
