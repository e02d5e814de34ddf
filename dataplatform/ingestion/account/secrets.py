"""Whether a secret is the one that was last sent to an account.

Accounts answer secrets masked. A keyed fingerprint of each sent secret is kept in the state
folder; the secret itself is not, and without the key a fingerprint tells nothing. The key lies
beside the fingerprints, or comes from DATAPLATFORM_FINGERPRINT_KEY, so that several machines can
share it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import setting
from dataplatform.ingestion.account.kept import KeptFile, write_private
from dataplatform.ingestion.account.settings import leaves

if TYPE_CHECKING:
    from dataplatform.ingestion.account.settings import Knowledge

KEY_VARIABLE = "DATAPLATFORM_FINGERPRINT_KEY"


class SentSecrets:
    """The fingerprints of what was sent, by connection and setting.

    Args:
        state: the project's state folder.
        account: tells accounts apart, such as ``environment/group``.
        root: the project, whose ``.env`` may hold the key.
    """

    def __init__(self, state: Path, account: str, root: Path) -> None:
        self._file = KeptFile(state / "connections" / "sent.json", account)
        self._key_file = state / "connections" / "key"
        self._root = root

    def knows(self, connection: str, path: str, value: Any) -> Knowledge:
        """Say what is known of a setting: the same as last sent, another, or never sent.

        Args:
            connection: whose setting.
            path: the setting, nested ones with dots.
            value: what would be sent; None asks only whether it was ever sent.
        """
        held = self._file.content.get(connection, {}).get(path)
        if held is None:
            return "unknown"
        if value is not None and hmac.compare_digest(held, self._fingerprint(path, value)):
            return "same"
        return "changed"

    def remember(self, connection: str, settings: Mapping[str, Any]) -> None:
        """Keep the fingerprints of settings that were sent; services mask more than names tell."""
        fresh = {
            path: self._fingerprint(path, value)
            for path, value in leaves(settings)
            if value is not None
        }
        self._file.update(connection, fresh)

    def forget(self, connection: str) -> None:
        """Know nothing more of what was sent: another declaration takes over the connection."""
        self._file.forget(connection)

    def _fingerprint(self, path: str, value: Any) -> str:
        text = f"{path}={value}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        given = setting(KEY_VARIABLE, self._root)
        if given:
            return given.encode()
        if not self._key_file.exists():
            write_private(self._key_file, secrets.token_bytes(32))
        return self._key_file.read_bytes()
