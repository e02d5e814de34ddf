"""One writer at a time for each destination: the syncs of a group, and the platform log."""

from __future__ import annotations

import threading


class Writers:
    """A lock for each group, made when it is first asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def of(self, group: str) -> threading.Lock:
        """Return the lock to hold while writing to a group's destination."""
        with self._guard:
            return self._locks.setdefault(group, threading.Lock())
