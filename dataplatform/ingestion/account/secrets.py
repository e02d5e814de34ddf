"""Whether a secret is the one that was last sent to an account.

Accounts answer secrets masked. A keyed fingerprint of each sent secret is kept in the state
folder; the secret itself is not, and without the key beside it a fingerprint tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any


class SentSecrets:
    """The fingerprints of what was sent, by connection and setting.

    Args:
        state: the project's state folder.
        account: tells accounts apart, such as ``environment/group``.
    """

    def __init__(self, state: Path, account: str) -> None:
        self._file = state / "connections" / "sent.json"
        self._key_file = state / "connections" / "key"
        self._account = account

    def known(self, connection: str, setting: str, value: Any) -> bool:
        """Return whether a value is the one that was last sent."""
        held = self._read().get(self._account, {}).get(connection, {}).get(setting)
        return held is not None and hmac.compare_digest(held, self._fingerprint(value))

    def remember(self, connection: str, values: dict[str, Any]) -> None:
        """Keep the fingerprints of values that were sent."""
        content = self._read()
        kept = content.setdefault(self._account, {}).setdefault(connection, {})
        kept.update({name: self._fingerprint(value) for name, value in values.items()})
        _write(self._file, json.dumps(content, indent=2, sort_keys=True).encode())

    def _fingerprint(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True, default=str)
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        if not self._key_file.exists():
            _write(self._key_file, secrets.token_bytes(32))
        return self._key_file.read_bytes()

    def _read(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # Unreadable is as good as lost: secrets are then sent anew.
            return {}
        return content if isinstance(content, dict) else {}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)
