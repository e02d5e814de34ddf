"""What each model costs the processor, where several are built side by side by one process.

The threads that compute belong to the engine and serve whoever asks, so no clock tells them apart.
What the process computed between two moments is shared evenly among the models that were being
built then: the shares add up to what was really computed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Shares:
    """Shares a process's processor time among what runs in it.

    Args:
        clock: gives the processor seconds that the process has used, of all its threads.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        self._last = clock()

    def began(self, name: str) -> None:
        """Note that something begins to run."""
        with self._lock:
            self._share()
            self._used[name] = 0.0

    def ended(self, name: str) -> float:
        """Note that something ended and return the processor seconds that fell to it."""
        with self._lock:
            self._share()
            return self._used.pop(name, 0.0)

    def _share(self) -> None:
        now = self._clock()
        for name in self._used:
            self._used[name] += (now - self._last) / len(self._used)
        self._last = now
