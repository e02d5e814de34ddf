"""What a user is told when a declaration or a request is wrong.

Every mistake of a user ends in one of these, which the command line prints as one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class UserError(Exception):
    """A mistake that its user can mend; its text is one clear sentence."""


class DeclarationError(UserError):
    """A declared file is wrong; the text opens with the file and, where known, the line."""

    def __init__(self, file: Path, line: int | None, message: str) -> None:
        self.file = file
        self.line = line
        self.message = message
        where = str(file) if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {message}")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint that names the closest valid name, or an empty text.

    Args:
        name: what was written.
        names: what could have been meant.
    """
    close = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
