"""The salt of each group's hashed columns.

All connections of a group share one, so that their hashed columns can be joined. It is derived
from a secret in the service's state folder, and never lies beside the rows that it protects.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path


class Salts:
    """The salts of one service.

    Args:
        state: the folder that holds the secret; it is made when it is first asked for.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "hashing.key"

    def of(self, group: str) -> str:
        """Return a group's salt: the same for ever, different from every other's."""
        return hmac.new(self._secret(), group.encode(), hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        if not self._path.exists():
            draft = self._path.with_suffix(f".{secrets.token_hex(4)}")
            draft.write_text(secrets.token_hex(32))
            draft.chmod(0o600)
            # Whoever comes first has made it; no half-written secret is ever read.
            with suppress(FileExistsError):
                os.link(draft, self._path)
            draft.unlink()
        return self._path.read_bytes()
