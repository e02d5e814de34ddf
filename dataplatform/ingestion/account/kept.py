"""A small file of the state folder that only its owner may read, replaced whole.

One account's part is read and written at a time. What is kept is the business of its users.
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError

#: Of the file; one without the number was written before there was one, and is the same.
LAYOUT = 1
# No account's name: those have a slash, or no underscore before them.
_LAYOUT = "_layout"


class KeptFile:
    """One account's part of a JSON file: names to settings.

    Args:
        path: the file; it need not exist.
        account: whose part.
    """

    def __init__(self, path: Path, account: str) -> None:
        self._path = path
        self._account = account

    @cached_property
    def content(self) -> dict[str, dict[str, Any]]:
        """The account's part."""
        found = self._read().get(self._account, {})
        return found if isinstance(found, dict) else {}

    def update(self, name: str, settings: dict[str, Any]) -> None:
        """Add settings to a name's, and write the file."""
        self.content.setdefault(name, {}).update(settings)
        self._write()

    def forget(self, name: str) -> None:
        """Drop a name, and write the file."""
        if self.content.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        whole = {_LAYOUT: LAYOUT, **self._read(), self._account: self.content}
        write_private(self._path, json.dumps(whole, indent=2, sort_keys=True).encode())

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # Unreadable is as good as lost: what was kept is then unknown.
            return {}
        if not isinstance(content, dict):
            return {}
        layout = content.pop(_LAYOUT, LAYOUT)
        if layout != LAYOUT:
            raise UserError(
                f"{self._path} has layout {layout}, of a newer version of the platform; this one "
                f"knows layout {LAYOUT}. Use the newer one again, or move the file away."
            )
        return content


def write_private(path: Path, content: bytes) -> None:
    """Replace a file, which only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)
