"""Which store a reference is read from, and how long what was read is kept.

A secret is kept in the memory of this process alone, and read anew when its time is over. While a
store does not answer, what was read last is still given for a while: a short outage of a vault
stops no run. A store that refuses is believed at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataplatform.declarations.secrets import SecretReference
from dataplatform.secret_stores.stored import SecretError, Store, Stored, StoreSilent

#: How long a secret whose time is over is still given while its store does not answer.
PATIENCE_SECONDS = 900.0


@dataclass
class _Kept:
    stored: Stored
    read_at: float


@dataclass
class _Opened:
    """A store that this process has opened; it is asked by one thread at a time."""

    store: Store
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[str, _Kept] = field(default_factory=dict)


_guard = threading.Lock()
_opened: dict[tuple[str, str], _Opened] = {}


def _forget() -> None:
    global _guard
    # A child of a fork must not wait for a lock that a thread of its parent held.
    _guard = threading.Lock()
    _opened.clear()


os.register_at_fork(after_in_child=_forget)


def read_secret(
    reference: SecretReference, settings: Mapping[str, Any], cache_seconds: float, root: Path
) -> str:
    """Return the value that a reference names.

    Args:
        reference: where the secret lies.
        settings: the resolved settings of its store.
        cache_seconds: how long it may be kept; the store may allow less.
        root: the project's folder, from which a file's relative path starts.

    Raises:
        SecretError: it cannot be read; the text says why.
    """
    known = hashlib.sha256(json.dumps([settings, str(root)], sort_keys=True).encode()).hexdigest()
    with _guard:
        opened = _opened.get((reference.store, known))
        if opened is None:
            opened = _Opened(_open(reference.store, settings, root))
            _opened[reference.store, known] = opened
    with opened.lock:
        stored = _current(opened, reference.path, cache_seconds)
    return stored.value(reference.key, f"The secret {reference.store}:{reference.path}")


def _current(opened: _Opened, path: str, cache_seconds: float) -> Stored:
    kept = opened.kept.get(path)
    age = time.monotonic() - kept.read_at if kept else 0.0
    if kept:
        allowed = kept.stored.seconds
        if age < (cache_seconds if allowed is None else min(cache_seconds, allowed)):
            return kept.stored
    try:
        stored = opened.store.read(path)
    except StoreSilent:
        if kept and age < cache_seconds + PATIENCE_SECONDS:
            return kept.stored
        raise
    except SecretError:
        # Refused, or gone: what was read before is not given any longer.
        opened.kept.pop(path, None)
        raise
    opened.kept[path] = _Kept(stored, time.monotonic())
    return stored


def _open(name: str, settings: Mapping[str, Any], root: Path) -> Store:
    if name == "vault":
        from dataplatform.secret_stores.vault import Vault

        return Vault(settings)
    if name == "aws":
        from dataplatform.secret_stores.aws import AwsSecrets

        return AwsSecrets(settings)
    if name == "gcp":
        from dataplatform.secret_stores.google import GoogleSecrets

        return GoogleSecrets(settings)
    from dataplatform.secret_stores.file import Files

    return Files(root)
